//! The store on SQL: one implementation for MySQL, MariaDB and SQLite, over what Spin offers of each.
//!
//! There are no transactions (Spin prepares every statement, and MySQL prepares no `START TRANSACTION`). Each
//! change is one conditional statement, and what it did is decided from what is read back.

mod dialect;
mod rows;
mod runner;
mod schema;
mod session;
mod statements;
mod writers;

use std::sync::Arc;
use std::time::Duration;

pub use dialect::SqlDialect;

use session_core::domain::config::Tables;
use session_core::domain::id::{HandleHash, UserId};
use session_core::domain::json::Json;
use session_core::domain::secret::Random;
use session_core::domain::session::{Confirmation, StoredSession};
use session_core::domain::time::Timestamp;
use session_core::platform::Platform;

use self::rows::{
    decode_data, decode_handle, decode_key, decode_listed, decode_record, decode_session, integer,
};
use self::runner::{Failure, Runner};
use self::statements::Sql;
use super::db::{Connector, DbError, Kind, Row, Statement, Value};
use super::{BATCH_ROWS, KeyRow, ListedSession, NewSession, Result, SessionRecord, Store};

/// The store on SQL.
pub struct SqlStore<C: Connector, P: Platform> {
    runner: Runner<C, P>,
    platform: Arc<P>,
    sql: Sql,
}

fn query(sql: &str, params: Vec<Value>) -> Statement<'_> {
    Statement {
        sql,
        params,
        kind: Kind::Query,
    }
}

fn row(sql: &str, params: Vec<Value>) -> Statement<'_> {
    Statement {
        sql,
        params,
        kind: Kind::Row,
    }
}

fn execute(sql: &str, params: Vec<Value>) -> Statement<'_> {
    Statement {
        sql,
        params,
        kind: Kind::Execute,
    }
}

/// When a session that is marked as deleted has expired, before now: long enough ago for every clock, and too short for
/// the clean-up, which would take it for one that nobody deleted.
const DEAD_SINCE: Duration = Duration::from_secs(3600);

fn hex(bytes: &[u8; 32]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn live(handle: HandleHash, now: Timestamp) -> [Value; 2] {
    [handle.as_str().into(), now.as_millis().into()]
}

fn key_params(row: &KeyRow) -> Vec<Value> {
    vec![
        row.name.as_str().into(),
        row.value.as_str().into(),
        row.time.as_millis().into(),
    ]
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
            platform,
        }
    }

    /// Deletes batches until one was enough for all that there was before it. Steady logins can't keep it going.
    async fn delete_batches(&self, count: &str, delete: &str, params: Vec<Value>) -> Result<()> {
        loop {
            let count = row(count, params.clone());
            let delete = execute(delete, params.clone());
            let found = self.runner.run_batch(&[count, delete]).await?;
            if number(&found) <= BATCH_ROWS {
                return Ok(());
            }
        }
    }

    async fn count(&self, sql: &str, params: Vec<Value>) -> Result<u64> {
        Ok(number(&self.runner.run(&[row(sql, params)]).await?))
    }
}

/// The number in the only row.
fn number(rows: &[Row]) -> u64 {
    let row = rows.first();
    row.and_then(|row| integer(row.first())).unwrap_or(0)
}

impl<C: Connector, P: Platform> Store for SqlStore<C, P> {
    async fn insert(&self, session: &NewSession) -> Result<()> {
        let params = vec![
            session.handle.as_str().into(),
            session.stored.user_id.as_str().into(),
            session.stored.current.as_str().into(),
            session.data.as_ref().map(Json::as_str).into(),
            session.stored.expires_at.as_millis().into(),
            session.stored.payload.as_ref().map(Json::as_str).into(),
            u64::from(session.stored.generation.0).into(),
            session.created_at.as_millis().into(),
            session.sealed.as_deref().into(),
        ];
        match self.runner.run(&[execute(&self.sql.insert, params)]).await {
            // Handles are random: a row of that key is our own, from a try whose answer was lost.
            Ok(_) | Err(Failure::Db(DbError::DuplicateKey)) => Ok(()),
            Err(failure) => Err(failure.into()),
        }
    }

    async fn find(&self, handle: HandleHash, now: Timestamp) -> Result<Option<StoredSession>> {
        let find = row(&self.sql.find, live(handle, now).to_vec());
        let rows = self.runner.run(&[find]).await?;
        rows.into_iter().next().map(decode_session).transpose()
    }

    async fn confirm(
        &self,
        handle: HandleHash,
        confirmation: Confirmation,
        now: Timestamp,
    ) -> Result<Option<StoredSession>> {
        let [key, time] = live(handle, now);
        let confirm = vec![
            confirmation.child.as_str().into(),
            confirmation.expires_at.as_millis().into(),
            key,
            time,
            confirmation.parent.as_str().into(),
        ];
        let find = row(&self.sql.find, live(handle, now).to_vec());
        let rows = self
            .runner
            .run(&[execute(&self.sql.confirm, confirm), find])
            .await?;
        rows.into_iter().next().map(decode_session).transpose()
    }

    /// Marks the row with a text of its own, which one caller can do while the session is live, and reads back whose
    /// mark it has. That may be repeated, and is right wherever a compare-and-set is. A marked session is dead.
    async fn delete(&self, handle: HandleHash, now: Timestamp) -> Result<bool> {
        let random: &dyn Random = &*self.platform;
        let mark = hex(&random.bytes());
        let [key, time] = live(handle, now);
        let dead_since = Value::from(now.minus(DEAD_SINCE).as_millis());
        let params = vec![mark.as_str().into(), dead_since, key.clone(), time];
        let script = [
            execute(&self.sql.mark, params),
            row(&self.sql.read_mark, vec![key.clone()]),
        ];
        let rows = self.runner.run(&script).await?;
        let is_ours = rows.first().and_then(|row| row.first()) == Some(&mark.as_str().into());
        if is_ours {
            let remove = execute(&self.sql.remove_marked, vec![key, mark.as_str().into()]);
            // If that fails the clean-up removes the row; the session is dead all the same.
            self.runner.run(&[remove]).await.ok();
        }
        Ok(is_ours)
    }

    async fn remove(&self, handle: HandleHash) -> Result<()> {
        let remove = execute(&self.sql.remove, vec![handle.as_str().into()]);
        self.runner.run(&[remove]).await?;
        Ok(())
    }

    async fn delete_user(&self, user: &UserId, except: Option<HandleHash>) -> Result<()> {
        let mut params: Vec<Value> = vec![user.as_str().into(), user.as_str().into()];
        match except {
            None => {
                self.delete_batches(&self.sql.count_user, &self.sql.delete_user, params)
                    .await
            }
            Some(handle) => {
                params.push(handle.as_str().into());
                let (count, delete) = (&self.sql.count_user_except, &self.sql.delete_user_except);
                self.delete_batches(count, delete, params).await
            }
        }
    }

    async fn read_data(&self, handle: HandleHash, now: Timestamp) -> Result<Option<Option<Json>>> {
        let read = row(&self.sql.read_data, live(handle, now).to_vec());
        let rows = self.runner.run(&[read]).await?;
        rows.into_iter().next().map(decode_data).transpose()
    }

    async fn write_data(
        &self,
        handle: HandleHash,
        data: Option<&Json>,
        now: Timestamp,
    ) -> Result<bool> {
        let [key, time] = live(handle, now);
        let write = vec![data.map(Json::as_str).into(), key, time];
        let find = row(&self.sql.read_data, live(handle, now).to_vec());
        let rows = self
            .runner
            .run(&[execute(&self.sql.write_data, write), find])
            .await?;
        Ok(!rows.is_empty())
    }

    async fn record(&self, handle: HandleHash, now: Timestamp) -> Result<Option<SessionRecord>> {
        let read = row(&self.sql.record, live(handle, now).to_vec());
        let rows = self.runner.run(&[read]).await?;
        rows.into_iter().next().map(decode_record).transpose()
    }

    async fn write_payload(
        &self,
        handle: HandleHash,
        payload: Option<&Json>,
        now: Timestamp,
    ) -> Result<Option<StoredSession>> {
        let [key, time] = live(handle, now);
        let write = vec![payload.map(Json::as_str).into(), key, time];
        let write = execute(&self.sql.write_payload, write);
        let find = row(&self.sql.find, live(handle, now).to_vec());
        let rows = self.runner.run(&[write, find]).await?;
        rows.into_iter().next().map(decode_session).transpose()
    }

    async fn list_user(
        &self,
        user: &UserId,
        after: Option<HandleHash>,
        limit: u64,
        now: Timestamp,
    ) -> Result<Vec<ListedSession>> {
        let params = vec![
            user.as_str().into(),
            user.as_str().into(),
            now.as_millis().into(),
            after.as_ref().map_or("", HandleHash::as_str).into(),
            limit.into(),
        ];
        let list = query(&self.sql.list_user, params);
        let rows = self.runner.run(&[list]).await?;
        rows.into_iter().map(decode_listed).collect()
    }

    async fn delete_batch(
        &self,
        handles: &[HandleHash],
        now: Timestamp,
    ) -> Result<Vec<HandleHash>> {
        let (find, delete) = self.sql.of_many(handles.len());
        let params = |handles: &[HandleHash]| {
            let handles = handles.iter().map(|handle| handle.as_str().into());
            std::iter::once(now.as_millis().into())
                .chain(handles)
                .collect::<Vec<Value>>()
        };
        let find = query(&find, params(handles));
        let rows = self.runner.run_batch(&[find]).await?;
        let there = rows.into_iter().map(decode_handle);
        let there = there.collect::<Result<Vec<_>>>()?;
        if !there.is_empty() {
            let delete = execute(&delete, params(handles));
            self.runner.run_batch(&[delete]).await?;
        }
        Ok(there)
    }

    async fn keys(&self) -> Result<Vec<KeyRow>> {
        let rows = self
            .runner
            .run(&[query(&self.sql.keys, Vec::new())])
            .await?;
        rows.into_iter().map(decode_key).collect()
    }

    async fn add_keys(&self, rows: &[KeyRow]) -> Result<()> {
        let script: Vec<_> = rows
            .iter()
            .map(|row| execute(&self.sql.add_key, key_params(row)))
            .collect();
        self.runner.run(&script).await?;
        Ok(())
    }

    async fn put_key(&self, row: &KeyRow) -> Result<()> {
        let params = key_params(row);
        self.runner
            .run(&[execute(&self.sql.put_key, params)])
            .await?;
        Ok(())
    }

    async fn remove_key(&self, name: &str) -> Result<()> {
        self.runner
            .run(&[execute(&self.sql.remove_key, vec![name.into()])])
            .await?;
        Ok(())
    }

    async fn remove_expired(&self, before: Timestamp) -> Result<u64> {
        let found = self
            .count(&self.sql.some_expired, vec![before.as_millis().into()])
            .await?;
        if found > 0 {
            let remove = execute(&self.sql.remove_expired, vec![before.as_millis().into()]);
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
}

#[cfg(test)]
mod tests;
