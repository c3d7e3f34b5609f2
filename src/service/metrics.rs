//! What the database knows about the state of things, for those who watch.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use session_core::domain::keys::{KeyTable, Schedule};
use session_core::domain::maintenance::LastTick;
use session_core::domain::time::{Timestamp, millis};
use session_core::platform::Platform;
use session_store::{Store, StoreError};

use super::Service;

/// How old a figure may be. Whoever asks more often gets the same ones.
const MAX_AGE: Duration = Duration::from_secs(15);

/// The figures. What could not be had is not there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Metrics {
    /// When they were read.
    pub at: Timestamp,
    /// Whether the database answers.
    pub reachable: bool,
    /// Whether it takes changes.
    pub writable: bool,
    /// About how many sessions have a row.
    pub rows: Option<u64>,
    /// How many of them have expired, counted to [`session_store::BACKLOG_ROWS`].
    pub expired: Option<u64>,
    /// The access-token keys.
    pub keys: Option<Schedule>,
    /// The last tick of the scheduled component that came to its end.
    pub last_tick: Option<LastTick>,
}

impl<S: Store, P: Platform> Service<S, P> {
    /// The figures of now, or of up to 15 s ago: at most five bounded statements. A database that does not answer is one
    /// of the figures, not an error.
    pub async fn metrics(&self) -> Arc<Metrics> {
        let asked = self.platform.monotonic_millis();
        let last = || self.metrics.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, metrics)) = &*last()
            && asked.saturating_sub(*at) < millis(MAX_AGE)
        {
            return Arc::clone(metrics);
        }
        let now = self.platform.now();
        let mut metrics = Metrics {
            at: now,
            ..Metrics::default()
        };
        // What was found before the database stopped to answer counts.
        metrics.reachable = self.fill(&mut metrics, now).await.is_ok();
        let metrics = Arc::new(metrics);
        *last() = Some((asked, Arc::clone(&metrics)));
        metrics
    }

    async fn fill(&self, metrics: &mut Metrics, now: Timestamp) -> Result<(), StoreError> {
        if let Ok(table) = KeyTable::read(&self.store.keys().await?) {
            metrics.keys = Some(Schedule::new(&table, &self.config, now));
        }
        metrics.last_tick = self.store.last_tick().await?;
        metrics.rows = Some(self.store.estimate_rows().await?);
        metrics.expired = Some(self.store.count_expired(now).await?);
        metrics.writable = self.store.check_writable().await.is_ok();
        Ok(())
    }
}
