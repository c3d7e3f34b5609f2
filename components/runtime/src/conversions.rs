//! Values and errors of a database, between the library's types and an SDK's.
//!
//! The SDKs generate the same types from the same interface, once each; these macros write the conversions for either.

/// Writes `bind`, `read` and `classify` for an SDK's `mysql` module.
macro_rules! mysql_conversions {
    ($($sdk:ident)::+) => {
        use $($sdk)::+::{DbValue, MysqlError, ParameterValue};
        use session_store::db::{DbError, Value};
        use session_store::spin::{UNREADABLE, integer};

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
macro_rules! sqlite_conversions {
    ($($sdk:ident)::+) => {
        use $($sdk)::+::{Error as SdkError, Value as SdkValue};
        use session_store::db::{DbError, Value};
        use session_store::spin::{UNREADABLE, integer};

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
