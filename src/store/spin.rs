//! What both components share of their way to the databases, though each has its own version of Spin's SDK.
//!
//! The two SDKs generate the same types from the same interface, once each. The macros here write the conversions
//! for either; no SDK is a dependency of this crate.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::db::{DbError, Value};
use crate::domain::config::MySqlSettings;
use crate::domain::secret::SecretString;

/// What every SQLite connection begins with. The lock wait is as MySQL's. Write-ahead logging lets readers go on while
/// one writes; with it `NORMAL` loses nothing but, at worst, the last commits before a power cut.
pub const SQLITE_SESSION: [&str; 3] = [
    "PRAGMA busy_timeout = 2000",
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = NORMAL",
];

/// A value of a type that no column of ours has, or out of range (MySQL 1366).
pub const UNREADABLE: DbError = DbError::Other(1366);

/// The URL that Spin opens.
pub fn mysql_url(settings: &MySqlSettings) -> SecretString {
    let encode = |text| utf8_percent_encode(text, NON_ALPHANUMERIC);
    let tls = if settings.tls {
        "&ssl-mode=required"
    } else {
        ""
    };
    SecretString::new(format!(
        "mysql://{}:{}@{}:{}/{}?prefer_socket=false{tls}",
        encode(&settings.user),
        encode(settings.password.expose()),
        settings.host,
        settings.port,
        encode(&settings.name),
    ))
}

/// Reduces the error of a failed open, whose text may hold the URL, to what may be told.
pub fn open_error(error: &DbError) -> DbError {
    match error {
        DbError::TooManyConnections => DbError::TooManyConnections,
        DbError::Denied => DbError::Connect("access denied"),
        _ => DbError::Connect("no connection to the server"),
    }
}

/// A signed integer from a database.
///
/// # Errors
/// If it is negative.
pub fn integer(n: i64) -> Result<Value, DbError> {
    u64::try_from(n).map(Value::Integer).map_err(|_| UNREADABLE)
}

/// Writes `bind`, `read` and `classify` for an SDK's `mysql` module.
#[macro_export]
macro_rules! mysql_conversions {
    ($($sdk:ident)::+) => {
        use $($sdk)::+::{DbValue, Error as SdkError, MysqlError, ParameterValue};
        use $crate::store::db::{DbError, Value};
        use $crate::store::spin::{UNREADABLE, integer};

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
                DbValue::Binary(bytes) => {
                    Value::Text(String::from_utf8(bytes).map_err(|_| UNREADABLE)?)
                }
                DbValue::Boolean(_)
                | DbValue::Floating32(_)
                | DbValue::Floating64(_)
                | DbValue::Unsupported => return Err(UNREADABLE),
            })
        }

        fn classify(error: MysqlError) -> DbError {
            match error {
                MysqlError::ConnectionFailed(text)
                | MysqlError::QueryFailed(text)
                | MysqlError::Other(text) => DbError::from_mysql_text(&text),
                MysqlError::BadParameter(_) | MysqlError::ValueConversionFailed(_) => UNREADABLE,
            }
        }
    };
}

/// Writes `bind`, `read` and `classify` for an SDK's `sqlite` module.
#[macro_export]
macro_rules! sqlite_conversions {
    ($($sdk:ident)::+) => {
        use $($sdk)::+::{Error as SdkError, Value as SdkValue};
        use $crate::store::db::{DbError, Value};
        use $crate::store::spin::{UNREADABLE, integer};

        fn bind(params: Vec<Value>) -> Result<Vec<SdkValue>, DbError> {
            let bind = |value| match value {
                Value::Null => Ok(SdkValue::Null),
                Value::Integer(n) => i64::try_from(n).map(SdkValue::Integer).map_err(|_| UNREADABLE),
                Value::Text(text) => Ok(SdkValue::Text(text)),
            };
            params.into_iter().map(bind).collect()
        }

        fn read(value: SdkValue) -> Result<Value, DbError> {
            match value {
                SdkValue::Null => Ok(Value::Null),
                SdkValue::Integer(n) => integer(n),
                SdkValue::Text(text) => Ok(Value::Text(text)),
                SdkValue::Real(_) | SdkValue::Blob(_) => Err(UNREADABLE),
            }
        }

        fn classify(error: SdkError) -> DbError {
            match error {
                SdkError::Io(text) => DbError::from_sqlite_text(&text),
                _ => DbError::ConnectionLost,
            }
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_character_survives_in_the_url() {
        let settings = MySqlSettings {
            host: "db.example".to_owned(),
            port: 3306,
            user: "us:er@x".to_owned(),
            password: SecretString::new("p@ss:w/o#rd%?"),
            name: "my db".to_owned(),
            tls: true,
            connection_limit: 3,
        };
        assert_eq!(
            mysql_url(&settings).expose(),
            "mysql://us%3Aer%40x:p%40ss%3Aw%2Fo%23rd%25%3F@db.example:3306/my%20db\
             ?prefer_socket=false&ssl-mode=required"
        );
    }
}
