//! One tick of maintenance: keys that are due, keys that have served, sessions that have expired.
//!
//! Ticks may overlap, race with requests that rotate, be paused anywhere and be killed: each step is one
//! conditional statement, and a later tick goes on where this one stopped.

use std::time::Duration;

use session_core::domain::config::Config;
use session_core::domain::keys::Planner;
use session_core::domain::maintenance::{LastTick, Report};
use session_core::domain::revocation::removable_before;
use session_core::domain::time::{Timestamp, millis};
use session_core::log::Event;
use session_core::platform::Platform;
use session_store::{BATCH_ROWS, Store};

use super::{Result, Service, key_changes, within};

/// How long the keys, each batch of sessions and the record of the tick may take. Without an end a tick that hangs would
/// keep its connection for ever.
const PATIENCE: Duration = Duration::from_secs(10);

impl<S: Store, P: Platform> Service<S, P> {
    /// Runs one tick, for hosts without a cron trigger; `None` if the settings have no endpoint for that.
    pub async fn maintain(&self) -> Option<Report> {
        let budget = self.config.maintenance?;
        Some(run(&*self.store, &*self.platform, &self.config, budget).await)
    }
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
    let keys = tend_keys(store, platform, config, &mut report);
    let keys = within(platform, PATIENCE, keys).await;
    // A failure with the keys is no reason to let the table grow, nor the other way round.
    let before = removable_before(platform.now(), config.access.validity);
    let sessions = remove_expired(store, platform, budget, (started, before), &mut report).await;
    report.took_ms = platform.monotonic_millis().saturating_sub(started);
    let errors: Vec<String> = [keys.err(), sessions.err()]
        .into_iter()
        .flatten()
        .map(|error| error.to_string())
        .collect();
    report.error = (!errors.is_empty()).then(|| errors.join("; "));
    // For the metrics. Where it cannot be written the rest could not either, and the next tick writes it again.
    let tick = LastTick::new(&report, platform.now());
    let recorded = async { Ok(store.record_tick(&tick).await?) };
    if let Err(error) = within(platform, PATIENCE, recorded).await {
        report.error.get_or_insert(error.to_string());
    }
    report
}

async fn tend_keys<S: Store, P: Platform>(
    store: &S,
    platform: &P,
    config: &Config,
    report: &mut Report,
) -> Result<()> {
    let applied = key_changes::apply(store, platform, config, Planner::Maintenance).await?;
    report.rotated = applied.published.map(|(_, generation)| generation);
    report.pruned = applied.removed;
    match applied.failed {
        Some((_, error)) => Err(error.into()),
        None => Ok(()),
    }
}

async fn remove_expired<S: Store, P: Platform>(
    store: &S,
    platform: &P,
    budget: Duration,
    (started, before): (u64, Timestamp),
    report: &mut Report,
) -> Result<()> {
    let budget = millis(budget);
    loop {
        let batch_started = platform.monotonic_millis();
        let removed = async { Ok(store.remove_expired(before).await?) };
        let removed = within(platform, PATIENCE, removed).await?;
        report.removed += removed;
        // A full batch may have left others.
        if removed < BATCH_ROWS {
            return Ok(());
        }
        let now = platform.monotonic_millis();
        if now.saturating_sub(started) >= budget {
            let left = async { Ok(store.count_expired(before).await?) };
            report.remaining = within(platform, PATIENCE, left).await?;
            return Ok(());
        }
        // Twice as long a pause as the batch took, so that requests get two thirds of the database.
        platform
            .sleep(Duration::from_millis(2 * now.saturating_sub(batch_started)))
            .await;
    }
}

#[cfg(test)]
mod tests;
