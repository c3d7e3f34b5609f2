//! What a tick of maintenance tells: a report of its own, and what the next one and those who watch find of it.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::time::Timestamp;

/// What this machine's clock may be ahead of the others' by when it removes a row.
pub const EXPIRY_MARGIN: Duration = Duration::from_secs(2 * 3600);

/// What one tick did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The generation that this tick published.
    pub rotated: Option<u32>,
    /// How many keys it removed.
    pub pruned: u64,
    /// How many expired sessions it removed; ticks that run at the same time may count some of them twice.
    pub removed: u64,
    /// How many it left for the next tick, counted up to [`session_store::BACKLOG_ROWS`]: so many are at least as many.
    pub remaining: u64,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
    /// What went wrong; the rest was done all the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

impl Report {
    /// The fields of the tick's log event.
    pub(crate) fn fields(&self) -> Vec<(&'static str, Value)> {
        let error = self.error.as_deref().map(|error| ("error", error.into()));
        [
            ("rotated", self.rotated.into()),
            ("pruned", self.pruned.into()),
            ("removed", self.removed.into()),
            ("remaining", self.remaining.into()),
            ("took_ms", self.took_ms.into()),
        ]
        .into_iter()
        .chain(error)
        .collect()
    }
}

/// How the last tick went that came to its end; a row of its own says so in the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastTick {
    /// When it ended.
    #[serde(skip)]
    pub at: Timestamp,
    /// Whether it did all that it had to.
    pub ok: bool,
    /// How many expired sessions it removed.
    pub removed: u64,
    /// How many it left.
    pub remaining: u64,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
}

impl LastTick {
    /// A tick that ended at `now`.
    pub fn new(report: &Report, now: Timestamp) -> Self {
        Self {
            at: now,
            ok: report.error.is_none(),
            removed: report.removed,
            remaining: report.remaining,
            took_ms: report.took_ms,
        }
    }

    /// The text that is stored of it, beside the time.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("numbers serialize")
    }

    /// Reads what is stored of a tick that ended `at`; none if it is malformed.
    pub fn from_json(text: &str, at: Timestamp) -> Option<Self> {
        let tick: Self = serde_json::from_str(text).ok()?;
        Some(Self { at, ..tick })
    }
}
