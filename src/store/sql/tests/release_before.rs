//! The release before tombstones and lifetimes, by its own tables and statements: its sessions go on as they did, and its
//! instances beside those of this one.

use std::sync::Arc;

use session_core::domain::id::Generation;
use session_core::domain::time::Timestamp;
use session_core::testing::START;

use super::connector::Database;
use super::{confirmation, handle, in_secs, session, sign_out, store, tables, token, user};
use crate::db::Row;
use crate::memory::MemoryStore;
use crate::sql::SqlDialect;
use crate::sql::migrations::migrations;
use crate::{BATCH_ROWS, First, SessionStore};

/// Its migrations were the first three.
fn tables_of_before() -> Arc<Database> {
    let database = Database::new();
    for migration in &migrations(SqlDialect::Sqlite)[..3] {
        for statement in migration.statements(SqlDialect::Sqlite, &tables()) {
            // 001 has the columns that they add.
            if !statement.starts_with("ALTER") {
                database.batch(&statement);
            }
        }
    }
    database
}

/// An instance of it.
struct Before<'a>(&'a Database);

impl Before<'_> {
    fn insert(&self, number: u8) {
        self.0.batch(&format!(
            "INSERT INTO refresh_tokens (session_handle_hash_1, user_id, refresh_token_hash_2, session_info, expires_at, \
             jwt_user_payload, generation, created_at, handle_sealed) \
             VALUES ('{}', 'bob', '{}', '[1e400]', {}, '{{\"a\":1.0}}', 0, {}, NULL)",
            handle(number).as_str(),
            token(0).as_str(),
            in_secs(3600).as_millis(),
            START.as_millis(),
        ));
    }

    fn find(&self, number: u8) -> Option<Row> {
        let sql = format!(
            "SELECT user_id, refresh_token_hash_2, generation, expires_at, jwt_user_payload FROM refresh_tokens \
             WHERE {}",
            live(number)
        );
        self.0.look(&sql).pop()
    }

    /// How many rows it changed.
    fn confirm(&self, number: u8, parent: u8) -> Row {
        let confirmation = confirmation(parent);
        self.change(&format!(
            "UPDATE refresh_tokens SET refresh_token_hash_2 = '{}', generation = generation + 1, expires_at = {}, \
             handle_sealed = 'sealed' WHERE {} AND refresh_token_hash_2 = '{}'",
            confirmation.child.as_str(),
            confirmation.expires_at.as_millis(),
            live(number),
            confirmation.parent.as_str(),
        ))
    }

    /// The first of a deletion's three statements.
    fn mark(&self, number: u8) -> Row {
        let expired = START.as_millis() - 1;
        self.change(&format!(
            "UPDATE refresh_tokens SET refresh_token_hash_2 = 'its mark', expires_at = {expired} WHERE {}",
            live(number)
        ))
    }

    fn remove_marked(&self, number: u8) -> Row {
        self.change(&format!(
            "DELETE FROM refresh_tokens WHERE session_handle_hash_1 = '{}' AND refresh_token_hash_2 = 'its mark'",
            handle(number).as_str()
        ))
    }

    fn change(&self, sql: &str) -> Row {
        self.0.batch(sql);
        self.0.look("SELECT changes()").remove(0)
    }
}

fn live(number: u8) -> String {
    let (handle, now) = (handle(number), START.as_millis());
    format!(
        "session_handle_hash_1 = '{}' AND expires_at > {now}",
        handle.as_str()
    )
}

/// A session without limits, whose tokens were issued nobody knows when.
#[tokio::test]
async fn its_sessions_go_on_as_they_did() {
    async fn life(store: &impl SessionStore) -> Vec<String> {
        let (bob, last) = (
            user("bob"),
            Timestamp::from_millis(in_secs(7200).as_millis() - 1),
        );
        let mut seen = Vec::new();
        let mut see = |what: &dyn std::fmt::Debug| seen.push(format!("{what:?}"));
        see(&store.find(handle(1), START).await);
        see(&store.list_user(&bob, None, 9, START).await);
        see(&store.read_data(handle(1), START).await);
        see(&store
            .confirm(handle(1), confirmation(0), "sealed", None, START)
            .await);
        see(&store
            .confirm(handle(1), confirmation(0), "sealed", None, START)
            .await);
        see(&store.find(handle(1), last).await);
        see(&store.find(handle(1), in_secs(7200)).await);
        see(&store.record(handle(1), START).await);
        see(&store.by_age(&bob, First::Oldest, 0, 9, START).await);
        see(&store.delete(handle(1), sign_out(START)).await);
        see(&store.delete(handle(1), sign_out(START)).await);
        see(&store.find(handle(1), START).await);
        seen
    }
    let database = tables_of_before();
    Before(&database).insert(1);
    let memory = <MemoryStore>::default();
    let mut same = session(1, "bob");
    same.stored.issued_at = None;
    memory.insert(&same).await.unwrap();
    assert_eq!(life(&store(&database)).await, life(&memory).await);
}

#[tokio::test]
async fn its_instances_go_on_beside_ours() {
    let database = tables_of_before();
    let (before, store) = (Before(&database), store(&database));
    before.insert(1);
    for number in 2..=5 {
        store.insert(&session(number, "bob")).await.unwrap();
    }
    let one = || vec![1_u64.into()];
    let none = || vec![0_u64.into()];
    // Each reads the other's sessions, and goes on with what the other confirmed.
    assert_eq!(before.find(1), before.find(2));
    for number in [1, 2] {
        assert_eq!(before.confirm(number, 0), one());
        let found = store.find(handle(number), START).await.unwrap().unwrap();
        assert_eq!((found.current, found.generation), (token(1), Generation(1)));
        assert_eq!(found.expires_at, in_secs(7200));
        let next = store.confirm(handle(number), confirmation(1), "sealed", None, START);
        assert_eq!(next.await.unwrap().unwrap().current, token(2));
        assert_eq!(before.confirm(number, 1), none());
        assert_eq!(before.confirm(number, 2), one());
    }
    // What one of them deletes is over for both, and was there for one of them only.
    assert_eq!(before.mark(3), one());
    assert_eq!(store.find(handle(3), START).await, Ok(None));
    assert_eq!(store.delete(handle(3), sign_out(START)).await, Ok(false));
    assert_eq!(before.remove_marked(3), one());
    assert_eq!(store.delete(handle(4), sign_out(START)).await, Ok(true));
    assert_eq!(before.find(4), None);
    assert_eq!([before.mark(4), before.remove_marked(4)], [none(), none()]);
    assert_eq!(before.confirm(4, 0), none());
    // A tombstone is nobody's there, too.
    let all = "DELETE FROM refresh_tokens WHERE user_id = 'bob'";
    assert_eq!(before.change(all), vec![3_u64.into()]);
    let feed = store
        .revocations((Timestamp::EPOCH, None), in_secs(1), BATCH_ROWS)
        .await
        .unwrap();
    assert_eq!(
        feed.iter().map(|row| row.handle).collect::<Vec<_>>(),
        [handle(4)]
    );
    assert_eq!(store.find(handle(5), START).await, Ok(None));
}
