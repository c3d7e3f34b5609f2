//! `spin:mysql@3.0.0` (asynchronous, rows as a stream) and `fermyon:spin/mysql@2.0.0` (blocking)
//! over one kind of connection. The shapes of errors, and what is lost of them, are Spin's.

mod address;
mod connection;
mod refused;
mod rows;
mod slot;
mod values;

use wasmtime::component::{Accessor, FutureReader, Resource, StreamReader};

use self::connection::Connection;
use self::rows::Answer;
use crate::bindings::imports::fermyon::spin::mysql as v2;
use crate::bindings::imports::spin::mysql::mysql as v3;
use crate::bindings::rdbms_types;
use crate::guest::{Guest, GuestData};

type Params = Vec<v3::ParameterValue>;
type Streams = (
    Vec<v3::Column>,
    StreamReader<v3::Row>,
    FutureReader<Result<(), v3::Error>>,
);

impl v3::Host for Guest {}
impl v2::Host for Guest {}

impl v3::HostConnection for Guest {
    fn drop(&mut self, connection: Resource<v3::Connection>) -> wasmtime::Result<()> {
        close(self, &connection)
    }
}

impl<T: Send> v3::HostConnectionWithStore<T> for GuestData {
    async fn open(
        accessor: &Accessor<T, Self>,
        address: String,
    ) -> wasmtime::Result<Result<Resource<v3::Connection>, v3::Error>> {
        let instance = accessor.with(|mut access| access.get().instance.clone());
        match Connection::open(instance, &address).await? {
            Ok(connection) => Ok(Ok(
                accessor.with(|mut access| access.get().keep(connection))?
            )),
            Err(error) => Ok(Err(open_error(error))),
        }
    }

    async fn query(
        accessor: &Accessor<T, Self>,
        connection: Resource<v3::Connection>,
        statement: String,
        params: Params,
    ) -> wasmtime::Result<Result<Streams, v3::Error>> {
        let connection =
            accessor.with(|mut access| access.get().kept::<Connection, _>(&connection))?;
        match connection.query(statement, params).await? {
            Ok(Answer {
                columns,
                rows,
                result,
            }) => accessor.with(|mut access| {
                let rows = StreamReader::new(&mut access, rows)?;
                let result = FutureReader::new(&mut access, async {
                    wasmtime::error::Ok(result.wait().await)
                })?;
                Ok(Ok((columns, rows, result)))
            }),
            // Spin runs the query in a task of its own and hears nothing but its end.
            Err(_) => Ok(Err(v3::Error::Other(
                "async error: channel closed".to_owned(),
            ))),
        }
    }

    async fn execute(
        accessor: &Accessor<T, Self>,
        connection: Resource<v3::Connection>,
        statement: String,
        params: Params,
    ) -> wasmtime::Result<Result<(), v3::Error>> {
        let connection =
            accessor.with(|mut access| access.get().kept::<Connection, _>(&connection))?;
        Ok(connection
            .execute(&statement, params)
            .await?
            .map_err(statement_error))
    }
}

impl v2::HostConnection for Guest {
    async fn open(
        &mut self,
        address: String,
    ) -> wasmtime::Result<Result<Resource<v2::Connection>, v3::Error>> {
        match Connection::open(self.instance.clone(), &address).await? {
            Ok(connection) => Ok(Ok(self.keep(connection)?)),
            Err(error) => Ok(Err(open_error(error))),
        }
    }

    async fn query(
        &mut self,
        connection: Resource<v2::Connection>,
        statement: String,
        params: Params,
    ) -> wasmtime::Result<Result<rdbms_types::RowSet, v3::Error>> {
        let connection: Connection = self.kept(&connection)?;
        match connection.query(statement, params).await? {
            Ok(answer) => {
                let columns = answer.columns.clone();
                Ok(answer
                    .collect()
                    .await
                    .map(|rows| rdbms_types::RowSet { columns, rows }))
            }
            Err(error) => Ok(Err(statement_error(error))),
        }
    }

    async fn execute(
        &mut self,
        connection: Resource<v2::Connection>,
        statement: String,
        params: Params,
    ) -> wasmtime::Result<Result<(), v3::Error>> {
        let connection: Connection = self.kept(&connection)?;
        Ok(connection
            .execute(&statement, params)
            .await?
            .map_err(statement_error))
    }

    async fn drop(&mut self, connection: Resource<v2::Connection>) -> wasmtime::Result<()> {
        close(self, &connection)
    }
}

fn close<R: 'static>(guest: &mut Guest, connection: &Resource<R>) -> wasmtime::Result<()> {
    // Spin waits for the lock here, and nothing of the instance runs meanwhile: whoever has it never gives it back.
    if guest.instance.mysql_table.try_lock().is_err() {
        return Err(guest.instance.violates(
            "a MySQL connection was dropped while an open was pending, or a statement that queued behind one had \
             the host's lock but had not run; Spin hangs for ever",
        ));
    }
    guest.forget::<Connection, R>(connection)
}

fn statement_error(error: mysql_async::Error) -> v3::Error {
    v3::Error::QueryFailed(format!("{error:?}"))
}

/// Spin's text holds the causes and ends with the stack of the host; guests have to cope with that.
fn open_error(error: mysql_async::Error) -> v3::Error {
    let causes: Vec<_> =
        std::iter::successors(std::error::Error::source(&error), |cause| cause.source()).collect();
    let mut text = format!("{error}\n\nCaused by:");
    for (index, cause) in causes.iter().enumerate() {
        let number = if causes.len() > 1 {
            format!("{index}: ")
        } else {
            String::new()
        };
        text.push_str(&format!("\n    {number}{cause}"));
    }
    text.push_str("\n\nStack backtrace:\n   0: dev_host::mysql::open");
    v3::Error::ConnectionFailed(text)
}
