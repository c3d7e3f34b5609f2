//! Which writes may begin, so that a lock on everything (a backup's) keeps no reads from the database, and no write
//! begins that may end after its caller has been told that it failed.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use session_core::platform::Platform;
use session_core::sync::{Permit, Semaphore};

/// How long after a wait for a lock was given up writes leave one connection to reads, in milliseconds.
const LOCKED_MILLIS: u64 = 3_000;

/// A write that could not begin for so long, in milliseconds, does not begin any more: its wait for a lock (two seconds
/// at most, by the session's settings) could outlast the four that an answer may take.
const BEGINS_WITHIN_MILLIS: u64 = 2_000;

/// The writes of one instance.
pub(super) struct Writers<P: Platform> {
    platform: Arc<P>,
    /// All connections but one.
    permits: Semaphore<P>,
    /// On the monotonic clock.
    locked_until: AtomicU64,
}

impl<P: Platform> Writers<P> {
    /// Of an instance that has at most `limit` connections. If that is one, reads wait for writes.
    pub(super) fn new(limit: usize, platform: Arc<P>) -> Self {
        Self {
            permits: Semaphore::new(limit.saturating_sub(1), Arc::clone(&platform)),
            platform,
            locked_until: AtomicU64::new(0),
        }
    }

    /// Now, for [`Writers::is_too_late`].
    pub(super) fn now(&self) -> u64 {
        self.platform.monotonic_millis()
    }

    /// Whether a write that has waited since `began` must not begin.
    pub(super) fn is_too_late(&self, began: u64) -> bool {
        self.now().saturating_sub(began) > BEGINS_WITHIN_MILLIS
    }

    /// Notes that a wait for a lock was given up.
    pub(super) fn met_a_lock(&self) {
        let until = self.now() + LOCKED_MILLIS;
        self.locked_until.fetch_max(until, Ordering::Relaxed);
    }

    /// Whether a write needs a turn before it may have a connection.
    pub(super) fn take_turns(&self) -> bool {
        self.now() < self.locked_until.load(Ordering::Relaxed)
    }

    /// Waits for a turn.
    pub(super) async fn turn(&self) -> Permit<'_, P> {
        self.permits.acquire().await
    }
}
