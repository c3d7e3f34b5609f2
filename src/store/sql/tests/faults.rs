//! A connection that is lost before or after any statement of any operation: afterwards the rows are as before or
//! as after, and to try again succeeds.

use std::sync::Arc;
use std::time::Duration;

use session_core::testing::START;

use super::connector::{Database, Fault};
use super::{SqliteStore, confirmation, handle, json, session, store, user};
use crate::db::{DbError, Row, Value};
use crate::{KeyRow, KeyStore, MaintenanceStore, SessionStore, StoreError};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operation {
    Insert,
    Find,
    Confirm,
    Delete,
    Remove,
    DeleteUser,
    ReadData,
    WriteData,
    AddKeys,
    RemoveKey,
    RemoveExpired,
}

const ALL: [Operation; 11] = [
    Operation::Insert,
    Operation::Find,
    Operation::Confirm,
    Operation::Delete,
    Operation::Remove,
    Operation::DeleteUser,
    Operation::ReadData,
    Operation::WriteData,
    Operation::AddKeys,
    Operation::RemoveKey,
    Operation::RemoveExpired,
];

fn key(name: &str) -> KeyRow {
    KeyRow {
        name: name.to_owned(),
        value: "v".to_owned(),
        time: START,
    }
}

impl Operation {
    async fn run(self, store: &SqliteStore) -> Result<String, StoreError> {
        Ok(match self {
            Self::Insert => format!("{:?}", store.insert(&session(9, "bob")).await?),
            Self::Find => format!("{:?}", store.find(handle(1), START).await?),
            Self::Confirm => {
                format!(
                    "{:?}",
                    store
                        .confirm(handle(1), confirmation(0), "sealed again", None, START)
                        .await?
                )
            }
            Self::Delete => format!("{:?}", store.delete(handle(1), START).await?),
            Self::Remove => format!("{:?}", store.remove(handle(1)).await?),
            Self::DeleteUser => format!("{:?}", store.delete_user(&user("bob"), None).await?),
            Self::ReadData => format!("{:?}", store.read_data(handle(1), START).await?),
            Self::WriteData => {
                let data = json("\"new\"");
                format!(
                    "{:?}",
                    store.write_data(handle(1), data.as_ref(), START).await?
                )
            }
            Self::AddKeys => format!("{:?}", store.add_keys(&[key("new")]).await?),
            Self::RemoveKey => format!("{:?}", store.remove_key("old").await?),
            Self::RemoveExpired => format!("{:?}", store.remove_expired(START).await?),
        })
    }
}

/// Two sessions of bob, one of eve, one that has expired, a key.
async fn prepared() -> Arc<Database> {
    let database = Database::new();
    let store = store(&database);
    for (number, id) in [(1, "bob"), (2, "bob"), (3, "eve"), (4, "eve")] {
        let mut session = session(number, id);
        if number == 4 {
            session.stored.expires_at = session_core::domain::time::Timestamp::from_millis(1);
        }
        store.insert(&session).await.unwrap();
    }
    store.add_keys(&[key("old")]).await.unwrap();
    database
}

/// What an operation answers and leaves when nothing goes wrong, and how many statements it takes.
async fn undisturbed(operation: Operation) -> (String, Vec<Row>, usize) {
    let database = prepared().await;
    database.at_statements([]);
    let outcome = operation.run(&store(&database)).await.unwrap();
    (outcome, database.state(), database.statements().len())
}

/// One operation with one fault, on a connection that is kept or new, with or without lost texts of errors.
async fn disturbed(operation: Operation, n: usize, fault: Fault, kept: bool, lossy: bool) {
    let what = format!("{operation:?}, statement {n}, {fault:?}, kept {kept}, lossy {lossy}");
    let (outcome, after, _) = undisturbed(operation).await;
    let database = prepared().await;
    if lossy {
        database.lose_query_errors();
    }
    let before = database.state();
    let store = store(&database);
    if kept {
        store.keys().await.unwrap();
    }
    // A delete that has marked its row is done; the clean-up removes what it could not.
    let marked = operation == Operation::Delete && n > 1;
    // A kept connection that has died is no error; the second half of these finds that of their first half.
    let halves = matches!(operation, Operation::RemoveExpired | Operation::DeleteUser);
    let kept = kept || (halves && n > 1) || (marked && n > 2);
    database.at_statements([(n, fault)]);
    match operation.run(&store).await {
        Ok(got) => {
            assert_eq!(got, outcome, "{what}");
            assert_eq!(database.state(), after, "{what}");
            assert!(kept || lossy, "{what}");
        }
        Err(StoreError::Unavailable(_)) => {
            let state = database.state();
            assert!(state == before || state == after, "{what}");
            assert!(!kept, "{what}");
        }
        Err(error) => panic!("{what}: {error}"),
    }
    database.at_statements([]);
    let again = operation.run(&store).await.unwrap();
    assert_eq!(database.state(), after, "{what}");
    if !matches!(operation, Operation::Delete | Operation::RemoveExpired) {
        assert_eq!(again, outcome, "{what}");
    }
}

#[tokio::test]
async fn db2_a_connection_lost_at_any_statement_does_no_harm() {
    for operation in ALL {
        let (_, _, statements) = undisturbed(operation).await;
        for n in 1..=statements {
            for fault in [Fault::CutBefore, Fault::CutAfter] {
                for (kept, lossy) in [(false, false), (true, false), (false, true), (true, true)] {
                    disturbed(operation, n, fault.clone(), kept, lossy).await;
                }
            }
        }
    }
}

/// What it did is in the row, so to ask again is no guess; and when the row can't be removed, it is dead all the same.
#[tokio::test]
async fn rv2_a_delete_whose_answer_was_lost_still_knows_that_it_deleted() {
    for (n, fault) in [
        (1, Fault::CutBefore),
        (1, Fault::CutAfter),
        (2, Fault::CutBefore),
        (2, Fault::CutAfter),
        (3, Fault::CutBefore),
        (3, Fault::CutAfter),
        (3, Fault::Error(DbError::ReadOnly)),
    ] {
        let database = prepared().await;
        let store = store(&database);
        store.keys().await.unwrap();
        database.at_statements([(n, fault.clone())]);
        let outcome = store.delete(handle(1), START).await;
        assert_eq!(outcome, Ok(true), "{fault:?} at {n}");
        assert_eq!(store.find(handle(1), START).await, Ok(None));
        assert_eq!(store.delete(handle(1), START).await, Ok(false));
    }
}

/// Its first try was rolled back, and meanwhile somebody else deleted the session.
#[tokio::test(start_paused = true)]
async fn rv2_of_two_deletes_that_deadlock_one_deletes() {
    for at in [1, 2] {
        let database = prepared().await;
        let (victim, other) = (store(&database), store(&database));
        victim.keys().await.unwrap();
        other.keys().await.unwrap();
        database.at_statements([(at, Fault::Error(DbError::Deadlock))]);
        let (first, second) = tokio::join!(
            victim.delete(handle(1), START),
            other.delete(handle(1), START)
        );
        let mut both = [first.unwrap(), second.unwrap()];
        both.sort_unstable();
        assert_eq!(both, [false, true], "at {at}");
    }
}

/// The clean-up leaves a mark alone that somebody may still be reading, and takes it later.
#[tokio::test]
async fn rv2_a_mark_is_dead_for_every_clock_and_goes_in_the_end() {
    let database = prepared().await;
    let store = store(&database);
    database.at_statements([(3, Fault::Error(DbError::ReadOnly))]);
    assert_eq!(store.delete(handle(1), START).await, Ok(true));
    let hour = Duration::from_secs(3600);
    let behind = START.minus(hour);
    assert_eq!(store.find(handle(1), behind).await, Ok(None));
    let margin = session_core::domain::maintenance::EXPIRY_MARGIN;
    let left = |database: &Database| {
        let sql = "SELECT COUNT(*) FROM refresh_tokens WHERE user_id = 'bob'";
        database.look(sql)[0][0].clone()
    };
    store.remove_expired(START.minus(margin)).await.unwrap();
    assert_eq!(left(&database), Value::Integer(2));
    let later = START.plus(hour).plus(Duration::from_millis(1));
    store.remove_expired(later.minus(margin)).await.unwrap();
    assert_eq!(left(&database), Value::Integer(1));
}

#[tokio::test]
async fn db7_a_stale_connection_costs_one_more_open_and_no_error() {
    let database = prepared().await;
    let store = store(&database);
    store.keys().await.unwrap();
    database.at_statements([(1, Fault::CutBefore)]);
    database.at_opens([]);
    store.insert(&session(7, "bob")).await.unwrap();
    assert_eq!(database.opens(), 1);
    let rows = database.look("SELECT COUNT(*) FROM refresh_tokens WHERE user_id = 'bob'");
    assert_eq!(rows, [[crate::db::Value::Integer(3)]]);
}

/// The numbers of the design: what one operation asks of the database.
#[tokio::test]
async fn operations_take_as_many_statements_as_the_design_says() {
    for (operation, expected) in [
        (Operation::Insert, 1),
        (Operation::Find, 1),
        (Operation::Confirm, 2),
        (Operation::Delete, 3),
        (Operation::Remove, 1),
        (Operation::ReadData, 1),
        (Operation::WriteData, 2),
    ] {
        let (_, _, statements) = undisturbed(operation).await;
        assert_eq!(statements, expected, "{operation:?}");
    }
}
