//! Text comes back and compares byte for byte; users with many sessions lose all of them, in batches.

use session_core::testing::START;

use super::connector::{Database, Fault};
use super::{handle, json, session, sign_out, store, user};
use crate::db::Value;
use crate::{BACKLOG_ROWS, BATCH_ROWS, MaintenanceStore, SessionStore};

/// Ids that some database or other takes for one another.
const LOOKALIKES: [&str; 12] = [
    "bob",
    "Bob",
    "BOB",
    "bob ",
    "bob  ",
    " bob",
    "bób",
    "b\u{f3}b",
    "bo\u{301}b",
    "bob\0",
    "bob\0x",
    "ｂｏｂ",
];

#[tokio::test]
async fn rv3_a_users_sessions_are_that_users_alone() {
    for (number, victim) in LOOKALIKES.iter().enumerate() {
        let database = Database::new();
        let store = store(&database);
        for (number, id) in LOOKALIKES.iter().enumerate() {
            store.insert(&session(number as u8, id)).await.unwrap();
        }
        store
            .delete_user(&user(victim), None, sign_out(START))
            .await
            .unwrap();
        for (other, id) in LOOKALIKES.iter().enumerate() {
            let left = store.find(handle(other as u8), START).await.unwrap();
            // Two of them are the same text, once with an escape.
            assert_eq!(
                left.is_none(),
                id == victim,
                "{number}: {victim:?} and {id:?}"
            );
            assert!(left.is_none_or(|left| left.user_id.as_str() == *id));
        }
    }
}

#[tokio::test]
async fn one_session_may_be_left_out() {
    let store = store(&Database::new());
    for number in 0..5 {
        let id = if number == 4 { "eve" } else { "bob" };
        store.insert(&session(number, id)).await.unwrap();
    }
    store
        .delete_user(&user("bob"), Some(handle(2)), sign_out(START))
        .await
        .unwrap();
    for number in 0..5 {
        let left = store.find(handle(number), START).await.unwrap().is_some();
        assert_eq!(left, number == 2 || number == 4);
    }
    // The one that is left out may be another user's, or nobody's.
    store
        .delete_user(&user("bob"), Some(handle(4)), sign_out(START))
        .await
        .unwrap();
    assert_eq!(store.find(handle(2), START).await, Ok(None));
    store
        .delete_user(&user("eve"), Some(handle(99)), sign_out(START))
        .await
        .unwrap();
    assert_eq!(store.find(handle(4), START).await, Ok(None));
}

fn many(database: &Database, rows: u64, user: &str, expires_at: u64) {
    database.batch(&format!(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows}) \
         INSERT INTO refresh_tokens (session_handle_hash_1, user_id, refresh_token_hash_2, expires_at) \
         SELECT printf('{user}%064d', i), '{user}', printf('%064d', i), {expires_at} FROM n"
    ));
}

/// How many rows there are that are no tombstones.
fn count(database: &Database) -> u64 {
    let count = "SELECT COUNT(*) FROM refresh_tokens WHERE generation <> 4294967295";
    match database.look(count)[0][0] {
        Value::Integer(count) => count,
        ref value => panic!("{value:?}"),
    }
}

#[tokio::test]
async fn a_user_with_many_sessions_loses_them_in_batches() {
    let database = Database::new();
    let store = store(&database);
    store.insert(&session(1, "eve")).await.unwrap();
    for (rows, batches) in [
        (BATCH_ROWS - 1, 1),
        (BATCH_ROWS, 1),
        (2 * BATCH_ROWS + 500, 3),
    ] {
        many(&database, rows, "bob", 99);
        assert_eq!(count(&database), rows + 1);
        database.at_statements([]);
        store
            .delete_user(&user("bob"), None, sign_out(START))
            .await
            .unwrap();
        assert_eq!(count(&database), 1);
        let updates = database.statements();
        let updates = updates.iter().filter(|sql| sql.starts_with("UPDATE"));
        assert_eq!(updates.count(), batches, "{rows} rows");
        database.batch("DELETE FROM refresh_tokens WHERE generation = 4294967295");
    }
}

/// "Log out everywhere" while the user goes on logging in: it ends, and all sessions from before it are gone.
#[tokio::test]
async fn logins_meanwhile_keep_no_deletion_going() {
    let database = Database::new();
    let store = store(&database);
    store.insert(&session(1, "eve")).await.unwrap();
    many(&database, BATCH_ROWS + 500, "bob", 99);
    // One login for every ten sessions that go.
    database.batch(
        "CREATE TABLE logins (number INTEGER PRIMARY KEY); \
         CREATE TRIGGER login AFTER UPDATE ON refresh_tokens \
         WHEN OLD.session_handle_hash_1 LIKE '%0' AND (SELECT COUNT(*) FROM logins) < 20000 BEGIN \
         INSERT INTO logins VALUES (NULL); \
         INSERT INTO refresh_tokens (session_handle_hash_1, user_id, refresh_token_hash_2, expires_at) \
         SELECT printf('login%059d0', MAX(number)), 'bob', 't', 99 \
         FROM logins; END",
    );
    database.at_statements([]);
    store
        .delete_user(&user("bob"), None, sign_out(START))
        .await
        .unwrap();
    assert_eq!(database.statements().len(), 4);
    let older = "SELECT 1 FROM refresh_tokens WHERE user_id = 'bob' \
                 AND session_handle_hash_1 NOT LIKE 'login%'";
    assert!(database.look(older).is_empty());
}

/// Logins between the look at the last thousand and its removal, which the database would remove first.
#[tokio::test]
async fn cc4_logins_meanwhile_keep_no_older_session() {
    for rows in [BATCH_ROWS, 2 * BATCH_ROWS] {
        let database = Database::new();
        let store = store(&database);
        store.insert(&session(1, "eve")).await.unwrap();
        many(&database, rows, "bob", 99);
        database.batch("UPDATE refresh_tokens SET rowid = rowid + 5000 WHERE user_id = 'bob'");
        let logins = "INSERT INTO refresh_tokens (rowid, session_handle_hash_1, user_id, refresh_token_hash_2, \
                      expires_at) SELECT number, 'login' || number, 'bob', 't', 99 FROM \
                      (WITH RECURSIVE n(number) AS (SELECT 100 UNION ALL SELECT number + 1 FROM n LIMIT 5) \
                       SELECT number FROM n)";
        let last_delete = 2 * (rows / BATCH_ROWS) as usize;
        database.at_statements([(last_delete, Fault::After(logins))]);
        store
            .delete_user(&user("bob"), None, sign_out(START))
            .await
            .unwrap();
        let older = "SELECT 1 FROM refresh_tokens WHERE user_id = 'bob' \
                     AND session_handle_hash_1 NOT LIKE 'login%'";
        assert!(database.look(older).is_empty(), "{rows} rows");
    }
}

#[tokio::test]
async fn a_backlog_is_counted_to_a_limit() {
    let database = Database::new();
    let store = store(&database);
    store.insert(&session(1, "eve")).await.unwrap();
    many(&database, BACKLOG_ROWS + 5, "bob", 99);
    assert_eq!(store.count_expired(START).await, Ok(BACKLOG_ROWS));
}

#[tokio::test]
async fn expired_sessions_go_in_batches() {
    let database = Database::new();
    let store = store(&database);
    store.insert(&session(1, "eve")).await.unwrap();
    many(&database, 2 * BATCH_ROWS + 500, "bob", 99);
    assert_eq!(store.count_expired(START).await, Ok(2 * BATCH_ROWS + 500));
    for left in [1500, 500, 0, 0] {
        let removed = store.remove_expired(START).await.unwrap();
        assert!(removed <= BATCH_ROWS);
        assert_eq!(store.count_expired(START).await, Ok(left));
        assert_eq!(count(&database), left + 1);
    }
}

#[tokio::test]
async fn json_comes_back_as_it_was_sent() {
    let store = store(&Database::new());
    let long = format!("\"{}\"", "é".repeat(32_766));
    for (number, text) in [
        "null",
        "1e400",
        "9007199254740993",
        "1.0",
        "-0",
        "[ 1 ,\t2 ]",
        r#"{"a":1,"a":2}"#,
        r#""\ud800\u0000""#,
        "\"🦀'\\\"`;--\"",
        r#"{"__proto__":{}}"#,
        &long,
    ]
    .iter()
    .enumerate()
    {
        let mut session = session(number as u8, "bob");
        session.stored.payload = json(text);
        session.data = json(text);
        store.insert(&session).await.unwrap();
        let stored = store.find(session.handle, START).await.unwrap().unwrap();
        assert_eq!(stored, session.stored);
        let data = store
            .read_data(session.handle, START)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(data, session.data);
        let written = store.write_data(session.handle, None, START).await;
        assert_eq!(written, Ok(true));
        assert_eq!(store.read_data(session.handle, START).await, Ok(Some(None)));
    }
}

#[tokio::test]
async fn what_this_service_never_writes_is_refused_by_column_without_its_value() {
    let database = Database::new();
    let store = store(&database);
    store.insert(&session(1, "bob")).await.unwrap();
    for (column, value) in [
        ("user_id", "printf('%0129d', 1)"),
        ("refresh_token_hash_2", "'SECRET'"),
        ("refresh_token_hash_2", "NULL"),
        ("generation", "-1"),
        ("generation", "4294967296"),
        ("generation", "'x'"),
        ("expires_at", "9e99"),
        ("jwt_user_payload", "'{SECRET'"),
        ("jwt_user_payload", "x'00'"),
    ] {
        let nullable =
            "CREATE TABLE copy AS SELECT * FROM refresh_tokens; DROP TABLE refresh_tokens;
             ALTER TABLE copy RENAME TO refresh_tokens;";
        database.batch(&format!(
            "CREATE TABLE kept AS SELECT * FROM refresh_tokens; {nullable} UPDATE refresh_tokens SET {column} = {value};"
        ));
        let error = store.find(handle(1), START).await.unwrap_err().to_string();
        assert!(!error.contains("SECRET"), "{error}");
        let named = error.contains("refresh_tokens") && error.contains(column);
        assert!(
            named || error.contains("database error 1366"),
            "{column} = {value}: {error}"
        );
        database.batch("DROP TABLE refresh_tokens; ALTER TABLE kept RENAME TO refresh_tokens;");
    }
    database.batch("UPDATE refresh_tokens SET session_info = '{SECRET'");
    let error = store.read_data(handle(1), START).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "table refresh_tokens, column session_info: not the text of a JSON value"
    );
}
