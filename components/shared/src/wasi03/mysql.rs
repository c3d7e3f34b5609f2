//! Connections to MySQL and MariaDB through Spin.

use session::domain::config::MySqlSettings;
use session::domain::secret::SecretString;
use session::store::db::{Connection, Connector, Row};
use session::store::spin::{mysql_url, open_error};
use spin_sdk_7::mysql::{self, Error as SdkError};
use spin_sdk_7::wit_bindgen::FutureReader;

mysql_conversions!(spin_sdk_7::mysql);

/// Opens connections to one server.
pub struct MySql {
    url: SecretString,
}

impl MySql {
    pub(super) fn new(settings: &MySqlSettings) -> Self {
        Self {
            url: mysql_url(settings),
        }
    }
}

impl Connector for MySql {
    type Connection = MySqlConnection;

    async fn open(&self) -> Result<MySqlConnection, DbError> {
        let opened = mysql::Connection::open(self.url.expose()).await;
        let connection = opened.map_err(|error| open_error(&reduce(error)))?;
        Ok(MySqlConnection(connection))
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
