//! The store on SQL: what its operations share.

use std::sync::Arc;

use session_core::domain::config::Tables;
use session_core::platform::Platform;

use super::dialect::SqlDialect;
use super::rows::integer;
use super::runner::Runner;
use super::statements::Sql;
use crate::db::{Connector, Row, Statement, Value};
use crate::error::Result;

/// The store on SQL.
pub struct SqlStore<C: Connector, P: Platform> {
    pub(super) runner: Runner<C, P>,
    pub(super) platform: Arc<P>,
    pub(super) sql: Sql,
    pub(super) dialect: SqlDialect,
}

impl<C: Connector, P: Platform> SqlStore<C, P> {
    /// A store on the database that `connector` opens, with at most `limit` connections.
    pub fn new(
        connector: C,
        limit: usize,
        dialect: SqlDialect,
        tables: &Tables,
        platform: Arc<P>,
    ) -> Self {
        Self {
            runner: Runner::new(
                connector,
                limit,
                dialect,
                tables.clone(),
                Arc::clone(&platform),
            ),
            sql: Sql::new(dialect, tables),
            dialect,
            platform,
        }
    }

    /// Runs a script and decodes the row that it gives, if it gives one.
    pub(super) async fn one<T>(
        &self,
        script: &[Statement<'_>],
        decode: impl FnOnce(Row) -> Result<T>,
    ) -> Result<Option<T>> {
        let rows = self.runner.run(script).await?;
        rows.into_iter().next().map(decode).transpose()
    }

    /// The number that a statement of one row and one column gives.
    pub(super) async fn count(&self, sql: &str, params: Vec<Value>) -> Result<u64> {
        Ok(number(
            &self.runner.run(&[Statement::row(sql, params)]).await?,
        ))
    }
}

/// The number in the only row.
fn number(rows: &[Row]) -> u64 {
    let row = rows.first();
    row.and_then(|row| integer(row.first())).unwrap_or(0)
}
