//! Reading rows: what this service never writes is refused, naming table, column and problem, not the value.

use crate::domain::id::{Generation, UserId};
use crate::domain::json::Json;
use crate::domain::rotation::StoredSession;
use crate::domain::secret::{DoubleHash, Sha256Hex};
use crate::domain::time::Timestamp;
use crate::store::db::{Row, Value};
use crate::store::{KeyRow, Result, StoreError};

const SESSIONS: &str = "refresh_tokens";
const KEYS: &str = "signing_key";

/// The integer in a column, if it is one.
pub(super) fn integer(value: Option<&Value>) -> Option<u64> {
    match value {
        Some(Value::Integer(integer)) => Some(*integer),
        _ => None,
    }
}

fn text(value: Option<Value>) -> Option<String> {
    match value {
        Some(Value::Text(text)) => Some(text),
        _ => None,
    }
}

fn corrupt(table: &'static str, column: &'static str, problem: &'static str) -> StoreError {
    StoreError::Corrupt {
        table,
        column,
        problem,
    }
}

fn optional_json(value: Option<Value>, column: &'static str) -> Result<Option<Json>> {
    match value {
        Some(Value::Null) => Ok(None),
        value => match text(value).and_then(Json::parse) {
            Some(json) => Ok(Some(json)),
            None => Err(corrupt(SESSIONS, column, "not the text of a JSON value")),
        },
    }
}

/// Columns: user id, current hash, generation, expiry, payload.
pub(super) fn decode_session(row: Row) -> Result<StoredSession> {
    let mut columns = row.into_iter();
    let user_id = text(columns.next())
        .and_then(|text| UserId::parse(text).ok())
        .ok_or_else(|| corrupt(SESSIONS, "user_id", "not a user id"))?;
    let current = text(columns.next())
        .and_then(|text| Sha256Hex::parse(&text))
        .map(DoubleHash::from_hex)
        .ok_or_else(|| corrupt(SESSIONS, "refresh_token_hash_2", "not 64 hex digits"))?;
    let generation = integer(columns.next().as_ref())
        .and_then(|integer| u32::try_from(integer).ok())
        .map(Generation)
        .ok_or_else(|| corrupt(SESSIONS, "generation", "out of range"))?;
    let expires_at = integer(columns.next().as_ref())
        .map(Timestamp::from_millis)
        .ok_or_else(|| corrupt(SESSIONS, "expires_at", "not a time"))?;
    let payload = optional_json(columns.next(), "jwt_user_payload")?;
    Ok(StoredSession {
        user_id,
        current,
        generation,
        expires_at,
        payload,
    })
}

/// Column: session data.
pub(super) fn decode_data(row: Row) -> Result<Option<Json>> {
    optional_json(row.into_iter().next(), "session_info")
}

/// Columns: name, value, time.
pub(super) fn decode_key(row: Row) -> Result<KeyRow> {
    let mut columns = row.into_iter();
    Ok(KeyRow {
        name: text(columns.next()).ok_or_else(|| corrupt(KEYS, "key_name", "not text"))?,
        value: text(columns.next()).ok_or_else(|| corrupt(KEYS, "key_value", "not text"))?,
        time: integer(columns.next().as_ref())
            .map(Timestamp::from_millis)
            .ok_or_else(|| corrupt(KEYS, "created_at_time", "not a time"))?,
    })
}
