//! Readiness: whether requests can be served now.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use session_core::domain::time::{Timestamp, millis};
use session_core::platform::Platform;
use session_core::sync::Semaphore;
use session_store::{Store, StoreError};

use super::{Result, Service};

/// How long an answer is good. Anybody may ask as often as they like, without an API key.
const PAUSE: Duration = Duration::from_secs(1);

/// How long to wait for the database.
const PATIENCE: Duration = Duration::from_secs(2);

/// The last answer, and a line of those who ask for the next: one of them asks the database.
pub(super) struct Readiness<P: Platform> {
    /// With the time when it came, on the monotonic clock.
    last: Mutex<Option<(u64, Result<()>)>>,
    asking: Semaphore<P>,
}

impl<P: Platform> Readiness<P> {
    pub(super) fn new(platform: Arc<P>) -> Self {
        Self {
            last: Mutex::default(),
            asking: Semaphore::new(1, platform),
        }
    }

    fn last(&self, now: u64) -> Option<Result<()>> {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let (came, answer) = last.as_ref()?;
        (now.saturating_sub(*came) < millis(PAUSE)).then(|| answer.clone())
    }
}

impl<S: Store, P: Platform> Service<S, P> {
    /// Whether the database answers and takes changes and the keys are there, or what was so a second ago.
    ///
    /// # Errors
    /// What is missing.
    pub async fn ready(&self) -> Result<()> {
        let asked = self.platform.monotonic_millis();
        if let Some(answer) = self.readiness.last(asked) {
            return answer;
        }
        let _turn = self.readiness.asking.acquire().await;
        if let Some(answer) = self.readiness.last(asked) {
            return answer;
        }
        let ask = async {
            self.keys.ring().await?;
            self.store.count_expired(Timestamp::EPOCH).await?;
            self.store.check_writable().await?;
            Ok(())
        };
        let answer = tokio::select! {
            biased;
            answer = ask => answer,
            () = self.platform.sleep(PATIENCE) => {
                Err(StoreError::Unavailable(format!("no answer within {PATIENCE:?}")).into())
            }
        };
        let mut last = self
            .readiness
            .last
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *last = Some((self.platform.monotonic_millis(), answer.clone()));
        answer
    }
}
