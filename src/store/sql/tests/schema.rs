//! Tables that are missing, old, of other names, or made by several at once.

use std::sync::Arc;

use session_core::domain::config::Tables;
use session_core::domain::id::Generation;
use session_core::testing::{START, TestPlatform};

use super::connector::{Database, Fault, Instance};
use super::{confirmation, handle, json, session, sign_out, store, user};
use crate::db::{DbError, Value};
use crate::sql::migrations::migrations;
use crate::sql::{SqlDialect, SqlStore};
use crate::{KeyRow, KeyStore, SessionStore, StoreError};

/// What the documented SQL makes: none of our columns, none of our indexes.
pub(super) const DOCUMENTED: &str = "
    CREATE TABLE signing_key (key_name VARCHAR(128), key_value VARCHAR(255), created_at_time BIGINT UNSIGNED,
        PRIMARY KEY (key_name));
    CREATE TABLE refresh_tokens (session_handle_hash_1 VARCHAR(255) NOT NULL, user_id VARCHAR(128) NOT NULL,
        refresh_token_hash_2 VARCHAR(128) NOT NULL, session_info TEXT, expires_at BIGINT UNSIGNED NOT NULL,
        jwt_user_payload TEXT, PRIMARY KEY (session_handle_hash_1));";

fn indexes(database: &Database) -> Vec<Value> {
    let found = database.look(
        "SELECT name FROM sqlite_master WHERE type = 'index' AND name NOT LIKE 'sqlite%' ORDER BY 1",
    );
    found.into_iter().flatten().collect()
}

fn both_indexes() -> Vec<Value> {
    ["refresh_tokens_expires_at", "refresh_tokens_user_id"]
        .map(Value::from)
        .to_vec()
}

#[tokio::test]
async fn tables_are_made_on_first_use() {
    let database = Database::new();
    let store = store(&database);
    assert_eq!(store.keys().await, Ok(Vec::new()));
    assert_eq!(store.find(handle(1), START).await, Ok(None));
    assert_eq!(indexes(&database), both_indexes());
}

#[tokio::test]
async fn whatever_comes_first_makes_them() {
    let row = KeyRow {
        name: "n".to_owned(),
        value: "v".to_owned(),
        time: START,
    };
    for lossy in [false, true] {
        for operation in 0..6 {
            let database = Database::new();
            if lossy {
                database.lose_query_errors();
            }
            let store = store(&database);
            let outcome = match operation {
                0 => store.insert(&session(1, "bob")).await,
                1 => store.find(handle(1), START).await.map(drop),
                2 => store
                    .confirm(handle(1), confirmation(0), "sealed again", None, START)
                    .await
                    .map(drop),
                3 => store.delete(handle(1), sign_out(START)).await.map(drop),
                4 => store.add_keys(std::slice::from_ref(&row)).await,
                _ => store.delete_user(&user("bob"), None, sign_out(START)).await,
            };
            assert_eq!(outcome, Ok(()), "operation {operation}, lossy {lossy}");
            let rows = database.state().len();
            assert_eq!(rows, usize::from(matches!(operation, 0 | 4)));
        }
    }
}

/// Names are filled in all at once: one table's default name may be the other's, or that of an index.
#[tokio::test]
async fn any_two_names_make_two_tables() {
    for (keys, sessions) in [
        ("refresh_tokens", "signing_key"),
        ("refresh_tokens", "tokens"),
        ("keys", "signing_key"),
        ("refresh_tokens_user_id", "refresh_tokens"),
        ("S_EXPIRES_AT", "s"),
        ("0", "select"),
    ] {
        let tables = Tables {
            signing_key: keys.to_owned(),
            refresh_tokens: sessions.to_owned(),
        };
        let instance = Instance::new(&Database::new(), &Arc::default());
        let store = SqlStore::new(
            instance,
            3,
            SqlDialect::Sqlite,
            &tables,
            TestPlatform::new(1),
        );
        assert_eq!(store.keys().await, Ok(Vec::new()), "{keys}, {sessions}");
        assert_eq!(store.insert(&session(1, "bob")).await, Ok(()));
        assert!(store.find(handle(1), START).await.unwrap().is_some());
        // On MySQL, too, each name is in its own place.
        let script = migrations(SqlDialect::MySql)[0].statements(SqlDialect::MySql, &tables);
        let begins = |at: usize, name: &str| {
            let table = format!("CREATE TABLE IF NOT EXISTS `{name}` (");
            assert!(script[at].starts_with(&table), "{}", script[at]);
        };
        begins(0, keys);
        begins(1, sessions);
    }
}

/// Several instances start on an empty database at the same moment.
#[tokio::test]
async fn tables_may_be_made_by_several_at_once() {
    for lossy in [false, true] {
        for documented in [false, true] {
            let database = Database::new();
            if documented {
                database.batch(DOCUMENTED);
            }
            if lossy {
                database.lose_query_errors();
            }
            let stores: Vec<_> = (0..4).map(|_| store(&database)).collect();
            let first = |number: u8| {
                let store = &stores[usize::from(number)];
                async move {
                    store.insert(&session(number, "bob")).await?;
                    store.find(handle(number), START).await
                }
            };
            let (a, b, c, d) = tokio::join!(first(0), first(1), first(2), first(3));
            for outcome in [a, b, c, d] {
                let outcome = outcome.map(|found| found.is_some());
                assert_eq!(outcome, Ok(true), "lossy {lossy}, documented {documented}");
            }
            let (a, b, c, d) = tokio::join!(
                stores[0].keys(),
                stores[1].keys(),
                stores[2].keys(),
                stores[3].keys()
            );
            assert!(a.is_ok() && b.is_ok() && c.is_ok() && d.is_ok());
        }
    }
}

/// The same, but all begin by looking: with a query, whose error Spin may lose.
#[tokio::test]
async fn several_may_look_before_there_is_a_table() {
    for lossy in [false, true] {
        let database = Database::new();
        if lossy {
            database.lose_query_errors();
        }
        let stores: Vec<_> = (0..4).map(|_| store(&database)).collect();
        let (a, b, c, d) = tokio::join!(
            stores[0].keys(),
            stores[1].keys(),
            stores[2].keys(),
            stores[3].keys()
        );
        for outcome in [a, b, c, d] {
            assert_eq!(outcome, Ok(Vec::new()), "lossy {lossy}");
        }
    }
}

#[tokio::test]
async fn documented_tables_are_upgraded_in_place() {
    let database = Database::new();
    database.batch(DOCUMENTED);
    let old = session(1, "bob");
    database.batch(&format!(
        "INSERT INTO refresh_tokens VALUES ('{}', 'bob', '{}', '[1e400]', {}, NULL);
         INSERT INTO signing_key VALUES ('refresh_token_key', 'v', 5);",
        old.handle.as_str(),
        old.stored.current.as_str(),
        old.stored.expires_at.as_millis(),
    ));
    let store = store(&database);
    let found = store.find(handle(1), START).await.unwrap().unwrap();
    assert_eq!(found.generation, Generation::FIRST);
    assert_eq!(found.payload, None);
    assert_eq!(
        store.read_data(handle(1), START).await,
        Ok(Some(json("[1e400]")))
    );
    let confirmed = store
        .confirm(handle(1), confirmation(0), "sealed again", None, START)
        .await
        .unwrap();
    assert_eq!(confirmed.unwrap().generation, Generation(1));
    assert_eq!(store.keys().await.unwrap()[0].name, "refresh_token_key");
    assert_eq!(indexes(&database), both_indexes());
    let created = database.look("SELECT created_at FROM refresh_tokens");
    assert_eq!(created, [[Value::Integer(0)]]);
}

/// The Node service's library 5 calls its key `session_handle`, and keeps handles in it as they are.
#[tokio::test]
async fn a_table_that_is_none_of_ours_is_left_alone_and_named() {
    let database = Database::new();
    let another = DOCUMENTED.replace("session_handle_hash_1", "session_handle");
    database.batch(&another);
    let store = store(&database);
    for _ in 0..2 {
        let outcome = store.insert(&session(1, "bob")).await;
        let Err(StoreError::Schema(message)) = outcome else {
            panic!("{outcome:?}");
        };
        assert!(message.contains("refresh_tokens_table"), "{message}");
        assert!(indexes(&database).is_empty());
    }
    let database = Database::new();
    database.batch("CREATE TABLE signing_key (id INTEGER, key TEXT)");
    let outcome = super::store(&database).keys().await;
    let Err(StoreError::Schema(message)) = outcome else {
        panic!("{outcome:?}");
    };
    assert!(message.contains("signing_key_table"), "{message}");
    let made = database.look("SELECT name FROM sqlite_master WHERE name LIKE 'refresh%'");
    assert!(made.is_empty());
}

/// What `supertokens-node-mysql-ref-jwt` 5.0.4 writes: an empty text for `undefined`, NULL for what `JSON.stringify` makes
/// nothing of, and JSON as JavaScript writes it.
#[tokio::test]
async fn rows_of_the_node_service_are_read_in_every_shape() {
    let database = Database::new();
    database.batch(DOCUMENTED);
    let old = session(1, "bob");
    for (stored, read) in [
        ("''", None),
        ("NULL", None),
        ("'null'", json("null")),
        ("'{\"a\":1e+21}'", json(r#"{"a":1e+21}"#)),
        ("'\"\"'", json("\"\"")),
    ] {
        database.batch(&format!(
            "INSERT OR REPLACE INTO refresh_tokens (session_handle_hash_1, user_id, refresh_token_hash_2, session_info, \
             expires_at, jwt_user_payload) VALUES ('{}', '{{\"i\":5}}', '{}', {stored}, {}, {stored})",
            old.handle.as_str(),
            old.stored.current.as_str(),
            old.stored.expires_at.as_millis(),
        ));
        let record = store(&database).record(handle(1), START).await;
        let record = record.unwrap().unwrap();
        assert_eq!((&record.data, &record.stored.payload), (&read, &read));
        assert_eq!(record.stored.user_id.as_str(), r#"{"i":5}"#);
        assert_eq!(
            store(&database).read_data(handle(1), START).await,
            Ok(Some(read))
        );
    }
}

#[tokio::test]
async fn half_of_an_upgrade_is_finished() {
    for done in ["generation", "created_at"] {
        let database = Database::new();
        database.batch(DOCUMENTED);
        database.batch(&format!(
            "ALTER TABLE refresh_tokens ADD COLUMN {done} INTEGER NOT NULL DEFAULT 0"
        ));
        let store = store(&database);
        assert_eq!(store.insert(&session(1, "bob")).await, Ok(()));
        assert!(store.find(handle(1), START).await.unwrap().is_some());
    }
    // One table is there, in its documented form, the other is not.
    for missing in ["signing_key", "refresh_tokens"] {
        let database = Database::new();
        database.batch(DOCUMENTED);
        database.batch(&format!("DROP TABLE {missing}"));
        let store = store(&database);
        assert_eq!(store.insert(&session(1, "bob")).await, Ok(()));
        assert_eq!(store.keys().await, Ok(Vec::new()));
    }
}

#[tokio::test]
async fn a_connection_lost_while_tables_are_made_or_upgraded_does_no_harm() {
    for documented in [false, true] {
        for n in 1..=20 {
            for fault in [Fault::CutBefore, Fault::CutAfter] {
                let database = Database::new();
                if documented {
                    database.batch(DOCUMENTED);
                }
                let store = store(&database);
                database.at_statements([(n, fault.clone())]);
                // It may fail, but only so that to try again is worth while.
                if let Err(error) = store.insert(&session(1, "bob")).await {
                    assert!(matches!(error, StoreError::Unavailable(_)), "{error}");
                }
                database.at_statements([]);
                assert_eq!(
                    store.insert(&session(1, "bob")).await,
                    Ok(()),
                    "{n}, {fault:?}"
                );
                // No instance does anything before it has looked for keys.
                assert_eq!(store.keys().await, Ok(Vec::new()));
                assert_eq!(indexes(&database), both_indexes(), "{n}, {fault:?}");
            }
        }
    }
}

#[tokio::test]
async fn tables_may_have_other_names() {
    let database = Database::new();
    store(&database).insert(&session(1, "bob")).await.unwrap();
    let names = Tables {
        signing_key: "refresh_tokens_2".to_owned(),
        refresh_tokens: "signing_key_2".to_owned(),
    };
    let platform = TestPlatform::new(2);
    let instance = Instance::new(&database, &Arc::default());
    let other = SqlStore::new(instance, 1, SqlDialect::Sqlite, &names, platform);
    assert_eq!(other.find(handle(1), START).await, Ok(None));
    other.insert(&session(1, "eve")).await.unwrap();
    let users = database.look("SELECT user_id FROM signing_key_2");
    assert_eq!(users, [[Value::from("eve")]]);
}

#[tokio::test]
async fn a_user_who_may_not_make_tables_is_told_what_to_do() {
    let database = Database::new();
    let store = store(&database);
    // The query, two probes, then the first CREATE.
    for refused in 2..6 {
        database.at_statements((refused..9).map(|n| (n, Fault::Error(DbError::Denied))));
        if let Err(StoreError::Schema(message)) = store.keys().await {
            assert!(
                message.contains("sql/sqlite") && message.contains("001_create_tables, 002"),
                "{message}"
            );
            return;
        }
    }
    panic!("no such message");
}
