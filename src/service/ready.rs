//! Two questions about the state of an instance: may a balancer send it requests, and does everything work?

use std::time::Duration;

use session_core::domain::time::Timestamp;
use session_core::platform::Platform;
use session_store::Store;

use super::{Result, Service, ServiceError, within};

/// How long an answer is kept. Of those who ask more often none reaches the database.
pub(super) const MAX_AGE: Duration = Duration::from_secs(1);

/// How long to wait for the database before an instance that needs none to check tokens is ready.
const READY_PATIENCE: Duration = Duration::from_secs(1);

/// How long to wait for the database before its status is that it does not answer.
const STATUS_PATIENCE: Duration = Duration::from_secs(2);

impl<S: Store, P: Platform> Service<S, P> {
    /// Whether this instance can check access tokens, now or a second ago: its keys are there, and the database has not
    /// contradicted them. With a master key or a key file an outage of the database changes nothing about that.
    ///
    /// # Errors
    /// Why the keys cannot be used.
    pub async fn ready(&self) -> Result<()> {
        self.readiness.get(self.check_keys()).await
    }

    async fn check_keys(&self) -> Result<()> {
        if !self.keys.has_own() {
            return self.keys.ring().await.map(drop);
        }
        if P::BLOCKING {
            return Ok(());
        }
        match within(&*self.platform, READY_PATIENCE, self.keys.ring()).await {
            Err(error @ ServiceError::Misconfigured(_)) => Err(error),
            Ok(_) | Err(_) => Ok(()),
        }
    }

    /// Whether all works, now or a second ago: the keys are there, and sessions can be read, stored and removed.
    ///
    /// # Errors
    /// What does not work.
    pub async fn status(&self) -> Result<()> {
        let check = async {
            self.keys.ring().await?;
            self.store.count_expired(Timestamp::EPOCH).await?;
            Ok(self.store.check_writable().await?)
        };
        let check = within(&*self.platform, STATUS_PATIENCE, check);
        self.status.get(check).await
    }
}
