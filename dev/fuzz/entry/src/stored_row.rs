//! Rows: whatever the database returns is read as what it is, or refused; nothing of it gets out in an error.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use serde_json::value::RawValue;
use session_api::Api;
use session_core::domain::authentication::Authentication;
use session_core::domain::config::Config;
use session_core::domain::device::Binding;
use session_core::domain::id::{Generation, UserId};
use session_core::domain::json::Json;
use session_core::domain::lifetime::Limits;
use session_core::domain::revocation::{Reason, Revocation};
use session_core::domain::secret::{DoubleHash, Sha256Hex, SingleHash};
use session_core::domain::session::{Confirmation, StoredSession};
use session_core::domain::time::Timestamp;
use session_core::testing::TestPlatform;
use session_service::Service;
use session_service::maintenance;
use session_store::db::{Connection, Connector, DbError, Row, Value};
use session_store::sql::{SqlDialect, SqlStore};
use session_store::{BATCH_ROWS, KeyStore, MaintenanceStore, SessionStore, StoreError};

use crate::NOW;
use crate::input::Input;
use crate::platform::{block_on, log_lines, platform};
use crate::request::{FIXTURES, Fixture, Reply, When};

/// Checks one input: choices of settings, dialect, time and what is done, a byte each; then the results that the
/// statements get, in order, with empty lines between them. A line is a row, `|` is between columns, `~` is NULL,
/// `#` begins an integer. A result that begins with `!` is an error, in the words of the database's driver.
///
/// # Panics
/// If a row is read as something else than it is, or gets out.
pub fn stored_row(data: &[u8]) -> bool {
    let mut input = Input::new(data);
    let fixture = &FIXTURES[input.choice(FIXTURES.len())];
    let dialect = [SqlDialect::MySql, SqlDialect::Sqlite][input.choice(2)];
    let when = When::ALL[input.choice(When::ALL.len())];
    let action = input.choice(12);
    let script = fixture.fill_in(input.rest());
    let results = read_script(&String::from_utf8_lossy(&script), dialect);
    let database = Script(Arc::new(Mutex::new(results.clone().into())));
    let platform = platform(when.time(), 2);
    let tables = &fixture.config.tables;
    let store = SqlStore::new(database, 1, dialect, tables, Arc::clone(&platform));
    let first = results.into_iter().next().unwrap_or(Ok(Vec::new()));
    match action {
        0 => check_find(&store, first),
        1 => check_data(&store, first),
        2 => check_keys(&store, first),
        3 => check_rest(&store),
        4 => {
            let (config, budget) = (&fixture.config, fixture.config.clean_up_budget);
            drop(block_on(maintenance::run(
                &store, &*platform, config, budget,
            )));
            false
        }
        action => check_api(fixture, store, &platform, action - 5),
    }
}

type Outcome = Result<Vec<Row>, DbError>;

fn read_script(script: &str, dialect: SqlDialect) -> Vec<Outcome> {
    let results = script
        .split("\n\n")
        .map(|result| match result.strip_prefix('!') {
            Some(text) => Err(match dialect {
                SqlDialect::MySql => DbError::from_mysql_text(text),
                SqlDialect::Sqlite => DbError::from_sqlite_text(text),
            }),
            None => Ok(result.lines().map(read_row).collect()),
        });
    results.collect()
}

fn read_row(line: &str) -> Row {
    let columns = line
        .split('|')
        .map(|column| match column.strip_prefix('#') {
            Some(integer) => integer.parse().map_or(Value::Null, Value::Integer),
            None if column == "~" => Value::Null,
            None => Value::Text(column.to_owned()),
        });
    columns.collect()
}

/// A database that returns what a script says, then nothing.
struct Script(Arc<Mutex<VecDeque<Outcome>>>);

impl Script {
    fn next(&self) -> Outcome {
        let mut results = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        results.pop_front().unwrap_or(Ok(Vec::new()))
    }
}

impl Connector for Script {
    type Connection = Self;

    async fn open(&self) -> Result<Self, DbError> {
        Ok(Self(Arc::clone(&self.0)))
    }
}

impl Connection for Script {
    async fn query(&self, sql: &str, _: Vec<Value>) -> Outcome {
        let mut rows = self.next()?;
        // A database may hold anything, but it can count.
        if sql.starts_with("SELECT COUNT") {
            let counted = |value: &mut Value| {
                if let Value::Integer(count) = value {
                    *count %= BATCH_ROWS + 1;
                }
            };
            rows.iter_mut().flatten().for_each(counted);
        }
        Ok(rows)
    }

    /// That a session gets its settings is no part of a script.
    async fn execute(&self, sql: &str, _: Vec<Value>) -> Result<(), DbError> {
        match sql.starts_with("SET ") {
            true => Ok(()),
            false => self.next().map(drop),
        }
    }
}

type Sql = SqlStore<Script, TestPlatform>;

fn text(value: Option<&Value>) -> Option<&str> {
    match value {
        Some(Value::Text(text)) => Some(text),
        _ => None,
    }
}

fn integer(value: Option<&Value>) -> Option<u64> {
    match value {
        Some(Value::Integer(integer)) => Some(*integer),
        _ => None,
    }
}

/// None if it is no JSON; `Some(None)` if there is none.
fn optional_json(value: Option<&Value>) -> Option<Option<Json>> {
    match value {
        Some(Value::Null) => Some(None),
        Some(Value::Text(text)) if text.is_empty() => Some(None),
        value => {
            let raw: &RawValue = serde_json::from_str(text(value)?).ok()?;
            Json::parse(raw.get().to_owned()).map(Some)
        }
    }
}

/// None if it is no number; `Some(None)` if there is none.
fn optional_integer(value: Option<&Value>) -> Option<Option<u64>> {
    match value {
        None | Some(Value::Null) => Some(None),
        value => integer(value).map(Some),
    }
}

fn session(row: &Row) -> Option<StoredSession> {
    let mut session = StoredSession {
        user_id: UserId::or_empty(text(row.first())?).ok()?,
        current: DoubleHash::from_hex(Sha256Hex::parse(text(row.get(1))?)?),
        generation: Generation(u32::try_from(integer(row.get(2))?).ok()?),
        expires_at: Timestamp::from_millis(integer(row.get(3))?),
        payload: optional_json(row.get(4))?,
        limits: Limits {
            ends_at: optional_integer(row.get(5))?.map(Timestamp::from_millis),
            idle_timeout: optional_integer(row.get(6))?.map(Duration::from_millis),
        },
        issued_at: optional_integer(row.get(7))?.map(Timestamp::from_millis),
        authentication: match row.get(8) {
            None | Some(Value::Null) => None,
            value => Some(Authentication::from_json(text(value)?)?),
        },
        binding: match row.get(9)? {
            Value::Null => Binding::Unbound,
            device_key => Binding::from_stored(text(Some(device_key)))?,
        },
    };
    session.expires_at = session.limits.clamp(session.expires_at);
    Some(session)
}

/// Holds what a store read against what the first of its rows says; after an error others may have been read.
fn check_read<T: PartialEq + std::fmt::Debug>(
    answer: Result<Option<T>, StoreError>,
    result: Outcome,
    read: impl Fn(&Row) -> Option<T>,
) -> bool {
    let Ok(rows) = result else {
        return false;
    };
    let expected = rows.first().map(read);
    match (&answer, expected) {
        (Err(StoreError::Corrupt { .. }), Some(None)) => {}
        (Ok(answer), None) => assert_eq!(*answer, None),
        (Ok(answer), Some(expected)) if expected.is_some() => assert_eq!(*answer, expected),
        (_, expected) => panic!("{answer:?} instead of {expected:?}"),
    }
    answer.is_ok()
}

fn handle() -> session_core::domain::id::HandleHash {
    session_core::domain::id::SessionHandle::from_bytes([7; 24]).hash()
}

fn check_find(store: &Sql, result: Outcome) -> bool {
    check_read(block_on(store.find(handle(), NOW)), result, session)
}

fn check_data(store: &Sql, result: Outcome) -> bool {
    let answer = block_on(store.read_data(handle(), NOW));
    check_read(answer, result, |row| optional_json(row.first()))
}

fn check_keys(store: &Sql, result: Outcome) -> bool {
    let read = |row: &Row| {
        let (name, value) = (text(row.first())?, text(row.get(1))?);
        Some((name.to_owned(), value.to_owned(), integer(row.get(2))?))
    };
    let answer = block_on(store.keys());
    let Ok(rows) = result else {
        return false;
    };
    match rows.iter().map(read).collect::<Option<Vec<_>>>() {
        None => {
            assert!(matches!(answer, Err(StoreError::Corrupt { .. })));
            false
        }
        Some(expected) => {
            let keys = answer.expect("all rows are keys");
            let keys = keys
                .into_iter()
                .map(|row| (row.name, row.value, row.time.as_millis()));
            assert_eq!(keys.collect::<Vec<_>>(), expected);
            true
        }
    }
}

/// The operations whose answers take more than one result.
fn check_rest(store: &Sql) -> bool {
    let hash = SingleHash::of_token("parent");
    let confirmation = Confirmation {
        parent: hash.double(),
        child: SingleHash::of_token("child").double(),
        issued_at: NOW,
        expires_at: NOW.plus(Duration::from_secs(1)),
    };
    let user = UserId::parse("bob").expect("three characters");
    block_on(async {
        drop(store.confirm(handle(), confirmation, "", None, NOW).await);
        drop(store.write_data(handle(), None, NOW).await);
        let (at, reason) = (NOW, Reason::SignedOut);
        let revocation = Revocation { at, reason };
        drop(store.delete(handle(), revocation).await);
        drop(store.delete_user(&user, Some(handle()), revocation).await);
        drop(store.revocations((Timestamp::EPOCH, None), NOW, 1).await);
        store.count_expired(NOW).await.is_ok()
    })
}

fn check_api(fixture: &Fixture, store: Sql, platform: &Arc<TestPlatform>, action: usize) -> bool {
    let (method, target, body) = [
        ("POST", "/session", r#"{"userId":"bob"}"#),
        (
            "PUT",
            "/session",
            r#"{"accessToken":"{{child_access}}","idRefreshToken":""}"#,
        ),
        (
            "PUT",
            "/refresh",
            r#"{"refreshToken":"{{refresh}}","idRefreshToken":""}"#,
        ),
        (
            "PUT",
            "/refresh",
            r#"{"refreshToken":"{{child_refresh}}","idRefreshToken":""}"#,
        ),
        ("DELETE", "/session/all", r#"{"userId":"bob"}"#),
        ("GET", "/session/data?sessionHandle={{handle}}", ""),
        ("GET", "/ready", ""),
    ][action];
    let [target, body] = [target, body].map(|text| fixture.fill_in(text.as_bytes()));
    let request = Request::builder()
        .method(method)
        .uri(target)
        .header("api-key", crate::request::API_KEY)
        .body(Full::new(Bytes::from(body)))
        .expect("method and target are well formed");
    let config: Config = fixture.config.clone();
    let service = Service::new(Arc::new(store), Arc::clone(platform), config, None);
    let reply = Reply::read(block_on(Api::Ready(Arc::new(service)).handle(request)));
    assert!(matches!(reply.status, 200 | 500 | 503), "{reply:?}");
    fixture.check_secrets(&log_lines(platform), &reply);
    reply.status == 200
}
