//! Connections to MySQL and MariaDB through Spin.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use session::domain::config::MySqlSettings;
use session::domain::secret::SecretString;
use session::store::db::{Connection, Connector, DbError, Row, Value};
use spin_sdk::mysql::{self, DbValue, Error, MysqlError, ParameterValue};

/// Strict mode, so that no value is ever cut in silence. The lock wait ends before the caller's patience does, so
/// that no statement goes on after its answer was given up.
const SESSION: &str = "SET SESSION sql_mode = 'STRICT_ALL_TABLES', innodb_lock_wait_timeout = 3";

/// Opens connections to one server.
pub(crate) struct MySql {
    url: SecretString,
}

impl MySql {
    pub(crate) fn new(settings: &MySqlSettings) -> Self {
        let encode = |text| utf8_percent_encode(text, NON_ALPHANUMERIC);
        let tls = if settings.tls {
            "&ssl-mode=required"
        } else {
            ""
        };
        let url = format!(
            "mysql://{}:{}@{}:{}/{}?prefer_socket=false{tls}",
            encode(&settings.user),
            encode(settings.password.expose()),
            settings.host,
            settings.port,
            encode(&settings.name),
        );
        Self {
            url: SecretString::new(url),
        }
    }
}

impl Connector for MySql {
    type Connection = MySqlConnection;

    async fn open(&self) -> Result<MySqlConnection, DbError> {
        // The text of a failed open may hold the URL: it is classified and dropped.
        let opened = mysql::Connection::open(self.url.expose()).await;
        let connection = MySqlConnection(opened.map_err(|error| match classify(error) {
            DbError::TooManyConnections => DbError::TooManyConnections,
            DbError::Denied => DbError::Connect("access denied"),
            _ => DbError::Connect("no connection to the server"),
        })?);
        connection.execute(SESSION, Vec::new()).await?;
        Ok(connection)
    }
}

/// One connection.
pub(crate) struct MySqlConnection(mysql::Connection);

impl Connection for MySqlConnection {
    async fn query(&self, sql: &str, params: Vec<Value>) -> Result<Vec<Row>, DbError> {
        let result = self.0.query(sql, bind(params)).await.map_err(classify)?;
        let (_, mut stream, outcome) = result.into_inner();
        let mut rows = Vec::new();
        while let Some(row) = stream.next().await {
            rows.push(row.into_iter().map(read).collect::<Result<_, _>>()?);
        }
        outcome
            .await
            .map_err(|error| classify(Error::MysqlError(error)))?;
        Ok(rows)
    }

    async fn execute(&self, sql: &str, params: Vec<Value>) -> Result<(), DbError> {
        self.0.execute(sql, bind(params)).await.map_err(classify)
    }
}

fn bind(params: Vec<Value>) -> Vec<ParameterValue> {
    let bind = |value| match value {
        Value::Null => ParameterValue::DbNull,
        Value::Integer(integer) => ParameterValue::Uint64(integer),
        Value::Text(text) => ParameterValue::Str(text),
    };
    params.into_iter().map(bind).collect()
}

fn read(value: DbValue) -> Result<Value, DbError> {
    Ok(match value {
        DbValue::DbNull => Value::Null,
        DbValue::Int8(n) => integer(n.into())?,
        DbValue::Int16(n) => integer(n.into())?,
        DbValue::Int32(n) => integer(n.into())?,
        DbValue::Int64(n) => integer(n)?,
        DbValue::Uint8(n) => Value::Integer(n.into()),
        DbValue::Uint16(n) => Value::Integer(n.into()),
        DbValue::Uint32(n) => Value::Integer(n.into()),
        DbValue::Uint64(n) => Value::Integer(n),
        DbValue::Str(text) => Value::Text(text),
        DbValue::Binary(bytes) => Value::Text(String::from_utf8(bytes).map_err(|_| UNREADABLE)?),
        DbValue::Boolean(_)
        | DbValue::Floating32(_)
        | DbValue::Floating64(_)
        | DbValue::Unsupported => return Err(UNREADABLE),
    })
}

/// A value of a type that no column of ours has (MySQL 1366: incorrect value for column).
const UNREADABLE: DbError = DbError::Other(1366);

fn integer(n: i64) -> Result<Value, DbError> {
    u64::try_from(n).map(Value::Integer).map_err(|_| UNREADABLE)
}

fn classify(error: Error) -> DbError {
    match error {
        Error::MysqlError(
            MysqlError::ConnectionFailed(text)
            | MysqlError::QueryFailed(text)
            | MysqlError::Other(text),
        ) => DbError::from_mysql_text(&text),
        Error::MysqlError(MysqlError::BadParameter(_) | MysqlError::ValueConversionFailed(_))
        | Error::Decode(_) => UNREADABLE,
    }
}
