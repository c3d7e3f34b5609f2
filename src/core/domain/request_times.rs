//! When a request runs.

use super::time::Timestamp;

/// When a request runs: it takes time, and the clock may be set meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestTimes {
    /// When it began; tokens and sessions are good or not by this.
    pub started: Timestamp,
    /// The time now, after it has looked at the database.
    pub now: Timestamp,
}
