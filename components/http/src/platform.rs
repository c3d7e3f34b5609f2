//! Time, randomness and tasks on Spin.

#![expect(clippy::disallowed_methods, reason = "here they come from")]

use std::sync::LazyLock;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use session::domain::secret::Random;
use session::domain::time::{Timestamp, millis};
use session::platform::Platform;
use spin_sdk::wasip3::wit_stream;
use spin_sdk::wit_bindgen::StreamWriter;

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
        spin_sdk::time::sleep(duration).await;
    }

    type Wake = StreamWriter<u8>;

    /// A stream that nobody writes to: its end is the signal. Unlike a Rust waker it reaches other tasks.
    fn signal(&self) -> (StreamWriter<u8>, impl Future<Output = ()> + Send + use<>) {
        let (writer, mut reader) = wit_stream::new();
        let wait = async move {
            reader.next().await;
        };
        (writer, wait)
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        spin_sdk::wit_bindgen::spawn(task);
    }
}
