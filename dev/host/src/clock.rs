//! The wall clock of guests and of the cron scheduler: the real one, moved or stopped by tests.
//! Monotonic clocks, and so all timers, do not follow it (`timers`).

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::sync::watch;
use wasmtime_wasi::HostWallClock;

const RUNNING: i64 = i64::MIN;

/// A clock that can be set; times are since 1970 and never negative.
pub(crate) struct Clock {
    offset_ms: AtomicI64,
    frozen_ms: AtomicI64,
    changes: watch::Sender<()>,
}

impl Clock {
    /// A clock that shows the real time.
    pub(crate) fn new() -> Self {
        Self {
            offset_ms: AtomicI64::new(0),
            frozen_ms: AtomicI64::new(RUNNING),
            changes: watch::Sender::new(()),
        }
    }

    /// What it shows.
    pub(crate) fn now(&self) -> Duration {
        let frozen = self.frozen_ms.load(Ordering::Acquire);
        if frozen != RUNNING {
            return millis(frozen);
        }
        let offset = self.offset_ms.load(Ordering::Acquire);
        let real = real_now();
        if offset >= 0 {
            real.saturating_add(millis(offset))
        } else {
            real.saturating_sub(Duration::from_millis(offset.unsigned_abs()))
        }
    }

    /// What it shows, in milliseconds.
    pub(crate) fn now_ms(&self) -> i64 {
        as_ms(self.now())
    }

    /// Whether it stands still.
    pub(crate) fn is_frozen(&self) -> bool {
        self.frozen_ms.load(Ordering::Acquire) != RUNNING
    }

    /// Shows `now_ms` and runs on from there.
    pub(crate) fn set(&self, now_ms: i64) {
        // The offset first: until the freeze ends nobody looks at it.
        self.offset_ms
            .store(now_ms.max(0) - as_ms(real_now()), Ordering::Release);
        self.frozen_ms.store(RUNNING, Ordering::Release);
        self.changes.send_replace(());
    }

    /// Shows `now_ms` until told otherwise.
    pub(crate) fn freeze(&self, now_ms: i64) {
        self.frozen_ms.store(now_ms.max(0), Ordering::Release);
        self.changes.send_replace(());
    }

    /// Shows the real time again.
    pub(crate) fn reset(&self) {
        self.offset_ms.store(0, Ordering::Release);
        self.frozen_ms.store(RUNNING, Ordering::Release);
        self.changes.send_replace(());
    }

    /// Hears of every change that `set`, `freeze` and `reset` make.
    pub(crate) fn changes(&self) -> watch::Receiver<()> {
        self.changes.subscribe()
    }
}

/// The same clock as wasmtime wants to see it.
pub(crate) struct GuestClock(pub(crate) std::sync::Arc<Clock>);

impl HostWallClock for GuestClock {
    fn resolution(&self) -> Duration {
        Duration::from_nanos(1)
    }

    fn now(&self) -> Duration {
        self.0.now()
    }
}

fn real_now() -> Duration {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
}

fn millis(ms: i64) -> Duration {
    Duration::from_millis(ms.max(0).unsigned_abs())
}

fn as_ms(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_follows_the_real_clock_until_moved() {
        let clock = Clock::new();
        assert!((clock.now_ms() - as_ms(real_now())).abs() < 1_000);
        clock.set(5_000);
        assert!((5_000..6_000).contains(&clock.now_ms()));
        clock.reset();
        assert!((clock.now_ms() - as_ms(real_now())).abs() < 1_000);
    }

    #[test]
    fn it_stands_still_and_runs_on() {
        let clock = Clock::new();
        clock.freeze(7_000);
        assert!(clock.is_frozen());
        std::thread::sleep(Duration::from_millis(5));
        assert_eq!(clock.now_ms(), 7_000);
        clock.set(8_000);
        assert!(!clock.is_frozen());
        assert!((8_000..9_000).contains(&clock.now_ms()));
    }

    #[test]
    fn it_never_goes_below_the_epoch() {
        let clock = Clock::new();
        clock.freeze(-1);
        assert_eq!(clock.now_ms(), 0);
        clock.set(i64::MIN);
        assert!(clock.now_ms() < 1_000);
    }

    #[test]
    fn listeners_hear_of_changes() {
        let clock = Clock::new();
        let mut changes = clock.changes();
        assert!(!changes.has_changed().unwrap());
        clock.freeze(1);
        assert!(changes.has_changed().unwrap());
        changes.mark_unchanged();
        clock.reset();
        assert!(changes.has_changed().unwrap());
    }
}
