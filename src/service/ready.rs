//! Readiness: whether requests can be served now.

use std::sync::PoisonError;
use std::time::Duration;

use super::{Result, Service};
use crate::domain::time::{Timestamp, millis};
use crate::platform::Platform;
use crate::store::Store;

/// How long an answer of "ready" is good. Anybody may ask as often as they like, without an API key.
const PAUSE: Duration = Duration::from_secs(1);

impl<S: Store, P: Platform> Service<S, P> {
    /// Whether the database answers and the keys are there, or did so a second ago.
    ///
    /// # Errors
    /// What is missing.
    pub async fn ready(&self) -> Result<()> {
        let asked = self.platform.monotonic_millis();
        let was_ready = || {
            self.was_ready
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
        };
        let last = *was_ready();
        if last.is_some_and(|last| asked.saturating_sub(last) < millis(PAUSE)) {
            return Ok(());
        }
        self.keys.ring().await?;
        self.store.count_expired(Timestamp::EPOCH).await?;
        *was_ready() = Some(asked);
        Ok(())
    }
}
