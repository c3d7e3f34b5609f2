//! The time of day.

use std::time::{SystemTime, UNIX_EPOCH};

use session::domain::time::Timestamp;

/// Now, to the millisecond.
pub(crate) fn now() -> Timestamp {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH);
    let millis = since_epoch.unwrap_or_default().as_millis();
    Timestamp::from_millis(u64::try_from(millis).unwrap_or(u64::MAX))
}
