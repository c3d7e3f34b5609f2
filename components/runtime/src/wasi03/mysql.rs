//! Connections to MySQL and MariaDB through Spin.

use std::sync::{Mutex, PoisonError};

use session_core::domain::config::{Database, MySqlSettings};
use session_core::domain::setting::NeededBy;
use session_store::db::{Connection, Connector, Row};
use session_store::spin::MySqlServer;
use spin_sdk_7::mysql::{self, Error as SdkError};
use spin_sdk_7::wit_bindgen::{FutureReader, StreamReader};

use super::{Spin, variable};
use crate::config::read_config;

mysql_conversions!(spin_sdk_7::mysql);

/// Opens connections to one server. An instance may outlive the password that it has read: where access is denied,
/// the settings are read again.
pub struct MySql {
    server: Mutex<MySqlServer>,
}

impl MySql {
    pub(super) fn new(settings: &MySqlSettings) -> Self {
        Self {
            server: Mutex::new(MySqlServer::new(settings)),
        }
    }

    fn server(&self) -> MySqlServer {
        let server = self.server.lock().unwrap_or_else(PoisonError::into_inner);
        server.clone()
    }

    /// What the settings say now, if that is something else than `refused`.
    async fn changed(&self, refused: &MySqlServer) -> Option<MySqlServer> {
        let config = read_config(NeededBy::Http, &Spin, variable).await.ok()?;
        let Database::MySql(settings) = config.database else {
            return None;
        };
        let server = MySqlServer::new(&settings);
        (server != *refused).then(|| {
            *self.server.lock().unwrap_or_else(PoisonError::into_inner) = server.clone();
            server
        })
    }
}

impl Connector for MySql {
    type Connection = MySqlConnection;

    async fn open(&self) -> Result<MySqlConnection, DbError> {
        let mut server = self.server();
        let mut outcome = MySqlConnection::open(&server).await;
        if outcome.as_ref().err() == Some(&DbError::Denied)
            && let Some(changed) = self.changed(&server).await
        {
            server = changed;
            outcome = MySqlConnection::open(&server).await;
        }
        outcome.map_err(|error| server.open_error(error))
    }
}

type Rows = StreamReader<Vec<DbValue>>;

type Outcome = FutureReader<Result<(), mysql::MysqlError>>;

/// One connection.
pub struct MySqlConnection(mysql::Connection);

impl Connection for MySqlConnection {
    async fn query(&self, sql: &str, params: Vec<Value>) -> Result<Vec<Row>, DbError> {
        let (rows, outcome) = self.begin(sql, params).await?;
        // Several at a time: each read is a turn with the host.
        let rows = rows.collect().await;
        outcome.await.map_err(classify)?;
        decode(rows)
    }

    /// Once the row is there, neither the end of the rows nor that of the query says anything more, and to ask for either
    /// is another turn with the host.
    async fn query_row(&self, sql: &str, params: Vec<Value>) -> Result<Vec<Row>, DbError> {
        let (mut rows, outcome) = self.begin(sql, params).await?;
        let (_, row) = rows.read(Vec::with_capacity(1)).await;
        if row.is_empty() {
            outcome.await.map_err(classify)?;
        }
        decode(row)
    }

    async fn execute(&self, sql: &str, params: Vec<Value>) -> Result<(), DbError> {
        let outcome = self.0.execute(sql, bind(params)).await;
        outcome.map_err(reduce)
    }
}

impl MySqlConnection {
    async fn open(server: &MySqlServer) -> Result<Self, DbError> {
        let opened = mysql::Connection::open(server.url.expose()).await;
        opened.map(Self).map_err(reduce)
    }

    /// The rows as they come, and what will tell whether they are all.
    async fn begin(&self, sql: &str, params: Vec<Value>) -> Result<(Rows, Outcome), DbError> {
        let result = self.0.query(sql, bind(params)).await;
        let (_, rows, outcome) = result.map_err(reduce)?.into_inner();
        Ok((rows, outcome))
    }
}

fn decode(rows: Vec<Vec<DbValue>>) -> Result<Vec<Row>, DbError> {
    let cells = |row: Vec<_>| row.into_iter().map(read).collect();
    rows.into_iter().map(cells).collect()
}

fn reduce(error: SdkError) -> DbError {
    match error {
        SdkError::MysqlError(error) => classify(error),
        SdkError::Decode(_) => UNREADABLE,
    }
}
