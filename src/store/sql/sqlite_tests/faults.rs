//! A connection that is lost before or after any statement of any operation: afterwards the rows are as before or
//! as after, and to try again succeeds.

use std::sync::Arc;

use super::connector::{Database, Fault};
use super::{SqliteStore, confirmation, handle, json, session, store, user};
use crate::store::db::Row;
use crate::store::{KeyRow, Store, StoreError};
use crate::testing::START;

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
                    store.confirm(handle(1), confirmation(0), START).await?
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
            session.stored.expires_at = crate::domain::time::Timestamp::from_millis(1);
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
    let ambiguous = operation == Operation::Delete && (n == 2 || fault == Fault::CutAfter);
    // A kept connection that has died is no error; the second half of this one finds that of its first half.
    let kept = kept || (operation == Operation::RemoveExpired && n > 1);
    database.at_statements([(n, fault)]);
    match operation.run(&store).await {
        Ok(got) => {
            assert_eq!(got, outcome, "{what}");
            assert_eq!(database.state(), after, "{what}");
            assert!((kept || lossy) && !ambiguous, "{what}");
        }
        Err(StoreError::Unavailable(_)) => {
            let state = database.state();
            assert!(state == before || state == after, "{what}");
            assert!(!kept || ambiguous, "{what}");
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

#[tokio::test]
async fn a_delete_whose_answer_was_lost_is_not_guessed_at() {
    let database = prepared().await;
    let store = store(&database);
    store.keys().await.unwrap();
    database.at_statements([(1, Fault::CutAfter)]);
    let outcome = store.delete(handle(1), START).await;
    assert!(matches!(outcome, Err(StoreError::Unavailable(_))));
    // Lost before it ran, it is simply done again; of a session that is not there nothing is known either.
    store.keys().await.unwrap();
    database.at_statements([(1, Fault::CutBefore)]);
    assert_eq!(store.delete(handle(2), START).await, Ok(true));
    store.keys().await.unwrap();
    database.at_statements([(1, Fault::CutBefore)]);
    assert!(store.delete(handle(2), START).await.is_err());
    assert_eq!(store.delete(handle(2), START).await, Ok(false));
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
    assert_eq!(rows, [[crate::store::db::Value::Integer(3)]]);
}

/// The numbers of the design: what one operation asks of the database.
#[tokio::test]
async fn operations_take_as_many_statements_as_the_design_says() {
    for (operation, expected) in [
        (Operation::Insert, 1),
        (Operation::Find, 1),
        (Operation::Confirm, 2),
        (Operation::Delete, 2),
        (Operation::Remove, 1),
        (Operation::ReadData, 1),
        (Operation::WriteData, 2),
    ] {
        let (_, _, statements) = undisturbed(operation).await;
        assert_eq!(statements, expected, "{operation:?}");
    }
}
