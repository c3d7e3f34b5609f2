//! The figures for monitoring, as the database knows them.

use std::sync::Arc;
use std::time::Duration;

use session_core::domain::keys::{KeyTable, Schedule};
use session_core::domain::maintenance::LastTick;
use session_core::domain::revocation::removable_before;
use session_core::domain::time::Timestamp;
use session_core::platform::Platform;
use session_store::Store;

use super::{Result, Service, within};

/// How old a figure may be.
pub(super) const MAX_AGE: Duration = Duration::from_secs(15);

/// How long the database may take for its first answer.
const REACHABLE_PATIENCE: Duration = Duration::from_secs(1);

/// How long it may take for all others, which take longer on a large table.
const PATIENCE: Duration = Duration::from_secs(2);

/// The figures. One that could not be read is `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Metrics {
    /// When they were read.
    pub at: Timestamp,
    /// Whether the database answers.
    pub reachable: bool,
    /// Whether it accepts writes.
    pub writable: bool,
    /// About how many rows there are, those of expired and revoked sessions among them.
    pub rows: Option<u64>,
    /// How many of them the next tick removes, counted to [`session_store::BACKLOG_ROWS`].
    pub expired: Option<u64>,
    /// How many of [`session_store::SAMPLE_ROWS`] rows are of sessions that are bound to a device.
    pub bound: Option<u64>,
    /// The access-token keys.
    pub keys: Option<Schedule>,
    /// The last tick of the scheduled component that ended; `Some(None)` if none ever has.
    pub last_tick: Option<Option<LastTick>>,
}

impl<S: Store, P: Platform> Service<S, P> {
    /// The figures of now, or of up to 15 s ago: eight bounded statements. A database that does not answer, or not in
    /// time, is one of the figures, not an error.
    pub async fn metrics(&self) -> Arc<Metrics> {
        let read = async {
            let mut metrics = Metrics {
                at: self.platform.now(),
                ..Metrics::default()
            };
            let keys = within(&*self.platform, REACHABLE_PATIENCE, async {
                Ok(self.store.keys().await?)
            });
            if let Ok(rows) = keys.await {
                metrics.reachable = true;
                if let Ok(table) = KeyTable::read(&rows) {
                    metrics.keys = Some(Schedule::new(&table, &self.config, metrics.at));
                }
                // What is read until then counts; the rest is not there.
                let others = within(&*self.platform, PATIENCE, self.read_others(&mut metrics));
                others.await.ok();
            }
            Arc::new(metrics)
        };
        self.metrics.get(read).await
    }

    async fn read_others(&self, metrics: &mut Metrics) -> Result<()> {
        metrics.last_tick = Some(self.store.last_tick().await?);
        metrics.writable = self.store.check_writable().await.is_ok();
        metrics.rows = Some(self.store.estimate_rows().await?);
        let before = removable_before(metrics.at, self.config.access.validity);
        metrics.expired = Some(self.store.count_expired(before).await?);
        metrics.bound = Some(self.store.count_bound().await?);
        Ok(())
    }
}
