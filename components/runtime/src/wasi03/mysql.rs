//! Connections to MySQL and MariaDB through Spin.

use std::sync::{Mutex, PoisonError};

use session_core::domain::config::{Database, MySqlSettings};
use session_core::domain::secret::SecretString;
use session_core::domain::setting::NeededBy;
use session_store::db::{Connection, Connector, Row};
use session_store::spin::{ACCESS_DENIED, mysql_url, open_error};
use spin_sdk_7::mysql::{self, Error as SdkError};
use spin_sdk_7::wit_bindgen::FutureReader;

use super::{Spin, variable};
use crate::config::read_config;

mysql_conversions!(spin_sdk_7::mysql);

/// Opens connections to one server. An instance may outlive the password that it has read: where access is denied,
/// the settings are read again.
pub struct MySql {
    url: Mutex<SecretString>,
}

impl MySql {
    pub(super) fn new(settings: &MySqlSettings) -> Self {
        Self {
            url: Mutex::new(mysql_url(settings)),
        }
    }

    fn url(&self) -> SecretString {
        let url = self.url.lock().unwrap_or_else(PoisonError::into_inner);
        url.clone()
    }

    /// What the settings say now, if that is something else than `refused`.
    async fn changed_url(&self, refused: &SecretString) -> Option<SecretString> {
        let config = read_config(NeededBy::Http, &Spin, variable).await.ok()?;
        let Database::MySql(settings) = config.database else {
            return None;
        };
        let url = mysql_url(&settings);
        (url != *refused).then(|| {
            *self.url.lock().unwrap_or_else(PoisonError::into_inner) = url.clone();
            url
        })
    }
}

impl Connector for MySql {
    type Connection = MySqlConnection;

    async fn open(&self) -> Result<MySqlConnection, DbError> {
        let url = self.url();
        match MySqlConnection::open(&url).await {
            Err(ACCESS_DENIED) => match self.changed_url(&url).await {
                Some(url) => MySqlConnection::open(&url).await,
                None => Err(ACCESS_DENIED),
            },
            outcome => outcome,
        }
    }
}

/// One connection.
pub struct MySqlConnection(mysql::Connection);

impl Connection for MySqlConnection {
    async fn query(&self, sql: &str, params: Vec<Value>) -> Result<Vec<Row>, DbError> {
        let (rows, outcome) = self.read(sql, params).await?;
        outcome.await.map_err(classify)?;
        Ok(rows)
    }

    /// Once the row is there, how the query ends says nothing more, and to ask is another turn with the host.
    async fn query_row(&self, sql: &str, params: Vec<Value>) -> Result<Vec<Row>, DbError> {
        let (rows, outcome) = self.read(sql, params).await?;
        if rows.is_empty() {
            outcome.await.map_err(classify)?;
        }
        Ok(rows)
    }

    async fn execute(&self, sql: &str, params: Vec<Value>) -> Result<(), DbError> {
        let outcome = self.0.execute(sql, bind(params)).await;
        outcome.map_err(reduce)
    }
}

impl MySqlConnection {
    async fn open(url: &SecretString) -> Result<Self, DbError> {
        let opened = mysql::Connection::open(url.expose()).await;
        opened.map(Self).map_err(|error| open_error(&reduce(error)))
    }

    /// The rows, and what will tell whether they are all.
    async fn read(
        &self,
        sql: &str,
        params: Vec<Value>,
    ) -> Result<(Vec<Row>, FutureReader<Result<(), mysql::MysqlError>>), DbError> {
        let result = self.0.query(sql, bind(params)).await;
        let (_, stream, outcome) = result.map_err(reduce)?.into_inner();
        // Several at a time: each read is a turn with the host, and one that ends the stream saves another.
        let rows = stream.collect().await;
        let cells = |row: Vec<_>| row.into_iter().map(read).collect();
        let rows = rows.into_iter().map(cells).collect::<Result<_, _>>()?;
        Ok((rows, outcome))
    }
}

fn reduce(error: SdkError) -> DbError {
    match error {
        SdkError::MysqlError(error) => classify(error),
        SdkError::Decode(_) => UNREADABLE,
    }
}
