//! A connection to a MySQL server: how it is opened, what runs on it and how faults hit it.
//! Who may use it when is decided in `slot`.

use std::io;
use std::sync::Arc;

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, DriverError, Error, Params, ServerError};

use super::rows::{self, Answer};
use super::slot::{Lease, Shared};
use super::{address, refused, v3, values};
use crate::faults::{self, Call, DatabaseKind, Operation, Verdict};
use crate::instance::Instance;

/// The outer error is a trap, the inner one the driver's.
type Outcome<T> = wasmtime::Result<Result<T, Error>>;

/// A connection as a guest's handle names it.
#[derive(Clone)]
pub(super) struct Connection(Arc<Shared>);

impl Connection {
    /// Opens `address` (a mysql:// URL) for `instance`, if it may and once there is a permit.
    pub(super) async fn open(instance: Arc<Instance>, address: &str) -> Outcome<Self> {
        if !instance.component.allowed_hosts.allow(address, "mysql") {
            instance.record_violation(&format!(
                "{} is not among the component's allowed_outbound_hosts",
                address::without_credentials(address)
            ));
            let text = format!("address {address} is not permitted");
            return Ok(Err(Error::Other(text.into())));
        }
        let permit = match instance.app.mysql_permits.clone() {
            // An error would mean that the semaphore is closed, which never happens.
            Some(permits) => permits.acquire_owned().await.ok(),
            None => None,
        };
        let _table = instance.mysql_table.lock().await;
        let verdict = meet(&instance, Operation::Open, "").await;
        match verdict {
            Verdict::Fail(error) => return Ok(Err(server_error(error))),
            Verdict::CutBefore => return Ok(Err(closed())),
            Verdict::Proceed | Verdict::CutAfter => {}
        }
        let opened = match address::options(address) {
            Ok(options) => Conn::new(options).await,
            Err(error) => Err(error),
        };
        Ok(match opened {
            Ok(_) if verdict == Verdict::CutAfter => Err(closed()),
            Ok(conn) => Ok(Self(Arc::new(Shared::new(conn, instance.clone(), permit)))),
            Err(error) => Err(error),
        })
    }

    /// Runs a statement by PREPARE and EXECUTE and forgets its rows.
    pub(super) async fn execute(&self, sql: &str, params: Vec<v3::ParameterValue>) -> Outcome<()> {
        let (mut lease, cut_after) = match self.begin(Operation::Execute, sql).await? {
            Ok(begun) => begun,
            Err(error) => return Ok(Err(error)),
        };
        let result = lease.parts().0.exec_drop(sql, to_params(params)).await;
        self.end(lease, cut_after, result)
    }

    /// Runs a statement by PREPARE and EXECUTE and hands out its rows.
    pub(super) async fn query(
        &self,
        sql: String,
        params: Vec<v3::ParameterValue>,
    ) -> Outcome<Answer> {
        let (lease, cut_after) = match self.begin(Operation::Query, &sql).await? {
            Ok(begun) => begun,
            Err(error) => return Ok(Err(error)),
        };
        match rows::query(lease, sql, to_params(params)).await {
            Ok(_) if cut_after => {
                self.0.lose();
                Ok(Err(closed()))
            }
            result => Ok(result),
        }
    }

    /// Takes the connection for one call and lets fault rules decide about it. The flag says that
    /// it is to be cut once the statement has run.
    async fn begin(&self, operation: Operation, sql: &str) -> Outcome<(Lease, bool)> {
        drop(self.0.instance.mysql_table.lock().await);
        // MariaDB prepares more than MySQL does.
        if let Some(statement) = refused::by_prepare(sql) {
            self.0.instance.record_violation(&format!(
                "{statement} cannot be prepared on MySQL, and Spin prepares everything"
            ));
            return Ok(Err(server_error(faults::ServerError {
                code: 1295,
                message: "This command is not supported in the prepared statement protocol yet"
                    .to_owned(),
            })));
        }
        let Some(lease) = self.0.lease().await? else {
            return Ok(Err(still_closed()));
        };
        match meet(&self.0.instance, operation, sql).await {
            Verdict::Proceed => Ok(Ok((lease, false))),
            Verdict::CutAfter => Ok(Ok((lease, true))),
            Verdict::CutBefore => {
                drop(lease);
                self.0.lose();
                Ok(Err(closed()))
            }
            Verdict::Fail(error) => {
                lease.give_back();
                Ok(Err(server_error(error)))
            }
        }
    }

    fn end<T>(&self, lease: Lease, cut_after: bool, result: Result<T, Error>) -> Outcome<T> {
        if cut_after {
            drop(lease);
            self.0.lose();
            return Ok(Err(closed()));
        }
        lease.give_back();
        Ok(result)
    }
}

async fn meet(instance: &Instance, operation: Operation, sql: &str) -> Verdict {
    let call = Call {
        database: Some(DatabaseKind::MySql),
        operation,
        sql,
    };
    instance.app.test_controls.meet(call).await
}

fn to_params(params: Vec<v3::ParameterValue>) -> Params {
    if params.is_empty() {
        Params::Empty
    } else {
        Params::Positional(params.into_iter().map(values::to_driver).collect())
    }
}

fn server_error(error: faults::ServerError) -> Error {
    let state = match error.code {
        1040 => "08004",
        1045 => "28000",
        1062 => "23000",
        1064 | 1142 => "42000",
        1146 => "42S02",
        1213 => "40001",
        _ => "HY000",
    };
    Error::Server(ServerError {
        code: error.code,
        message: error.message,
        state: state.to_owned(),
    })
}

/// What the driver says when it finds the connection closed.
fn closed() -> Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "connection closed").into()
}

/// What it says from then on.
fn still_closed() -> Error {
    let cause = Error::Driver(DriverError::ConnectionClosed);
    io::Error::new(io::ErrorKind::UnexpectedEof, cause).into()
}
