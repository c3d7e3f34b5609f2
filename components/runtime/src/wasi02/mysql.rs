//! Connections to MySQL and MariaDB through Spin's blocking interface.

use session_core::domain::config::MySqlSettings;
use session_store::db::{Connection, Connector, Row};
use session_store::spin::MySqlServer;
use spin_sdk_5::mysql;

use super::platform::look_at_timers;

mysql_conversions!(spin_sdk_5::mysql);

/// Opens connections to one server.
pub struct MySql {
    server: MySqlServer,
}

impl MySql {
    pub(super) fn new(settings: &MySqlSettings) -> Self {
        Self {
            server: MySqlServer::new(settings),
        }
    }
}

impl Connector for MySql {
    type Connection = MySqlConnection;

    async fn open(&self) -> Result<MySqlConnection, DbError> {
        look_at_timers().await;
        let opened = mysql::Connection::open(self.server.url.expose()).map_err(classify);
        opened
            .map(MySqlConnection)
            .map_err(|error| self.server.open_error(error))
    }
}

/// One connection.
pub struct MySqlConnection(mysql::Connection);

impl Connection for MySqlConnection {
    async fn query(&self, sql: &str, params: Vec<Value>) -> Result<Vec<Row>, DbError> {
        look_at_timers().await;
        let result = self.0.query(sql, &bind(params)).map_err(classify)?;
        result
            .rows
            .into_iter()
            .map(|row| row.into_iter().map(read).collect())
            .collect()
    }

    async fn execute(&self, sql: &str, params: Vec<Value>) -> Result<(), DbError> {
        look_at_timers().await;
        self.0.execute(sql, &bind(params)).map_err(classify)
    }
}
