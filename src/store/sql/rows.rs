//! Reading rows: what this service never writes is refused, naming table, column and problem, not the value.

use std::time::Duration;

use session_core::domain::authentication::Authentication;
use session_core::domain::device::Binding;
use session_core::domain::id::{Generation, HandleHash, UserId};
use session_core::domain::json::Json;
use session_core::domain::keys::KeyRow;
use session_core::domain::lifetime::Limits;
use session_core::domain::maintenance::LastTick;
use session_core::domain::revocation::{Reason, Revocation, Revoked};
use session_core::domain::secret::{DoubleHash, Sha256Hex};
use session_core::domain::session::StoredSession;
use session_core::domain::time::Timestamp;

use crate::db::{Row, Value};
use crate::error::{Result, StoreError};
use crate::records::{ListedSession, SessionRecord};

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

/// The Node service writes no data as an empty text, which is no JSON; this service writes NULL.
fn optional_json(value: Option<Value>, column: &'static str) -> Result<Option<Json>> {
    match value {
        Some(Value::Null) => Ok(None),
        Some(Value::Text(text)) if text.is_empty() => Ok(None),
        value => match text(value).and_then(Json::parse) {
            Some(json) => Ok(Some(json)),
            None => Err(corrupt(SESSIONS, column, "not the text of a JSON value")),
        },
    }
}

/// Columns: those of `statements::SESSION`.
pub(super) fn decode_session(row: Row) -> Result<StoredSession> {
    read_session(&mut row.into_iter())
}

fn read_session(columns: &mut impl Iterator<Item = Value>) -> Result<StoredSession> {
    let user_id = text(columns.next())
        .and_then(|text| UserId::or_empty(text).ok())
        .ok_or_else(|| corrupt(SESSIONS, "user_id", "not a user id"))?;
    let current = text(columns.next())
        .and_then(|text| Sha256Hex::parse(&text))
        .map(DoubleHash::from_hex)
        .ok_or_else(|| corrupt(SESSIONS, "refresh_token_hash_2", "not 64 hex digits"))?;
    let generation = integer(columns.next().as_ref())
        .and_then(|integer| u32::try_from(integer).ok())
        .map(Generation)
        .ok_or_else(|| corrupt(SESSIONS, "generation", "out of range"))?;
    let expires_at = time(columns.next(), SESSIONS, "expires_at")?;
    let payload = optional_json(columns.next(), "jwt_user_payload")?;
    let limits = Limits {
        ends_at: optional_time(columns.next(), "ends_at")?,
        idle_timeout: optional_integer(columns.next(), "idle_timeout")?.map(Duration::from_millis),
    };
    let issued_at = optional_time(columns.next(), "last_active_at")?;
    let authentication = match columns.next() {
        None | Some(Value::Null) => None,
        value => {
            let read = text(value).and_then(|text| Authentication::from_json(&text));
            let problem = "not what this service writes";
            Some(read.ok_or_else(|| corrupt(SESSIONS, "authentication", problem))?)
        }
    };
    let binding = binding(columns.next())?;
    Ok(StoredSession {
        user_id,
        current,
        generation,
        // Replicas of the release before know no end.
        expires_at: limits.clamp(expires_at),
        limits,
        issued_at,
        authentication,
        payload,
        binding,
    })
}

fn binding(value: Option<Value>) -> Result<Binding> {
    let binding = match value {
        Some(Value::Null) => Some(Binding::Unbound),
        value => text(value).and_then(|text| Binding::from_stored(Some(&text))),
    };
    binding.ok_or_else(|| corrupt(SESSIONS, "device_key", "not a public key"))
}

/// Columns: those of a session, data, time of creation, client.
pub(super) fn decode_record(row: Row) -> Result<SessionRecord> {
    let mut columns = row.into_iter();
    Ok(SessionRecord {
        stored: read_session(&mut columns)?,
        data: optional_json(columns.next(), "session_info")?,
        created_at: time(columns.next(), SESSIONS, "created_at")?,
        client: optional_json(columns.next(), "client")?,
    })
}

/// Columns: row key, covered handle, time of creation, expiry, end, last confirmation, client, device key.
pub(super) fn decode_listed(row: Row) -> Result<ListedSession> {
    let mut columns = row.into_iter();
    let handle = row_key(columns.next())?;
    let sealed = match columns.next() {
        Some(Value::Null) => None,
        value => Some(text(value).ok_or_else(|| corrupt(SESSIONS, "handle_sealed", "not text"))?),
    };
    let created_at = time(columns.next(), SESSIONS, "created_at")?;
    let expires_at = time(columns.next(), SESSIONS, "expires_at")?;
    let ends_at = optional_time(columns.next(), "ends_at")?;
    Ok(ListedSession {
        handle,
        sealed,
        created_at,
        expires_at: expires_at.min(ends_at.unwrap_or(expires_at)),
        ends_at,
        last_active_at: optional_time(columns.next(), "last_active_at")?,
        client: optional_json(columns.next(), "client")?,
        bound: binding(columns.next())?.key().is_some(),
    })
}

/// What a tombstone's user begins with; the reason follows.
const REVOKED: &str = "revoked:";

/// What a tombstone has in place of the session's user, who is forgotten and whose other sessions it is none of.
pub(super) fn user_of_tombstone(reason: Reason) -> String {
    format!("{REVOKED}{}", reason.as_str())
}

/// Columns: row key, expiry, user id. A reason that is not known here counts as a sign-out: a later release, or the
/// statement of an operator, wrote it.
pub(super) fn decode_revoked(row: Row) -> Result<Revoked> {
    let mut columns = row.into_iter();
    let handle = row_key(columns.next())?;
    let expires_at = time(columns.next(), SESSIONS, "expires_at")?;
    let reason = text(columns.next())
        .and_then(|user| Reason::parse(user.strip_prefix(REVOKED)?))
        .unwrap_or(Reason::SignedOut);
    Ok(Revoked {
        handle,
        revocation: Revocation::of_tombstone(expires_at, reason),
    })
}

/// Column: row key.
pub(super) fn decode_handle(row: Row) -> Result<HandleHash> {
    row_key(row.into_iter().next())
}

fn row_key(value: Option<Value>) -> Result<HandleHash> {
    let key = text(value).and_then(|text| HandleHash::parse(&text));
    key.ok_or_else(|| corrupt(SESSIONS, "session_handle_hash_1", "not 64 hex digits"))
}

fn time(value: Option<Value>, table: &'static str, column: &'static str) -> Result<Timestamp> {
    integer(value.as_ref())
        .map(Timestamp::from_millis)
        .ok_or_else(|| corrupt(table, column, "not a time"))
}

fn optional_integer(value: Option<Value>, column: &'static str) -> Result<Option<u64>> {
    match value {
        None | Some(Value::Null) => Ok(None),
        value => match integer(value.as_ref()) {
            Some(integer) => Ok(Some(integer)),
            None => Err(corrupt(SESSIONS, column, "not a number")),
        },
    }
}

fn optional_time(value: Option<Value>, column: &'static str) -> Result<Option<Timestamp>> {
    Ok(optional_integer(value, column)?.map(Timestamp::from_millis))
}

/// Column: session data.
pub(super) fn decode_data(row: Row) -> Result<Option<Json>> {
    optional_json(row.into_iter().next(), "session_info")
}

/// The name of the row of the key table that is no key but says how the last tick went.
pub(super) const LAST_TICK: &str = "last_tick";

/// Columns: name, value, time.
pub(super) fn decode_key(row: Row) -> Result<KeyRow> {
    let mut columns = row.into_iter();
    Ok(KeyRow {
        name: text(columns.next()).ok_or_else(|| corrupt(KEYS, "key_name", "not text"))?,
        value: text(columns.next()).ok_or_else(|| corrupt(KEYS, "key_value", "not text"))?,
        time: time(columns.next(), KEYS, "created_at_time")?,
    })
}

/// Columns: value, time. None if another release wrote what is not known here.
pub(super) fn decode_last_tick(row: Row) -> Option<LastTick> {
    let mut columns = row.into_iter();
    let value = text(columns.next())?;
    let at = integer(columns.next().as_ref()).map(Timestamp::from_millis)?;
    LastTick::from_json(&value, at)
}
