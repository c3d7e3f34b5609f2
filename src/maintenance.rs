//! One tick of maintenance: keys that are due, keys that have served, sessions that have expired.
//!
//! Ticks may overlap, race with requests that rotate, be paused anywhere and be killed: each step is one
//! conditional statement, and a later tick goes on where this one stopped.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::domain::config::Config;
use crate::domain::keys::{Change, KeyRow, KeyTable, KeyTableError, Planner, Reason};
use crate::domain::time::Timestamp;
use crate::log::Event;
use crate::platform::Platform;
use crate::store::{BATCH_ROWS, Store, StoreError};

/// How long a session's row outlives it: what this machine's clock may be ahead of the others' by.
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
    /// How many it left for the next tick, counted up to [`crate::store::BACKLOG_ROWS`]: so many are at least as many.
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

/// What the key table tells of the last tick that came to its end: it has a row of its own there.
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
    const ROW: &str = "last_tick";

    fn row(report: &Report, now: Timestamp) -> KeyRow {
        let tick = Self {
            at: now,
            ok: report.error.is_none(),
            removed: report.removed,
            remaining: report.remaining,
            took_ms: report.took_ms,
        };
        KeyRow {
            name: Self::ROW.to_owned(),
            value: serde_json::to_string(&tick).expect("numbers serialize"),
            time: now,
        }
    }

    /// Finds it among the rows of the key table.
    pub fn read(rows: &[KeyRow]) -> Option<Self> {
        let row = rows.iter().find(|row| row.name == Self::ROW)?;
        let tick: Self = serde_json::from_str(&row.value).ok()?;
        Some(Self {
            at: row.time,
            ..tick
        })
    }
}

/// Why a tick did not do all.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
enum TickError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Keys(#[from] KeyTableError),
}

/// Runs one tick, which removes expired sessions for at most about `budget`, and logs what it did.
pub async fn run<S: Store, P: Platform>(
    store: &S,
    platform: &P,
    config: &Config,
    budget: Duration,
) -> Report {
    let report = tick(store, platform, config, budget).await;
    platform.log(&Event::Maintenance(&report));
    report
}

async fn tick<S: Store, P: Platform>(
    store: &S,
    platform: &P,
    config: &Config,
    budget: Duration,
) -> Report {
    let started = platform.monotonic_millis();
    let mut report = Report::default();
    let keys = tend_keys(store, platform, config, &mut report).await;
    // A failure with the keys is no reason to let the table grow, nor the other way round.
    let sessions = remove_expired(store, platform, budget, started, &mut report).await;
    report.took_ms = platform.monotonic_millis().saturating_sub(started);
    let errors: Vec<String> = [keys.err(), sessions.err()]
        .into_iter()
        .flatten()
        .map(|error| error.to_string())
        .collect();
    report.error = (!errors.is_empty()).then(|| errors.join("; "));
    // For those who watch. Where it can't be written the rest could not either, and the next tick writes it again.
    if let Err(error) = store.put_key(&LastTick::row(&report, platform.now())).await {
        report.error.get_or_insert(error.to_string());
    }
    report
}

async fn tend_keys<S: Store, P: Platform>(
    store: &S,
    platform: &P,
    config: &Config,
    report: &mut Report,
) -> Result<(), TickError> {
    let table = KeyTable::read(&store.keys().await?)?;
    let changes = table.plan(config, Planner::Maintenance, platform.now(), platform)?;
    for change in changes {
        match change {
            Change::Add(row, reason) => {
                store.add_keys(std::slice::from_ref(&row)).await?;
                // Whoever else had the same thought: one row of that name is there, and its writer rotated.
                if let Reason::Next(generation) = reason
                    && store.keys().await?.contains(&row)
                {
                    report.rotated = Some(generation);
                }
            }
            Change::Remove(name, _) => {
                store.remove_key(&name).await?;
                report.pruned += 1;
            }
        }
    }
    Ok(())
}

async fn remove_expired<S: Store, P: Platform>(
    store: &S,
    platform: &P,
    budget: Duration,
    started: u64,
    report: &mut Report,
) -> Result<(), TickError> {
    let before = platform.now().minus(EXPIRY_MARGIN);
    let budget = crate::domain::time::millis(budget);
    loop {
        let batch_started = platform.monotonic_millis();
        let removed = store.remove_expired(before).await?;
        report.removed += removed;
        // A full batch may have left others.
        if removed < BATCH_ROWS {
            return Ok(());
        }
        let now = platform.monotonic_millis();
        if now.saturating_sub(started) >= budget {
            report.remaining = store.count_expired(before).await?;
            return Ok(());
        }
        // Twice as long a pause as the batch took, so that requests get two thirds of the database.
        platform
            .sleep(Duration::from_millis(2 * now.saturating_sub(batch_started)))
            .await;
    }
}

#[cfg(test)]
#[path = "maintenance_tests.rs"]
mod tests;
