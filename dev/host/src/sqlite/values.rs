//! Values between SQLite and guests.

use rusqlite::ToSql;
use rusqlite::types::{ToSqlOutput, ValueRef};

use super::v3::Value;

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Value::Null => ValueRef::Null,
            Value::Integer(v) => ValueRef::Integer(*v),
            Value::Real(v) => ValueRef::Real(*v),
            Value::Text(v) => ValueRef::Text(v.as_bytes()),
            Value::Blob(v) => ValueRef::Blob(v),
        }))
    }
}

/// A value of a row; text must be UTF-8.
pub(super) fn from_sqlite(value: ValueRef<'_>) -> Result<Value, std::str::Utf8Error> {
    Ok(match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(v) => Value::Integer(v),
        ValueRef::Real(v) => Value::Real(v),
        ValueRef::Text(v) => Value::Text(std::str::from_utf8(v)?.to_owned()),
        ValueRef::Blob(v) => Value::Blob(v.to_owned()),
    })
}

/// Bytes beyond the value's own size.
pub(super) fn content_len(value: &Value) -> usize {
    match value {
        Value::Text(text) => text.len(),
        Value::Blob(bytes) => bytes.len(),
        Value::Integer(_) | Value::Real(_) | Value::Null => 0,
    }
}
