//! `spin:sqlite@3.1.0` (which also serves 3.0.0) and `fermyon:spin/sqlite@2.0.0` over one kind of
//! connection.

mod connection;
mod database;
mod values;

use wasmtime::component::{Accessor, FutureReader, Resource, StreamReader};

use self::connection::Connection;
use crate::bindings::imports::fermyon::spin::sqlite as v2;
use crate::bindings::imports::spin::sqlite::sqlite as v3;
use crate::guest::{Guest, GuestData};

type Streams = (
    Vec<String>,
    StreamReader<v3::RowResult>,
    FutureReader<Result<(), v3::Error>>,
);

impl v3::Host for Guest {}
impl v2::Host for Guest {}

impl v3::HostConnection for Guest {
    async fn open(
        &mut self,
        database: String,
    ) -> wasmtime::Result<Result<Resource<v3::Connection>, v3::Error>> {
        match Connection::open(self.instance.clone(), &database).await {
            Ok(connection) => Ok(Ok(self.keep(connection)?)),
            Err(error) => Ok(Err(error)),
        }
    }

    async fn execute(
        &mut self,
        connection: Resource<v3::Connection>,
        statement: String,
        parameters: Vec<v3::Value>,
    ) -> wasmtime::Result<Result<v3::QueryResult, v3::Error>> {
        let connection: Connection = self.kept(&connection)?;
        connection.execute(statement, parameters).await
    }

    async fn last_insert_rowid(
        &mut self,
        connection: Resource<v3::Connection>,
    ) -> wasmtime::Result<i64> {
        self.kept::<Connection, _>(&connection)?.last_insert_rowid()
    }

    async fn changes(&mut self, connection: Resource<v3::Connection>) -> wasmtime::Result<u64> {
        self.kept::<Connection, _>(&connection)?.changes()
    }

    async fn drop(&mut self, connection: Resource<v3::Connection>) -> wasmtime::Result<()> {
        self.forget::<Connection, _>(&connection)
    }
}

impl<T: Send> v3::HostConnectionWithStore<T> for GuestData {
    async fn open_async(
        accessor: &Accessor<T, Self>,
        database: String,
    ) -> wasmtime::Result<Result<Resource<v3::Connection>, v3::Error>> {
        let instance = accessor.with(|mut access| access.get().instance.clone());
        match Connection::open(instance, &database).await {
            Ok(connection) => Ok(Ok(
                accessor.with(|mut access| access.get().keep(connection))?
            )),
            Err(error) => Ok(Err(error)),
        }
    }

    async fn execute_async(
        accessor: &Accessor<T, Self>,
        connection: Resource<v3::Connection>,
        statement: String,
        parameters: Vec<v3::Value>,
    ) -> wasmtime::Result<Result<Streams, v3::Error>> {
        let connection =
            accessor.with(|mut access| access.get().kept::<Connection, _>(&connection))?;
        // Spin reports what goes wrong at the end of the rows, never at their beginning.
        let (answer, result) = match connection.execute(statement, parameters).await? {
            Ok(answer) => (answer, Ok(())),
            Err(error) => (
                v3::QueryResult {
                    columns: Vec::new(),
                    rows: Vec::new(),
                },
                Err(error),
            ),
        };
        accessor.with(|mut access| {
            let rows = StreamReader::new(&mut access, answer.rows)?;
            let result =
                FutureReader::new(&mut access, async move { wasmtime::error::Ok(result) })?;
            Ok(Ok((answer.columns, rows, result)))
        })
    }

    async fn last_insert_rowid_async(
        accessor: &Accessor<T, Self>,
        connection: Resource<v3::Connection>,
    ) -> wasmtime::Result<i64> {
        accessor.with(|mut access| {
            access
                .get()
                .kept::<Connection, _>(&connection)?
                .last_insert_rowid()
        })
    }

    async fn changes_async(
        accessor: &Accessor<T, Self>,
        connection: Resource<v3::Connection>,
    ) -> wasmtime::Result<u64> {
        accessor.with(|mut access| access.get().kept::<Connection, _>(&connection)?.changes())
    }
}

impl v2::HostConnection for Guest {
    async fn open(
        &mut self,
        database: String,
    ) -> wasmtime::Result<Result<Resource<v2::Connection>, v2::Error>> {
        match Connection::open(self.instance.clone(), &database).await {
            Ok(connection) => Ok(Ok(self.keep(connection)?)),
            Err(error) => Ok(Err(old_error(error))),
        }
    }

    async fn execute(
        &mut self,
        connection: Resource<v2::Connection>,
        statement: String,
        parameters: Vec<v2::Value>,
    ) -> wasmtime::Result<Result<v2::QueryResult, v2::Error>> {
        let parameters = parameters.into_iter().map(new_value).collect();
        let connection: Connection = self.kept(&connection)?;
        let answer = connection.execute(statement, parameters).await?;
        Ok(answer.map(old_result).map_err(old_error))
    }

    async fn drop(&mut self, connection: Resource<v2::Connection>) -> wasmtime::Result<()> {
        self.forget::<Connection, _>(&connection)
    }
}

fn new_value(value: v2::Value) -> v3::Value {
    match value {
        v2::Value::Integer(v) => v3::Value::Integer(v),
        v2::Value::Real(v) => v3::Value::Real(v),
        v2::Value::Text(v) => v3::Value::Text(v),
        v2::Value::Blob(v) => v3::Value::Blob(v),
        v2::Value::Null => v3::Value::Null,
    }
}

fn old_value(value: v3::Value) -> v2::Value {
    match value {
        v3::Value::Integer(v) => v2::Value::Integer(v),
        v3::Value::Real(v) => v2::Value::Real(v),
        v3::Value::Text(v) => v2::Value::Text(v),
        v3::Value::Blob(v) => v2::Value::Blob(v),
        v3::Value::Null => v2::Value::Null,
    }
}

fn old_result(answer: v3::QueryResult) -> v2::QueryResult {
    let row = |row: v3::RowResult| v2::RowResult {
        values: row.values.into_iter().map(old_value).collect(),
    };
    v2::QueryResult {
        columns: answer.columns,
        rows: answer.rows.into_iter().map(row).collect(),
    }
}

fn old_error(error: v3::Error) -> v2::Error {
    match error {
        v3::Error::NoSuchDatabase => v2::Error::NoSuchDatabase,
        v3::Error::AccessDenied => v2::Error::AccessDenied,
        v3::Error::InvalidConnection => v2::Error::InvalidConnection,
        v3::Error::DatabaseFull => v2::Error::DatabaseFull,
        v3::Error::Io(text) => v2::Error::Io(text),
    }
}
