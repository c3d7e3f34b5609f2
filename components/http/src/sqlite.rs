//! Connections to Spin's SQLite.

use session::store::db::{Connection, Connector, DbError, Row, Value};
use spin_sdk::sqlite::{self, Error};

/// Write-ahead logging lets readers go on while one writes; with it `NORMAL` loses nothing but, at worst, the last
/// commits before a power cut.
const SETTINGS: [&str; 2] = ["PRAGMA journal_mode = WAL", "PRAGMA synchronous = NORMAL"];

/// Opens connections to the database `default`.
pub(crate) struct Sqlite;

impl Connector for Sqlite {
    type Connection = SqliteConnection;

    async fn open(&self) -> Result<SqliteConnection, DbError> {
        let opened = sqlite::Connection::open_default().await;
        let connection =
            SqliteConnection(opened.map_err(|_| DbError::Connect("SQLite can't be opened"))?);
        for setting in SETTINGS {
            match connection.query(setting, Vec::new()).await {
                // Another instance is switching to the same setting.
                Ok(_) | Err(DbError::LockTimeout) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(connection)
    }
}

/// One connection.
pub(crate) struct SqliteConnection(sqlite::Connection);

impl Connection for SqliteConnection {
    async fn query(&self, sql: &str, params: Vec<Value>) -> Result<Vec<Row>, DbError> {
        let params = params
            .into_iter()
            .map(bind)
            .collect::<Result<Vec<_>, _>>()?;
        let result = self.0.execute(sql, params).await.map_err(classify)?;
        let rows = result.collect().await.map_err(classify)?;
        rows.into_iter()
            .map(|row| row.values.into_iter().map(read).collect())
            .collect()
    }

    async fn execute(&self, sql: &str, params: Vec<Value>) -> Result<(), DbError> {
        self.query(sql, params).await.map(|_| ())
    }
}

/// A value that does not fit, or of a type that no column of ours has.
const UNREADABLE: DbError = DbError::Other(1);

fn bind(value: Value) -> Result<sqlite::Value, DbError> {
    Ok(match value {
        Value::Null => sqlite::Value::Null,
        Value::Integer(integer) => {
            sqlite::Value::Integer(i64::try_from(integer).map_err(|_| UNREADABLE)?)
        }
        Value::Text(text) => sqlite::Value::Text(text),
    })
}

fn read(value: sqlite::Value) -> Result<Value, DbError> {
    match value {
        sqlite::Value::Null => Ok(Value::Null),
        sqlite::Value::Integer(n) => u64::try_from(n).map(Value::Integer).map_err(|_| UNREADABLE),
        sqlite::Value::Text(text) => Ok(Value::Text(text)),
        sqlite::Value::Real(_) | sqlite::Value::Blob(_) => Err(UNREADABLE),
    }
}

fn classify(error: Error) -> DbError {
    match error {
        Error::Io(text) => DbError::from_sqlite_text(&text),
        _ => DbError::ConnectionLost,
    }
}
