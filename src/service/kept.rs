//! An answer that is kept for a while, however many ask for it meanwhile.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use session_core::domain::time::millis;
use session_core::platform::Platform;
use session_core::sync::Semaphore;

/// The last answer to a question. When it is too old, one caller asks again and the others wait for that answer.
pub(super) struct Kept<T, P: Platform> {
    max_age: Duration,
    /// With the time when it came, on the monotonic clock, in milliseconds.
    last: Mutex<Option<(u64, T)>>,
    /// Has one permit, held by the caller that asks.
    asking: Semaphore<P>,
    platform: Arc<P>,
}

impl<T: Clone, P: Platform> Kept<T, P> {
    /// Without an answer yet.
    pub(super) fn new(max_age: Duration, platform: &Arc<P>) -> Self {
        Self {
            max_age,
            last: Mutex::default(),
            asking: Semaphore::new(1, Arc::clone(platform)),
            platform: Arc::clone(platform),
        }
    }

    /// The answer that is kept, or else the one that `ask` gives. `ask` must come to an end: other callers wait for it.
    pub(super) async fn get(&self, ask: impl Future<Output = T>) -> T {
        if let Some(answer) = self.last() {
            return answer;
        }
        let _turn = self.asking.acquire().await;
        if let Some(answer) = self.last() {
            return answer;
        }
        // In a box: rustc does not work out the layout of futures that are nested any deeper.
        let answer = Box::pin(ask).await;
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        *last = Some((self.platform.monotonic_millis(), answer.clone()));
        answer
    }

    fn last(&self) -> Option<T> {
        let now = self.platform.monotonic_millis();
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let (came, answer) = last.as_ref()?;
        (now.saturating_sub(*came) < millis(self.max_age)).then(|| answer.clone())
    }
}
