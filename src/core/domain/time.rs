//! Points in time as the protocol uses them: milliseconds in bodies and tables, seconds in JWTs.

use std::time::Duration;

/// Milliseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(u64);

impl Timestamp {
    /// The Unix epoch itself.
    pub const EPOCH: Self = Self(0);

    /// A point in time from milliseconds since the Unix epoch.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// A point in time from seconds since the Unix epoch (a JWT's `NumericDate`, RFC 7519 §2).
    pub const fn from_secs(secs: u64) -> Self {
        Self(secs.saturating_mul(1000))
    }

    /// Milliseconds since the Unix epoch.
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// Whole seconds since the Unix epoch, rounded down.
    pub const fn as_secs(self) -> u64 {
        self.0 / 1000
    }

    /// This time plus `duration`, at most the end of time.
    pub fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(millis(duration)))
    }

    /// This time minus `duration`, at least the epoch.
    pub fn minus(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(millis(duration)))
    }

    /// The time from `earlier` to this time; zero if that is not earlier.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }

    /// The start of the slot of length `slot` (at least a millisecond) in which this time lies.
    pub fn slot_start(self, slot: Duration) -> Self {
        Self(self.0 - self.0 % millis(slot).max(1))
    }
}

/// A duration in whole milliseconds, at most `u64::MAX`.
pub fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_aligned_and_hold_their_own_start() {
        let slot = Duration::from_secs(10);
        let start = Timestamp::from_millis(1_700_000_000_000);
        for offset in [0, 1, 9_999] {
            assert_eq!(
                Timestamp::from_millis(1_700_000_000_000 + offset).slot_start(slot),
                start
            );
        }
        assert_ne!(start.plus(slot).slot_start(slot), start);
    }

    #[test]
    fn arithmetic_saturates() {
        let end = Timestamp::from_millis(u64::MAX);
        assert_eq!(end.plus(Duration::from_secs(1)), end);
        assert_eq!(
            Timestamp::EPOCH.minus(Duration::from_secs(1)),
            Timestamp::EPOCH
        );
        assert_eq!(Timestamp::from_secs(u64::MAX), end);
    }
}
