//! Time, randomness and tasks on WASI 0.3.

use std::time::Duration;

use session_core::domain::secret::Random;
use session_core::domain::time::Timestamp;
use session_core::log::LogSettings;
use session_core::platform::Platform;
use spin_sdk_7::wasip3::wit_stream;
use spin_sdk_7::wit_bindgen::{StreamWriter, yield_async};

use crate::{clock, log};

/// To be awaited between a reply's conversion, which starts a task that writes the body, and the head's departure: in two
/// packets, head and body cost the client up to 40 ms of delayed ACK. The first yield lets that task begin. The second lets
/// the host catch up with what is ready for other requests of the instance, which otherwise comes between the head of this one and
/// its body. No third one helps further.
pub async fn body_first() {
    yield_async().await;
    yield_async().await;
}

/// The runtime that the component lives in.
pub struct Spin;

impl Random for Spin {
    fn fill(&self, buffer: &mut [u8]) {
        clock::fill(buffer);
    }
}

impl Platform for Spin {
    fn log_settings(&self) -> LogSettings {
        log::settings()
    }

    fn now(&self) -> Timestamp {
        clock::now()
    }

    fn monotonic_millis(&self) -> u64 {
        clock::monotonic_millis()
    }

    async fn sleep(&self, duration: Duration) {
        spin_sdk_7::time::sleep(duration).await;
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
        spin_sdk_7::wit_bindgen::spawn(task);
    }
}
