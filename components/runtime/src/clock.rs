//! Time and randomness, which Rust's standard library and `getrandom` have from WASI.

#![expect(clippy::disallowed_methods, reason = "here they come from")]

use std::sync::LazyLock;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use session_core::domain::time::{Timestamp, millis};

static START: LazyLock<Instant> = LazyLock::new(Instant::now);

pub(crate) fn now() -> Timestamp {
    let since_epoch = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp::from_millis(millis(since_epoch))
}

pub(crate) fn monotonic_millis() -> u64 {
    millis(START.elapsed())
}

pub(crate) fn fill(buffer: &mut [u8]) {
    getrandom::fill(buffer).expect("WASI's random numbers do not fail");
}
