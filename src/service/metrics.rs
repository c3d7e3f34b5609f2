//! The figures for monitoring, as the database knows them.

use std::sync::Arc;
use std::time::Duration;

use session_core::domain::keys::{KeyTable, Schedule};
use session_core::domain::maintenance::LastTick;
use session_core::domain::time::Timestamp;
use session_core::platform::Platform;
use session_store::{Store, StoreError};

use super::Service;

/// How old a figure may be.
pub(super) const MAX_AGE: Duration = Duration::from_secs(15);

/// The figures. One that could not be read is `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Metrics {
    /// When they were read.
    pub at: Timestamp,
    /// Whether the database answers.
    pub reachable: bool,
    /// Whether it accepts writes.
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
        let read = async {
            let mut metrics = Metrics {
                at: self.platform.now(),
                ..Metrics::default()
            };
            // What was found before the database stopped answering counts.
            metrics.reachable = self.fill(&mut metrics).await.is_ok();
            Arc::new(metrics)
        };
        self.metrics.get(read).await
    }

    async fn fill(&self, metrics: &mut Metrics) -> Result<(), StoreError> {
        let now = metrics.at;
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
