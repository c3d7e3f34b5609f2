//! The store on the database that the settings name.

use std::sync::Arc;

use session_core::domain::config::{Config, Database};
use session_core::platform::Platform;
use session_store::db::{Connection, Connector, DbError, Row, Value};
use session_store::sql::{SqlDialect, SqlStore};

/// SQLite lets one connection write at a time; a few let the others read meanwhile.
const SQLITE_CONNECTIONS: usize = 3;

/// The store that `config` describes, on what opens its connections.
pub fn open_store<C: Connector, P: Platform>(
    connector: C,
    config: &Config,
    platform: Arc<P>,
) -> SqlStore<C, P> {
    let (limit, dialect) = match &config.database {
        Database::MySql(settings) => (settings.connection_limit, SqlDialect::MySql),
        Database::Sqlite => (SQLITE_CONNECTIONS, SqlDialect::Sqlite),
    };
    SqlStore::new(connector, limit, dialect, &config.tables, platform)
}

/// Opens connections to either database, whichever it is: one store serves both.
pub enum AnyConnector<M, S> {
    /// MySQL or MariaDB.
    MySql(M),
    /// SQLite.
    Sqlite(S),
}

/// A connection to either database.
pub enum AnyConnection<M, S> {
    /// To MySQL or MariaDB.
    MySql(M),
    /// To SQLite.
    Sqlite(S),
}

impl<M: Connector, S: Connector> Connector for AnyConnector<M, S> {
    type Connection = AnyConnection<M::Connection, S::Connection>;

    async fn open(&self) -> Result<Self::Connection, DbError> {
        Ok(match self {
            Self::MySql(mysql) => AnyConnection::MySql(mysql.open().await?),
            Self::Sqlite(sqlite) => AnyConnection::Sqlite(sqlite.open().await?),
        })
    }
}

impl<M: Connection, S: Connection> Connection for AnyConnection<M, S> {
    async fn query(&self, sql: &str, params: Vec<Value>) -> Result<Vec<Row>, DbError> {
        match self {
            Self::MySql(mysql) => mysql.query(sql, params).await,
            Self::Sqlite(sqlite) => sqlite.query(sql, params).await,
        }
    }

    async fn query_row(&self, sql: &str, params: Vec<Value>) -> Result<Vec<Row>, DbError> {
        match self {
            Self::MySql(mysql) => mysql.query_row(sql, params).await,
            Self::Sqlite(sqlite) => sqlite.query_row(sql, params).await,
        }
    }

    async fn execute(&self, sql: &str, params: Vec<Value>) -> Result<(), DbError> {
        match self {
            Self::MySql(mysql) => mysql.execute(sql, params).await,
            Self::Sqlite(sqlite) => sqlite.execute(sql, params).await,
        }
    }
}
