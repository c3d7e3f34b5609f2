//! Time and randomness on WASI 0.2.

#![expect(clippy::disallowed_methods, reason = "here they come from")]

use std::sync::LazyLock;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use futures::executor::block_on;
use session::domain::secret::Random;
use session::domain::time::{Timestamp, millis};
use session::platform::Platform;

/// The runtime that this component lives in.
pub(crate) struct Spin;

static START: LazyLock<Instant> = LazyLock::new(Instant::now);

impl Random for Spin {
    fn fill(&self, buffer: &mut [u8]) {
        getrandom::fill(buffer).expect("WASI's random numbers do not fail");
    }
}

impl Platform for Spin {
    fn now(&self) -> Timestamp {
        let since_epoch = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Timestamp::from_millis(millis(since_epoch))
    }

    fn monotonic_millis(&self) -> u64 {
        millis(START.elapsed())
    }

    async fn sleep(&self, duration: Duration) {
        std::thread::sleep(duration);
    }

    type Wake = ();

    /// Nobody ever waits for another task here: there is one.
    fn signal(&self) -> ((), impl Future<Output = ()> + Send + use<>) {
        ((), std::future::ready(()))
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        block_on(task);
    }
}
