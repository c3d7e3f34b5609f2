//! What the scheduled tick, readiness and metrics ask, on SQL.

use session_core::domain::maintenance::LastTick;
use session_core::domain::time::Timestamp;
use session_core::platform::Platform;

use super::rows::{LAST_TICK, decode_last_tick};
use super::store::SqlStore;
use crate::db::{Connector, Statement};
use crate::error::Result;
use crate::ports::MaintenanceStore;

impl<C: Connector, P: Platform> MaintenanceStore for SqlStore<C, P> {
    async fn remove_expired(&self, before: Timestamp) -> Result<u64> {
        let found = self
            .count(&self.sql.some_expired, vec![before.as_millis().into()])
            .await?;
        if found > 0 {
            let remove =
                Statement::execute(&self.sql.remove_expired, vec![before.as_millis().into()]);
            self.runner.run(&[remove]).await?;
        }
        Ok(found)
    }

    async fn count_expired(&self, before: Timestamp) -> Result<u64> {
        self.count(&self.sql.count_expired, vec![before.as_millis().into()])
            .await
    }

    async fn estimate_rows(&self) -> Result<u64> {
        self.count(&self.sql.estimate_rows, Vec::new()).await
    }

    async fn record_tick(&self, tick: &LastTick) -> Result<()> {
        let (value, time) = (tick.to_json(), tick.at.as_millis());
        let params = vec![LAST_TICK.into(), value.as_str().into(), time.into()];
        let record = Statement::execute(&self.sql.record_tick, params);
        self.runner.run(&[record]).await?;
        Ok(())
    }

    async fn last_tick(&self) -> Result<Option<LastTick>> {
        let read = Statement::row(&self.sql.last_tick, vec![LAST_TICK.into()]);
        let rows = self.runner.run(&[read]).await?;
        Ok(rows.into_iter().next().and_then(decode_last_tick))
    }

    /// There is no key without a name, so nothing is removed.
    async fn check_writable(&self) -> Result<()> {
        let remove = Statement::execute(&self.sql.remove_key, vec!["".into()]);
        self.runner.run(&[remove]).await?;
        Ok(())
    }
}
