//! A guest's connection to a SQLite database: who may use it and how faults hit it.

use std::sync::Arc;

use tokio::sync::{Mutex, OwnedMutexGuard};
use tokio::task::spawn_blocking;

use super::database;
use super::v3::{Error, QueryResult, Value};
use crate::faults::{Call, DatabaseKind, Operation, Verdict};
use crate::instance::Instance;

/// A connection as a guest's handle names it.
#[derive(Clone)]
pub(super) struct Connection {
    instance: Arc<Instance>,
    /// `None` once a fault has cut it. Locked while a call is under way.
    slot: Arc<Mutex<Option<Open>>>,
}

type Lease = OwnedMutexGuard<Option<Open>>;

/// An open connection, which is counted.
struct Open {
    connection: rusqlite::Connection,
    instance: Arc<Instance>,
}

impl Connection {
    /// Opens the database called `label` for `instance`.
    pub(super) async fn open(instance: Arc<Instance>, label: &str) -> Result<Self, Error> {
        let path = instance.component.databases.get(label).cloned();
        let path = path.ok_or(Error::AccessDenied)?;
        match meet(&instance, Operation::Open, "").await {
            Verdict::Fail(error) => return Err(Error::Io(error.message)),
            Verdict::CutBefore | Verdict::CutAfter => return Err(lost()),
            Verdict::Proceed => {}
        }
        let connection = spawn_blocking(move || database::connect(path.as_deref()))
            .await
            .map_err(|error| Error::Io(error.to_string()))?
            .map_err(|error| Error::Io(error.to_string()))?;
        let open = Open::new(connection, instance.clone());
        Ok(Self {
            instance,
            slot: Arc::new(Mutex::new(Some(open))),
        })
    }

    /// Runs a statement; the outer error is a trap.
    pub(super) async fn execute(
        &self,
        sql: String,
        params: Vec<Value>,
    ) -> wasmtime::Result<Result<QueryResult, Error>> {
        let mut lease = self.lease()?;
        let operation = if reads(&sql) {
            Operation::Query
        } else {
            Operation::Execute
        };
        let verdict = meet(&self.instance, operation, &sql).await;
        match verdict {
            Verdict::Fail(error) => return Ok(Err(Error::Io(error.message))),
            Verdict::CutBefore => *lease = None,
            Verdict::Proceed | Verdict::CutAfter => {}
        }
        let slow_timers = self.instance.app.slow_timers.get();
        // The lease goes along: a call that is given up finishes there, as on Spin.
        let blocking = spawn_blocking(move || {
            let open = lease.as_ref().ok_or_else(lost)?;
            let result = database::run(&open.connection, &sql, &params, slow_timers);
            if verdict == Verdict::CutAfter {
                *lease = None;
                return Err(lost());
            }
            result.map_err(|error| Error::Io(error.to_string()))
        });
        let failed = |error: tokio::task::JoinError| Err(Error::Io(error.to_string()));
        Ok(blocking.await.unwrap_or_else(failed))
    }

    /// Rows changed by the last statement that changes rows.
    pub(super) fn changes(&self) -> wasmtime::Result<u64> {
        let lease = self.lease()?;
        Ok(lease.as_ref().map_or(0, |open| open.connection.changes()))
    }

    /// The row id of the last insertion.
    pub(super) fn last_insert_rowid(&self) -> wasmtime::Result<i64> {
        let lease = self.lease()?;
        Ok(lease
            .as_ref()
            .map_or(0, |open| open.connection.last_insert_rowid()))
    }

    /// The right to use the connection, until it is dropped.
    fn lease(&self) -> wasmtime::Result<Lease> {
        self.slot.clone().try_lock_owned().map_err(|_| {
            self.instance
                .violates("a SQLite connection was used by two calls at once; Spin blocks a thread")
        })
    }
}

impl Open {
    fn new(connection: rusqlite::Connection, instance: Arc<Instance>) -> Self {
        instance.app.test_controls.stats.connection_opened();
        Self {
            connection,
            instance,
        }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.instance.app.test_controls.stats.connection_closed();
    }
}

async fn meet(instance: &Instance, operation: Operation, sql: &str) -> Verdict {
    let call = Call {
        database: Some(DatabaseKind::Sqlite),
        operation,
        sql,
    };
    instance.app.test_controls.meet(call).await
}

fn reads(sql: &str) -> bool {
    sql.trim_start()
        .get(..6)
        .is_some_and(|word| word.eq_ignore_ascii_case("select"))
}

fn lost() -> Error {
    Error::Io("disk I/O error".to_owned())
}
