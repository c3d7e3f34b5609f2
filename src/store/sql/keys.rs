//! Keys on SQL.

use session_core::domain::keys::KeyRow;
use session_core::platform::Platform;

use super::rows::decode_key;
use super::store::SqlStore;
use crate::db::{Connector, Statement, Value};
use crate::error::Result;
use crate::ports::KeyStore;

fn key_params(row: &KeyRow) -> Vec<Value> {
    vec![
        row.name.as_str().into(),
        row.value.as_str().into(),
        row.time.as_millis().into(),
    ]
}

impl<C: Connector, P: Platform> KeyStore for SqlStore<C, P> {
    async fn keys(&self) -> Result<Vec<KeyRow>> {
        let rows = self
            .runner
            .run(&[Statement::query(&self.sql.keys, Vec::new())])
            .await?;
        rows.into_iter().map(decode_key).collect()
    }

    async fn add_keys(&self, rows: &[KeyRow]) -> Result<()> {
        let script: Vec<_> = rows
            .iter()
            .map(|row| Statement::execute(&self.sql.add_key, key_params(row)))
            .collect();
        self.runner.run(&script).await?;
        Ok(())
    }

    async fn remove_key(&self, name: &str) -> Result<()> {
        self.runner
            .run(&[Statement::execute(&self.sql.remove_key, vec![name.into()])])
            .await?;
        Ok(())
    }
}
