//! What the scheduled tick, readiness and metrics ask, on SQL.

use session_core::domain::maintenance::LastTick;
use session_core::domain::secret::Random;
use session_core::domain::time::Timestamp;
use session_core::platform::Platform;

use super::failure::Failure;
use super::rows::{LAST_TICK, decode_last_tick};
use super::sessions::hex;
use super::store::SqlStore;
use crate::db::{Connector, DbError, Statement, Value};
use crate::error::Result;
use crate::ports::MaintenanceStore;

impl<C: Connector, P: Platform> MaintenanceStore for SqlStore<C, P> {
    async fn remove_expired(&self, before: Timestamp) -> Result<u64> {
        let time = Value::from(before.as_millis());
        let find = Statement::query(&self.sql.some_expired, vec![time.clone()]);
        let found = self.runner.run(&[find]).await?;
        let count = found.len();
        if count > 0 {
            // By key, and only what is still expired. A delete with a limit would lock all expired rows on Spider, and
            // Vitess takes none.
            let params = std::iter::once(time).chain(found.into_iter().flatten());
            let remove = self.sql.remove_expired(count);
            let remove = Statement::execute(&remove, params.collect());
            self.runner.run(&[remove]).await?;
        }
        Ok(count as u64)
    }

    async fn count_expired(&self, before: Timestamp) -> Result<u64> {
        self.count(&self.sql.count_expired, vec![before.as_millis().into()])
            .await
    }

    async fn estimate_rows(&self) -> Result<u64> {
        self.count(&self.sql.estimate_rows, Vec::new()).await
    }

    async fn count_bound(&self) -> Result<u64> {
        self.count(&self.sql.count_bound, Vec::new()).await
    }

    async fn record_tick(&self, tick: &LastTick) -> Result<()> {
        let (value, time) = (tick.to_json(), tick.at.as_millis());
        let (name, value, time): (Value, Value, Value) =
            (LAST_TICK.into(), value.as_str().into(), time.into());
        let insert = vec![name.clone(), value.clone(), time.clone()];
        let script = [
            Statement::execute(&self.sql.add_key, insert),
            Statement::execute(&self.sql.rewrite_tick, vec![value, time, name]),
        ];
        self.runner.run(&script).await?;
        Ok(())
    }

    async fn last_tick(&self) -> Result<Option<LastTick>> {
        let read = Statement::row(&self.sql.last_tick, vec![LAST_TICK.into()]);
        let rows = self.runner.run(&[read]).await?;
        Ok(rows.into_iter().next().and_then(decode_last_tick))
    }

    /// Its key is random, so that two that check at the same time do not meet. A row that is left behind goes with the
    /// next tick.
    async fn check_writable(&self) -> Result<()> {
        let random: &dyn Random = &*self.platform;
        let key = hex(&random.bytes());
        let (null, zero) = (|| Value::Null, || Value::Integer(0));
        let key_and_texts = [key.as_str().into(), "".into(), "".into(), null()];
        let others = [zero(), null(), zero(), zero(), null()];
        let rest = [const { Value::Null }; 6];
        let row = [&key_and_texts[..], &others, &rest].concat();
        let script = [
            Statement::execute(&self.sql.insert, row),
            Statement::execute(&self.sql.remove, vec![key.as_str().into()]),
        ];
        match self.runner.run(&script).await {
            // From a try whose answer was lost.
            Ok(_) | Err(Failure::Db(DbError::DuplicateKey)) => Ok(()),
            Err(failure) => Err(failure.into()),
        }
    }
}
