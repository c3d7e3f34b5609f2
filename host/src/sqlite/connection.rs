//! A guest's connection to a SQLite database: who may use it and how faults hit it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::database::{Attempt, Database, Handle};
use super::v3::{Error, QueryResult, Value};
use crate::faults::{self, Call, Operation, Verdict};
use crate::guest::Instance;

/// A connection as a guest's handle names it.
#[derive(Clone)]
#[expect(unreachable_pub, reason = "generated code re-exports it")]
pub struct Connection(Arc<Shared>);

struct Shared {
    database: Arc<Database>,
    instance: Arc<Instance>,
    slot: Mutex<Slot>,
}

enum Slot {
    Idle(Box<Handle>),
    /// A call is under way.
    Busy,
    /// A fault has cut it.
    Lost,
}

impl Connection {
    /// Opens the database called `label` for `instance`.
    pub(super) async fn open(instance: Arc<Instance>, label: &str) -> Result<Self, Error> {
        let database = instance
            .component
            .databases
            .get(label)
            .cloned()
            .ok_or(Error::AccessDenied)?;
        let verdict = meet(&instance, Operation::Open, "").await;
        match verdict {
            Verdict::Fail(error) => return Err(Error::Io(error.message)),
            Verdict::CutBefore | Verdict::CutAfter => return Err(lost()),
            Verdict::Proceed => {}
        }
        let opening = database.clone();
        let handle = tokio::task::spawn_blocking(move || opening.connect())
            .await
            .map_err(|error| Error::Io(error.to_string()))?
            .map_err(|error| Error::Io(error.to_string()))?;
        if let Some(instruments) = &instance.app.instruments {
            instruments.stats.connection_opened();
        }
        let slot = Mutex::new(Slot::Idle(Box::new(handle)));
        Ok(Self(Arc::new(Shared {
            database,
            instance,
            slot,
        })))
    }

    /// Runs a statement; the outer error is a trap.
    pub(super) async fn execute(
        &self,
        sql: String,
        params: Vec<Value>,
    ) -> wasmtime::Result<Result<QueryResult, Error>> {
        let Some(mut lease) = self.lease()? else {
            return Ok(Err(lost()));
        };
        let operation = if reads(&sql) {
            Operation::Query
        } else {
            Operation::Execute
        };
        let verdict = meet(&self.0.instance, operation, &sql).await;
        match verdict {
            Verdict::Fail(error) => return Ok(Err(Error::Io(error.message))),
            Verdict::CutBefore => return Ok(Err(lease.lose())),
            Verdict::Proceed | Verdict::CutAfter => {}
        }
        let result = match self.0.database.attempt(lease.handle(), &sql, &params) {
            Attempt::Done(result) => result,
            Attempt::Elsewhere => {
                // The lease goes along: a call that is given up finishes there, as on Spin.
                let database = self.0.database.clone();
                let blocking = tokio::task::spawn_blocking(move || {
                    let result = database.run(lease.handle(), &sql, &params);
                    (lease, result)
                });
                match blocking.await {
                    Ok((returned, result)) => {
                        lease = returned;
                        result
                    }
                    Err(error) => return Ok(Err(Error::Io(error.to_string()))),
                }
            }
        };
        if verdict == Verdict::CutAfter {
            return Ok(Err(lease.lose()));
        }
        Ok(result.map_err(|error| Error::Io(error.to_string())))
    }

    /// Rows changed by the last statement that changes rows.
    pub(super) fn changes(&self) -> wasmtime::Result<u64> {
        Ok(self
            .lease()?
            .map_or(0, |mut lease| lease.handle().changes()))
    }

    /// The row id of the last insertion.
    pub(super) fn last_insert_rowid(&self) -> wasmtime::Result<i64> {
        Ok(self
            .lease()?
            .map_or(0, |mut lease| lease.handle().last_insert_rowid()))
    }

    /// `None` if the connection is lost.
    fn lease(&self) -> wasmtime::Result<Option<Lease>> {
        let mut slot = self.0.lock();
        match std::mem::replace(&mut *slot, Slot::Busy) {
            Slot::Idle(handle) => Ok(Some(Lease {
                handle: Some(handle),
                shared: self.0.clone(),
            })),
            Slot::Lost => {
                *slot = Slot::Lost;
                Ok(None)
            }
            Slot::Busy => Err(self.0.instance.violates(
                "a SQLite connection was used by two calls at once; Spin blocks a thread",
            )),
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Slot> {
        self.slot.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        if let Some(instruments) = &self.instance.app.instruments {
            instruments.stats.connection_closed();
        }
    }
}

/// The right to use a connection; it is given back by dropping.
struct Lease {
    handle: Option<Box<Handle>>,
    shared: Arc<Shared>,
}

impl Lease {
    fn handle(&mut self) -> &Handle {
        self.handle
            .as_ref()
            .expect("the handle is there until the lease ends")
    }

    /// Closes the connection and says how the guest hears of it.
    fn lose(mut self) -> Error {
        self.handle = None;
        lost()
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        *self.shared.lock() = match self.handle.take() {
            Some(handle) => Slot::Idle(handle),
            None => Slot::Lost,
        };
    }
}

async fn meet(instance: &Instance, operation: Operation, sql: &str) -> Verdict {
    match &instance.app.instruments {
        Some(instruments) => {
            instruments
                .meet(Call {
                    database: Some(faults::Database::Sqlite),
                    operation,
                    sql,
                })
                .await
        }
        None => Verdict::Proceed,
    }
}

fn reads(sql: &str) -> bool {
    sql.trim_start()
        .get(..6)
        .is_some_and(|word| word.eq_ignore_ascii_case("select"))
}

fn lost() -> Error {
    Error::Io("disk I/O error".to_owned())
}
