//! Readiness: whether requests can be served now.

use std::time::Duration;

use session_core::domain::time::Timestamp;
use session_core::platform::Platform;
use session_store::{Store, StoreError};

use super::{Result, Service};

/// How long an answer is kept. Anybody may ask as often as they like, without an API key.
pub(super) const MAX_AGE: Duration = Duration::from_secs(1);

/// How long to wait for the database.
const PATIENCE: Duration = Duration::from_secs(2);

impl<S: Store, P: Platform> Service<S, P> {
    /// Whether the database answers and takes changes and the keys are there, or what was so a second ago.
    ///
    /// # Errors
    /// What is missing.
    pub async fn ready(&self) -> Result<()> {
        let ask = async {
            self.keys.ring().await?;
            self.store.count_expired(Timestamp::EPOCH).await?;
            self.store.check_writable().await?;
            Ok(())
        };
        let ask = async {
            tokio::select! {
                biased;
                answer = ask => answer,
                () = self.platform.sleep(PATIENCE) => {
                    Err(StoreError::Unavailable(format!("no answer within {PATIENCE:?}")).into())
                }
            }
        };
        self.readiness.get(ask).await
    }
}
