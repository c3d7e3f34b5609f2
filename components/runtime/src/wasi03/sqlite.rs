//! Connections to Spin's SQLite.

use session_store::db::{Connection, Connector, Row};
use session_store::spin::SQLITE_SESSION;
use spin_sdk_7::sqlite;

sqlite_conversions!(spin_sdk_7::sqlite);

/// Opens connections to the database `default`.
pub struct Sqlite;

impl Connector for Sqlite {
    type Connection = SqliteConnection;

    async fn open(&self) -> Result<SqliteConnection, DbError> {
        let connection = sqlite::Connection::open_default()
            .await
            .map(SqliteConnection)
            .map_err(|_| DbError::Connect("SQLite cannot be opened".into()))?;
        for setting in SQLITE_SESSION {
            match connection.execute(setting, Vec::new()).await {
                // Another instance is switching to the same setting.
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
        let result = self.0.execute(sql, bind(params)?).await.map_err(classify)?;
        let rows = result.collect().await.map_err(classify)?;
        rows.into_iter()
            .map(|row| row.values.into_iter().map(read).collect())
            .collect()
    }

    async fn execute(&self, sql: &str, params: Vec<Value>) -> Result<(), DbError> {
        self.query(sql, params).await.map(drop)
    }
}
