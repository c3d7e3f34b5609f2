//! The feed of revocations as its reader keeps it: which sessions were revoked, as of when, and whether that is good enough
//! to check a token with.
//!
//! A pure state machine: times are milliseconds on a clock that never goes back, but for those of the database, which are
//! the clock's on the wall.

use std::fmt;
use std::time::Duration;

use super::id::HandleHash;
use super::revocation::{REVOCATION_MARGIN, REVOCATION_MAX_VALIDITY};
use super::time::{Timestamp, millis};

/// How far behind the last read the next one begins: twice what a clock may be off by (30 s), and how long a revocation
/// may take to be seen after its time was taken.
pub const REREAD: Duration = Duration::from_secs(75);

/// How far ahead of this clock another one may be by which a session was revoked.
pub const AHEAD: Duration = Duration::from_secs(60);

/// How old what is in memory may be for a check that does not read again, from when the read began.
const MAX_AGE_MS: u64 = 1000;

/// How long after a read that failed none is tried.
const PAUSE_MS: u64 = 500;

/// How long after a read of everything that failed none is tried.
const LOAD_PAUSE_MS: u64 = 5000;

/// The check from which on reading everything pays. Spin ends an instance after 128 requests, unless told otherwise.
const LOADS_FROM_CHECK: u32 = 20;

/// How far the clock may go back without everything being read again.
const SET_BACK: Duration = Duration::from_secs(5);

/// Where a page of the feed ends, and the next one begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// When its last session was revoked.
    pub at: Timestamp,
    /// Which one that was.
    pub handle: HandleHash,
}

impl Cursor {
    /// Reads the text of one.
    pub fn parse(text: &str) -> Option<Self> {
        let (at, handle) = text.split_once('.')?;
        let is_number = !at.is_empty() && at.bytes().all(|b| b.is_ascii_digit());
        let at = Timestamp::from_millis(at.parse().ok().filter(|_| is_number)?);
        let handle = HandleHash::parse(handle)?;
        Some(Self { at, handle })
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.at.as_millis(), self.handle.as_str())
    }
}

/// From when on to read: `since`, which is the time of an earlier read, and a little before. None, or one from a clock
/// that has been set back: everything that may still be good.
pub fn read_from(since: Option<Timestamp>, now: Timestamp, validity: Duration) -> Timestamp {
    let everything = now.minus(kept_for(validity));
    match since {
        Some(since) if since <= now.plus(SET_BACK) => everything.max(since.minus(REREAD)),
        _ => everything,
    }
}

/// For how long a revocation may matter, by any clock.
fn kept_for(validity: Duration) -> Duration {
    validity.min(REVOCATION_MAX_VALIDITY) + REVOCATION_MARGIN + REREAD
}

/// What to do for a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// What is in memory is good enough.
    Memory,
    /// Read what is new, then ask again.
    Read,
    /// Read everything if it is a page, then ask again: most sites have no more of it, and an instance lives for as few as
    /// 128 requests.
    ReadPage,
    /// Ask the database about this one session.
    AskDatabase,
    /// The same, and read everything in the background.
    AskDatabaseAndLoad,
}

/// What an instance knows.
#[derive(Debug)]
pub struct Feed {
    max_staleness_ms: u64,
    turn_ms: u64,
    known: Option<Known>,
    /// When the last read failed, if it was the last.
    failed: Option<u64>,
    /// Whether everything is known to be more than a page.
    is_long: bool,
    /// How many checks there were without anything known.
    checks: u32,
}

#[derive(Debug)]
struct Known {
    revoked: RevokedSet,
    /// When the last good read began, by both clocks.
    began: u64,
    at: Timestamp,
}

impl Feed {
    /// Nothing known. What is in memory is used for `max_staleness` after reads have begun to fail.
    pub fn new(validity: Duration, max_staleness: Duration) -> Self {
        Self {
            max_staleness_ms: millis(max_staleness),
            turn_ms: millis(kept_for(validity)),
            known: None,
            failed: None,
            is_long: false,
            checks: 0,
        }
    }

    /// What to do for a check at this time.
    pub fn step(&mut self, monotonic: u64, now: Timestamp) -> Step {
        let failed = self.failed;
        let failed_within = |pause| failed.is_some_and(|at| monotonic < at + pause);
        let is_set_back = |known: &Known| {
            let gone = Duration::from_millis(monotonic.saturating_sub(known.began));
            now.plus(SET_BACK) < known.at.plus(gone)
        };
        if self.known.as_ref().is_some_and(is_set_back) {
            // What was revoked by the new clock would seem to have been read.
            self.forget();
        }
        let Some(known) = &self.known else {
            if !self.is_long && !failed_within(PAUSE_MS) {
                return Step::ReadPage;
            }
            self.checks = self.checks.saturating_add(1);
            let loads = self.checks >= LOADS_FROM_CHECK && !failed_within(LOAD_PAUSE_MS);
            return match loads {
                true => Step::AskDatabaseAndLoad,
                false => Step::AskDatabase,
            };
        };
        let age = monotonic.saturating_sub(known.began);
        if age <= MAX_AGE_MS {
            Step::Memory
        } else if !failed_within(PAUSE_MS) {
            Step::Read
        } else if age <= self.max_staleness_ms {
            Step::Memory
        } else {
            Step::AskDatabase
        }
    }

    /// Whether a session may have been revoked, by what is in memory.
    pub fn may_be_revoked(&self, handle: HandleHash) -> bool {
        let known = self.known.as_ref();
        known.is_none_or(|known| known.revoked.contains(handle.prefix()))
    }

    /// The time from which the next read continues; none if it has to read everything.
    pub fn since(&self) -> Option<Timestamp> {
        self.known.as_ref().map(|known| known.at)
    }

    /// A read that began at that time found these, all that there were.
    pub fn has_read(&mut self, began: (u64, Timestamp), found: &[HandleHash]) {
        let (monotonic, at) = began;
        let revoked = self.known.take().map(|known| known.revoked);
        let mut revoked = revoked.unwrap_or_else(|| RevokedSet::new(monotonic));
        revoked.add(found, monotonic, self.turn_ms);
        let began = monotonic;
        self.known = Some(Known { revoked, began, at });
        self.failed = None;
    }

    /// A read failed at that time.
    pub fn has_failed(&mut self, monotonic: u64) {
        self.failed = Some(monotonic);
    }

    /// Everything is more than a page.
    pub fn found_long(&mut self) {
        self.is_long = true;
    }

    /// There is more to read than a check can wait for, or what is known is wrong: read everything, beside the checks.
    pub fn forget(&mut self) {
        self.known = None;
        self.failed = None;
        self.is_long = true;
        self.checks = LOADS_FROM_CHECK;
    }
}

/// The first eight bytes of what was revoked, twice as long as it may matter at most: what is found here is looked up.
#[derive(Debug)]
struct RevokedSet {
    /// Sorted.
    young: Vec<u64>,
    /// Sorted.
    old: Vec<u64>,
    turned: u64,
}

impl RevokedSet {
    fn new(now: u64) -> Self {
        let (young, old) = (Vec::new(), Vec::new());
        let turned = now;
        Self { young, old, turned }
    }

    fn contains(&self, prefix: u64) -> bool {
        self.young.binary_search(&prefix).is_ok() || self.old.binary_search(&prefix).is_ok()
    }

    /// Adds, and every `turn` forgets what was added before the last one.
    fn add(&mut self, found: &[HandleHash], now: u64, turn: u64) {
        if now.saturating_sub(self.turned) >= turn {
            self.old = std::mem::take(&mut self.young);
            self.turned = now;
        }
        let sorted = self.young.len();
        let new = found.iter().map(|handle| handle.prefix());
        let new: Vec<_> = new
            .filter(|prefix| self.young[..sorted].binary_search(prefix).is_err())
            .collect();
        if !new.is_empty() {
            self.young.extend(new);
            self.young.sort();
            self.young.dedup();
        }
    }
}

#[cfg(test)]
mod tests;
