//! The store on SQL, held against the store in memory on a real SQLite, whole and with faults.

mod byte_exact;
mod connector;
mod contract;
mod endings;
mod faults;
mod migrations;
mod release_before;
mod retries;
mod schema;
mod subset;

use session_core::domain::device::Binding;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use session_core::domain::config::Tables;
use session_core::domain::id::{Generation, HandleHash, SessionHandle, UserId};
use session_core::domain::json::Json;
use session_core::domain::lifetime::Limits;
use session_core::domain::revocation::{Reason, Revocation};
use session_core::domain::secret::{DoubleHash, SingleHash};
use session_core::domain::session::{Confirmation, StoredSession};
use session_core::domain::time::Timestamp;
use session_core::testing::{START, TestPlatform};

use self::connector::{Database, Instance};
use super::{SqlDialect, SqlStore};
use crate::NewSession;
use crate::testing::rules::Rules;

type SqliteStore = SqlStore<Instance, TestPlatform>;

fn tables() -> Tables {
    Tables {
        signing_key: "signing_key".to_owned(),
        refresh_tokens: "refresh_tokens".to_owned(),
    }
}

/// A store of an instance of its own.
fn store(database: &Arc<Database>) -> SqliteStore {
    watched(database).0
}

/// A store of an instance of its own, and what its connections do.
fn watched(database: &Arc<Database>) -> (SqliteStore, Arc<Rules>) {
    // No two instances draw the same random numbers.
    static SEED: AtomicU64 = AtomicU64::new(1);
    let seed = SEED.fetch_add(1, Ordering::Relaxed);
    let (platform, rules) = (TestPlatform::new(seed), Arc::default());
    let instance = Instance::new(database, &rules);
    let store = SqlStore::new(instance, 3, SqlDialect::Sqlite, &tables(), platform);
    (store, rules)
}

fn handle(number: u8) -> HandleHash {
    SessionHandle::from_bytes([number; 24]).hash()
}

/// The double hash of a token of that number.
fn token(number: u8) -> DoubleHash {
    SingleHash::of_token(&number.to_string()).double()
}

fn json(text: &str) -> Option<Json> {
    Some(Json::parse(text.to_owned()).unwrap())
}

fn user(id: &str) -> UserId {
    UserId::parse(id).unwrap()
}

/// A session of `user` with token 0, an hour to live.
fn session(number: u8, id: &str) -> NewSession {
    NewSession {
        handle: handle(number),
        stored: StoredSession {
            user_id: user(id),
            current: token(0),
            generation: Generation::FIRST,
            expires_at: in_secs(3600),
            limits: Limits::default(),
            issued_at: Some(START),
            authentication: None,
            payload: json(r#"{"a":1.0}"#),
            binding: Binding::Unbound,
        },
        data: json("[1e400]"),
        created_at: START,
        sealed: None,
        client: None,
    }
}

/// Token 0's child is token 1, token 1's is token 2.
fn confirmation(parent: u8) -> Confirmation {
    Confirmation {
        parent: token(parent),
        child: token(parent + 1),
        issued_at: START,
        expires_at: in_secs(7200),
    }
}

/// A sign-out at that time.
fn sign_out(at: Timestamp) -> Revocation {
    let reason = Reason::SignedOut;
    Revocation { at, reason }
}

fn in_secs(secs: u64) -> Timestamp {
    START.plus(Duration::from_secs(secs))
}
