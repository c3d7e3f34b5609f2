//! The tests' platform, on which everything repeats: the clock stands, randomness has a seed, waiting takes no time.

use std::sync::Arc;

use session_core::domain::time::Timestamp;
use session_core::testing::TestPlatform;
use tokio::runtime::{Builder, Runtime};

/// A platform at a time of day.
pub(crate) fn platform(now: Timestamp, seed: u64) -> Arc<TestPlatform> {
    let platform = TestPlatform::new(seed);
    platform.set_now(now);
    platform
}

/// The lines that were logged.
pub(crate) fn log_lines(platform: &TestPlatform) -> Vec<String> {
    platform.lines().into_iter().map(|(_, line)| line).collect()
}

/// Runs a future; the pauses that it makes are passed over.
pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    thread_local! {
        static RUNTIME: Runtime = Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .expect("a runtime of one thread");
    }
    RUNTIME.with(|runtime| runtime.block_on(future))
}
