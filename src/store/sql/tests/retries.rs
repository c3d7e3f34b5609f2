//! Deadlocks, full servers and silence: what is tried again, how often, and for how long.

use std::time::Duration;

use session_core::testing::START;
use tokio::time::Instant;

use super::connector::{Database, Fault};
use super::{confirmation, handle, session, sign_out, store, user, watched};
use crate::db::DbError;
use crate::{KeyStore, SessionStore, StoreError};

fn deadlocks(count: usize) -> Vec<(usize, Fault)> {
    (1..=count)
        .map(|n| (n, Fault::Error(DbError::Deadlock)))
        .collect()
}

#[tokio::test(start_paused = true)]
async fn db5_a_deadlock_is_tried_again_three_times_with_pauses() {
    let database = Database::new();
    let store = store(&database);
    store.insert(&session(1, "bob")).await.unwrap();
    database.at_opens([]);
    for (count, good) in [(1, true), (3, true), (4, false)] {
        database.at_statements(deadlocks(count));
        let began = Instant::now();
        let outcome = store
            .confirm(handle(1), confirmation(0), "sealed again", None, START)
            .await;
        assert_eq!(outcome.is_ok(), good, "{count} deadlocks: {outcome:?}");
        let pauses = began.elapsed();
        assert!(
            pauses >= Duration::from_millis(10 * count.min(3) as u64),
            "{pauses:?}"
        );
        assert!(pauses < Duration::from_millis(500), "{pauses:?}");
        let statements = database.statements().len();
        assert_eq!(statements, if good { count + 2 } else { count });
    }
    // The connection is as good as before.
    assert_eq!(database.opens(), 0);
}

/// The tables seem to be missing, and the connection that is to look after them has died meanwhile.
#[tokio::test(start_paused = true)]
async fn tables_are_looked_after_on_a_new_connection_if_the_kept_one_has_died() {
    let database = Database::new();
    let store = store(&database);
    store.insert(&session(1, "bob")).await.unwrap();
    database.at_opens([]);
    let missing = Fault::Error(DbError::NoSuchTable);
    database.at_statements([(1, missing), (2, Fault::CutBefore)]);
    assert!(store.find(handle(1), START).await.unwrap().is_some());
    assert_eq!(database.opens(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_no_retry_helps_is_reported_at_once() {
    let database = Database::new();
    let store = store(&database);
    store.insert(&session(1, "bob")).await.unwrap();
    for error in [
        DbError::LockTimeout,
        DbError::ReadOnly,
        DbError::Denied,
        DbError::Other(1),
    ] {
        database.at_statements([(1, Fault::Error(error.clone()))]);
        let outcome = store.find(handle(1), START).await;
        let expected = match error {
            DbError::ReadOnly => StoreError::ReadOnly,
            error => StoreError::Unavailable(error.to_string()),
        };
        assert_eq!(outcome, Err(expected));
        assert_eq!(database.statements().len(), 1);
    }
    assert!(store.find(handle(1), START).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn db8_a_full_server_is_asked_again_for_a_while() {
    let full = || Fault::Error(DbError::TooManyConnections);
    for (count, good) in [(1, true), (8, true), (9, false)] {
        let database = Database::new();
        let store = store(&database);
        database.at_opens((0..count).map(|_| full()));
        let outcome = store.keys().await;
        assert_eq!(outcome.is_ok(), good, "{count}: {outcome:?}");
    }
    let database = Database::new();
    database.at_opens([Fault::Error(DbError::Connect("no".into()))]);
    assert!(store(&database).keys().await.is_err());
    assert_eq!(database.opens(), 1);
}

/// The outcome, unless the deadline of whoever asks is over first.
async fn in_time<T>(operation: impl Future<Output = T>) -> Option<T> {
    let deadline = Duration::from_secs(4);
    tokio::time::timeout(deadline, operation).await.ok()
}

/// Nobody waits for the end of many batches; each has a deadline of its own.
#[tokio::test(start_paused = true)]
async fn db3_a_batch_notices_that_the_database_hangs() {
    let database = Database::new();
    let store = store(&database);
    store.keys().await.unwrap();
    let hangs = vec![(1, Fault::Hang)];
    let is_slow = vec![(1, Fault::Slow), (2, Fault::Slow)];
    for faults in [hangs, is_slow] {
        database.at_statements(faults);
        let began = Instant::now();
        let outcome = store.delete_user(&user("bob"), None, sign_out(START)).await;
        assert!(
            matches!(outcome, Err(StoreError::Unavailable(_))),
            "{outcome:?}"
        );
        assert_eq!(began.elapsed(), Duration::from_secs(3));
    }
}

#[tokio::test(start_paused = true)]
async fn db3_an_operation_on_a_database_that_hangs_can_be_given_up() {
    for at_open in [false, true] {
        let database = Database::new();
        let (store, rules) = watched(&database);
        if at_open {
            database.at_opens([Fault::Hang]);
        } else {
            store.keys().await.unwrap();
            database.at_statements([(1, Fault::Hang)]);
        }
        assert!(in_time(store.find(handle(1), START)).await.is_none());
        // What hung is let go, and the next one has a connection of its own.
        assert_eq!(rules.alive(), 0);
        assert_eq!(store.find(handle(1), START).await, Ok(None));
    }
}

#[tokio::test(start_paused = true)]
async fn those_in_line_behind_a_hanging_database_can_be_given_up_too() {
    let database = Database::new();
    let (store, rules) = watched(&database);
    store.keys().await.unwrap();
    database.at_statements((1..=10).map(|n| (n, Fault::Hang)));
    let ask = || in_time(store.find(handle(1), START));
    let all = tokio::join!(
        ask(),
        ask(),
        ask(),
        ask(),
        ask(),
        ask(),
        ask(),
        ask(),
        ask()
    );
    let (a, b, c, d, e, f, g, h, i) = all;
    let all = [a, b, c, d, e, f, g, h, i];
    assert!(all.iter().all(Option::is_none), "{all:?}");
    database.at_statements([]);
    assert_eq!(store.find(handle(1), START).await, Ok(None));
    assert!(rules.alive() <= 3);
}

#[tokio::test(start_paused = true)]
async fn connections_stay_within_the_limit_when_all_of_them_die() {
    let database = Database::new();
    let (store, rules) = watched(&database);
    store.insert(&session(1, "bob")).await.unwrap();
    for _ in 0..5 {
        // Whatever is kept is dead.
        database.at_statements((1..=6).map(|n| (n, Fault::CutBefore)));
        let ask = || store.find(handle(1), START);
        let _ = tokio::join!(
            ask(),
            ask(),
            ask(),
            ask(),
            ask(),
            ask(),
            ask(),
            ask(),
            ask()
        );
        database.at_statements([]);
        let (a, b, c, d) = tokio::join!(ask(), ask(), ask(), ask());
        assert!(a.is_ok() && b.is_ok() && c.is_ok() && d.is_ok());
    }
    assert!(rules.alive() <= 3, "{} are kept", rules.alive());
    assert!(rules.most_alive() <= 4, "{}", rules.most_alive());
}
