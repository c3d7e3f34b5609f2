//! A connection that is lost before or after any statement of any operation: afterwards the rows are as before or
//! as after, and to try again succeeds.

use std::sync::Arc;
use std::time::Duration;

use session_core::domain::maintenance::EXPIRY_MARGIN;
use session_core::domain::revocation::{REVOCATION_MARGIN, removable_before};
use session_core::domain::time::Timestamp;
use session_core::testing::START;

use super::connector::{Database, Fault};
use super::{SqliteStore, confirmation, handle, json, session, sign_out, store, user};
use crate::db::{DbError, Row, Value};
use crate::{BATCH_ROWS, KeyRow, KeyStore, MaintenanceStore, SessionStore, StoreError};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operation {
    Insert,
    Find,
    Confirm,
    Delete,
    Revoke,
    DeleteUser,
    Revocations,
    ReadData,
    WriteData,
    AddKeys,
    RemoveKey,
    RemoveExpired,
}

const ALL: [Operation; 12] = [
    Operation::Insert,
    Operation::Find,
    Operation::Confirm,
    Operation::Delete,
    Operation::Revoke,
    Operation::DeleteUser,
    Operation::Revocations,
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
            Self::Delete => format!("{:?}", store.delete(handle(1), sign_out(START)).await?),
            Self::Revoke => format!("{:?}", store.revoke(handle(1), sign_out(START)).await?),
            Self::DeleteUser => {
                let bob = user("bob");
                format!(
                    "{:?}",
                    store.delete_user(&bob, None, sign_out(START)).await?
                )
            }
            Self::Revocations => {
                let later = START.plus(Duration::from_secs(1));
                format!(
                    "{:?}",
                    store.revocations((START, None), later, BATCH_ROWS).await?
                )
            }
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
    // A kept connection that has died is no error; the second half of these finds that of their first half.
    let halves = matches!(operation, Operation::RemoveExpired | Operation::DeleteUser);
    let kept = kept || (halves && n > 1);
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

/// What it did is in the row, so to ask again is no guess.
#[tokio::test]
async fn rv2_a_delete_whose_answer_was_lost_still_knows_that_it_deleted() {
    for n in [1, 2] {
        for fault in [Fault::CutBefore, Fault::CutAfter] {
            let database = prepared().await;
            let store = store(&database);
            store.keys().await.unwrap();
            database.at_statements([(n, fault.clone())]);
            let outcome = store.delete(handle(1), sign_out(START)).await;
            assert_eq!(outcome, Ok(true), "{fault:?} at {n}");
            assert_eq!(store.find(handle(1), START).await, Ok(None));
            assert_eq!(store.delete(handle(1), sign_out(START)).await, Ok(false));
        }
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
        let several = [handle(1), handle(3)];
        let (first, second) = tokio::join!(
            victim.delete_batch(&several, sign_out(START)),
            other.delete(handle(1), sign_out(START))
        );
        let mut revoked = first.unwrap();
        revoked.extend(second.unwrap().then(|| handle(1)));
        revoked.sort();
        let mut expected = several;
        expected.sort();
        assert_eq!(revoked, expected, "at {at}");
    }
}

/// What a tombstone holds: nothing of the user's, and what the release before takes for a session that has expired. Its
/// clean-up, which removes what expired two hours ago, leaves it for an hour; ours until the last access token has died.
#[tokio::test]
async fn a_tombstone_is_dead_for_every_clock_tells_nothing_and_goes_in_the_end() {
    let database = prepared().await;
    let store = store(&database);
    database.batch("UPDATE refresh_tokens SET handle_sealed = 'sealed', user_id = 'revoked:user'");
    let bob = user("revoked:user");
    // Its user is called as tombstones are.
    store
        .delete_user(&bob, None, sign_out(START))
        .await
        .unwrap();
    let look = || {
        database.look(
        "SELECT expires_at, generation, user_id, COUNT(*), COUNT(session_info), COUNT(jwt_user_payload), \
         COUNT(handle_sealed), COUNT(DISTINCT refresh_token_hash_2) FROM refresh_tokens \
         GROUP BY expires_at, generation, user_id",
    )
    };
    let hour = Duration::from_secs(3600);
    let number = Value::Integer;
    let tombstones = [
        number(START.minus(hour).as_millis()),
        number(4_294_967_295),
        "revoked:signed_out".into(),
        number(4),
        number(0),
        number(0),
        number(0),
        number(1),
    ];
    assert_eq!(look(), std::slice::from_ref(&tombstones));
    // It is nobody's, and is not revoked once more.
    let later = sign_out(START.plus(hour));
    for id in ["revoked:signed_out", "revoked:user", "bob"] {
        store.delete_user(&user(id), None, later).await.unwrap();
        let listed = store.list_user(&user(id), None, 9, Timestamp::EPOCH).await;
        assert_eq!(listed, Ok(Vec::new()));
    }
    let early = sign_out(Timestamp::EPOCH);
    for revocation in [later, early] {
        store.revoke(handle(1), revocation).await.unwrap();
        let several = [handle(1), handle(2)];
        assert_eq!(
            store.delete_batch(&several, revocation).await,
            Ok(Vec::new())
        );
    }
    let behind = START.minus(24 * hour);
    assert_eq!(store.find(handle(1), behind).await, Ok(None));
    assert_eq!(store.write_data(handle(1), None, behind).await, Ok(false));
    assert_eq!(look(), [tombstones]);

    let milli = Duration::from_millis(1);
    let release_before = START.plus(hour).minus(EXPIRY_MARGIN);
    assert_eq!(store.remove_expired(release_before).await, Ok(0));
    let validity = 2 * hour;
    let until = START.plus(validity).plus(REVOCATION_MARGIN).plus(hour);
    let before = removable_before(until, validity);
    assert_eq!(store.remove_expired(before).await, Ok(0));
    assert_eq!(store.remove_expired(before.plus(milli)).await, Ok(4));
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
        (Operation::Delete, 2),
        (Operation::Revoke, 1),
        (Operation::DeleteUser, 2),
        (Operation::Revocations, 1),
        (Operation::ReadData, 1),
        (Operation::WriteData, 2),
    ] {
        let (_, _, statements) = undisturbed(operation).await;
        assert_eq!(statements, expected, "{operation:?}");
    }
}
