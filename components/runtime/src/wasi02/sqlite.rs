//! Connections to Spin's SQLite, by its blocking interface.

use session_store::db::{Connection, Connector, Row};
use session_store::spin::SQLITE_SESSION;
use spin_sdk_5::sqlite;

use super::platform::look_at_timers;

sqlite_conversions!(spin_sdk_5::sqlite);

/// Opens connections to the database `default`.
pub struct Sqlite;

impl Connector for Sqlite {
    type Connection = SqliteConnection;

    async fn open(&self) -> Result<SqliteConnection, DbError> {
        look_at_timers().await;
        let connection = sqlite::Connection::open_default()
            .map(SqliteConnection)
            .map_err(|_| DbError::Connect("SQLite cannot be opened".into()))?;
        for setting in SQLITE_SESSION {
            match connection.execute(setting, Vec::new()).await {
                // An instance of the other component is switching to the same setting.
                Ok(()) | Err(DbError::LockTimeout) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(connection)
    }
}

/// One connection.
pub struct SqliteConnection(sqlite::Connection);

impl Connection for SqliteConnection {
    async fn query(&self, sql: &str, params: Vec<Value>) -> Result<Vec<Row>, DbError> {
        look_at_timers().await;
        let result = self.0.execute(sql, &bind(params)?).map_err(classify)?;
        result
            .rows
            .into_iter()
            .map(|row| row.values.into_iter().map(read).collect())
            .collect()
    }

    async fn execute(&self, sql: &str, params: Vec<Value>) -> Result<(), DbError> {
        self.query(sql, params).await.map(drop)
    }
}
