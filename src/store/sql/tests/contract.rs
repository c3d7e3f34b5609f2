//! The contract: whatever is asked, SQL answers as the store in memory does.

use std::time::Duration;

use proptest::prelude::*;
use session_core::domain::authentication::Authentication;
use session_core::domain::device::Binding;
use session_core::domain::id::Generation;
use session_core::domain::lifetime::Limits;
use session_core::domain::maintenance::{LastTick, Report};
use session_core::domain::revocation::{Reason, Revocation};
use session_core::domain::session::StoredSession;
use session_core::testing::{Device, START, cases};

use super::connector::Database;
use super::{confirmation, handle, in_secs, json, session, sign_out, store, token, user};
use crate::memory::MemoryStore;
use crate::{BATCH_ROWS, First, KeyRow, NewSession, SessionStore, Store};

const USERS: [&str; 8] = [
    "bob",
    "Bob",
    "bob ",
    "b\u{f3}b",
    "bo\u{301}b",
    "bo\0b",
    "🦀",
    "' OR 1=1 -- %_\\`\"",
];
const TEXTS: [&str; 5] = [
    "null",
    "1.0",
    r#"{"a":1,"a":"\ud800"}"#,
    "\"\\u0000🦀'`\"",
    "[ 1e400 ]",
];

/// One question; times are seconds after the start.
#[derive(Clone, Debug)]
enum Op {
    Insert {
        handle: u8,
        created: u64,
        user: usize,
        expires: u64,
        limits: (Option<u64>, Option<u64>),
        data: Option<usize>,
        payload: Option<usize>,
    },
    Find(u8, u64),
    Confirm {
        handle: u8,
        parent: u8,
        now: u64,
    },
    Bind {
        handle: u8,
        current: u8,
        key: u8,
        now: u64,
    },
    Extend {
        handle: u8,
        current: u8,
        to: u64,
        now: u64,
    },
    Delete(u8, u64),
    DeleteBatch(Vec<u8>, u64),
    Revoke(u8, u64),
    DeleteUser(usize, Option<u8>, u64),
    Revocations(u64, Option<u8>, u64),
    ByAge {
        user: usize,
        newest: bool,
        skip: u64,
        now: u64,
    },
    ReadData(u8, u64),
    WriteData(u8, Option<usize>, u64),
    AddKeys(Vec<(u8, u64)>),
    RemoveKey(u8),
    RemoveExpired(u64),
    CountExpired(u64),
    RecordTick(u64),
    CheckWritable,
}

fn op() -> impl Strategy<Value = Op> {
    let (h, t) = (0_u8..5, 0_u64..12);
    let users = 0..USERS.len();
    let limits = (prop::option::of(t.clone()), prop::option::of(1_u64..9));
    let text = prop::option::of(0..TEXTS.len());
    prop_oneof![
        5 => (h.clone(), users.clone(), 0_u64..3, t.clone(), limits, text.clone(), text.clone()).prop_map(
            |(handle, user, created, expires, limits, data, payload)|
                Op::Insert { handle, user, created, expires, limits, data, payload }
        ),
        2 => (h.clone(), t.clone()).prop_map(|(handle, now)| Op::Find(handle, now)),
        4 => (h.clone(), 0_u8..3, t.clone())
            .prop_map(|(handle, parent, now)| Op::Confirm { handle, parent, now }),
        4 => (h.clone(), 0_u8..2, 1_u8..3, t.clone())
            .prop_map(|(handle, current, key, now)| Op::Bind { handle, current, key, now }),
        2 => (h.clone(), 0_u8..3, t.clone(), t.clone())
            .prop_map(|(handle, current, to, now)| Op::Extend { handle, current, to, now }),
        2 => (h.clone(), t.clone()).prop_map(|(handle, now)| Op::Delete(handle, now)),
        1 => (prop::collection::vec(h.clone(), 1..4), t.clone())
            .prop_map(|(handles, now)| Op::DeleteBatch(handles, now)),
        1 => (h.clone(), t.clone()).prop_map(|(handle, now)| Op::Revoke(handle, now)),
        2 => (users.clone(), any::<bool>(), 0_u64..3, t.clone())
            .prop_map(|(user, newest, skip, now)| Op::ByAge { user, newest, skip, now }),
        1 => (users, prop::option::of(h.clone()), t.clone())
            .prop_map(|(user, except, now)| Op::DeleteUser(user, except, now)),
        1 => (t.clone(), prop::option::of(h.clone()), t.clone())
            .prop_map(|(from, after, before)| Op::Revocations(from, after, before)),
        2 => (h.clone(), t.clone()).prop_map(|(handle, now)| Op::ReadData(handle, now)),
        2 => (h, text, t.clone()).prop_map(|(handle, data, now)| Op::WriteData(handle, data, now)),
        1 => prop::collection::vec((0_u8..4, t.clone()), 0..3).prop_map(Op::AddKeys),
        1 => (0_u8..4).prop_map(Op::RemoveKey),
        1 => t.clone().prop_map(Op::RemoveExpired),
        1 => t.clone().prop_map(Op::CountExpired),
        1 => t.prop_map(Op::RecordTick),
        1 => Just(Op::CheckWritable),
    ]
}

fn text(number: Option<usize>) -> Option<session_core::domain::json::Json> {
    number.and_then(|number| json(TEXTS[number]))
}

/// Asks, and puts the answer into words.
async fn ask(store: &impl Store, op: &Op) -> String {
    match op.clone() {
        Op::Insert {
            handle: number,
            created,
            user: id,
            expires,
            limits: (ends, idle),
            data,
            payload,
        } => {
            let limits = Limits {
                ends_at: ends.map(in_secs),
                idle_timeout: idle.map(Duration::from_secs),
            };
            let stored = StoredSession {
                user_id: user(USERS[id]),
                current: token(0),
                generation: Generation::FIRST,
                expires_at: limits.clamp(in_secs(expires)),
                limits,
                issued_at: (expires % 2 > 0).then_some(START),
                authentication: Authentication::from_json(
                    r#"{"time":1000,"methods":["otp"],"level":"2"}"#,
                )
                .filter(|_| expires % 3 > 0),
                payload: text(payload),
                binding: match payload {
                    Some(0) => Binding::Required,
                    _ => Binding::Unbound,
                },
            };
            let session = NewSession {
                handle: handle(number),
                stored,
                data: text(data),
                created_at: in_secs(created),
                sealed: None,
                client: None,
            };
            format!("{:?}", store.insert(&session).await)
        }
        Op::Find(number, now) => format!("{:?}", store.find(handle(number), in_secs(now)).await),
        Op::Confirm {
            handle: number,
            parent,
            now,
        } => {
            let mut confirmation = confirmation(parent);
            let client = text((now % 2 > 0).then_some(parent.into()));
            confirmation.issued_at = in_secs(now);
            confirmation.expires_at = in_secs(now + 4);
            let answer = store
                .confirm(
                    handle(number),
                    confirmation,
                    "sealed again",
                    client.as_ref(),
                    in_secs(now),
                )
                .await;
            format!("{answer:?}")
        }
        Op::Bind {
            handle: number,
            current,
            key,
            now,
        } => {
            let key = Device::new(key).key();
            let answer = store.bind(handle(number), token(current), key, in_secs(now));
            format!("{:?}", answer.await)
        }
        Op::Extend {
            handle: number,
            current,
            to,
            now,
        } => {
            let answer = store.extend(handle(number), token(current), in_secs(to), in_secs(now));
            format!("{:?}", answer.await)
        }
        Op::Delete(number, now) => {
            let deleted = store.delete(handle(number), sign_out(in_secs(now)));
            format!("{:?}", deleted.await)
        }
        Op::DeleteBatch(numbers, now) => {
            let handles: Vec<_> = numbers.into_iter().map(handle).collect();
            let mut deleted = store.delete_batch(&handles, sign_out(in_secs(now))).await;
            deleted.iter_mut().for_each(|deleted| deleted.sort());
            format!("{deleted:?}")
        }
        Op::Revoke(number, now) => {
            let at = in_secs(now);
            let reason = Reason::Theft;
            let revoked = store.revoke(handle(number), Revocation { at, reason });
            format!("{:?}", revoked.await)
        }
        Op::DeleteUser(id, except, now) => {
            let (user, except, at) = (user(USERS[id]), except.map(handle), in_secs(now));
            let reason = Reason::User;
            let deleted = store.delete_user(&user, except, Revocation { at, reason });
            format!("{:?}", deleted.await)
        }
        Op::Revocations(from, after, before) => {
            let from = (in_secs(from), after.map(handle));
            format!(
                "{:?}",
                store.revocations(from, in_secs(before), BATCH_ROWS).await
            )
        }
        Op::ByAge {
            user: id,
            newest,
            skip,
            now,
        } => {
            let first = if newest { First::Newest } else { First::Oldest };
            let user = user(USERS[id]);
            let keys = store.by_age(&user, first, skip, 3, in_secs(now));
            format!("{:?}", keys.await)
        }
        Op::ReadData(number, now) => {
            format!("{:?}", store.read_data(handle(number), in_secs(now)).await)
        }
        Op::WriteData(number, data, now) => {
            let data = text(data);
            let answer = store.write_data(handle(number), data.as_ref(), in_secs(now));
            format!("{:?}", answer.await)
        }
        Op::AddKeys(rows) => {
            let row = |(name, time): &(u8, u64)| KeyRow {
                name: name.to_string(),
                value: format!("{name} {time}"),
                time: in_secs(*time),
            };
            let rows: Vec<_> = rows.iter().map(row).collect();
            format!("{:?}", store.add_keys(&rows).await)
        }
        Op::RemoveKey(name) => format!("{:?}", store.remove_key(&name.to_string()).await),
        Op::RemoveExpired(before) => format!("{:?}", store.remove_expired(in_secs(before)).await),
        Op::CountExpired(before) => format!("{:?}", store.count_expired(in_secs(before)).await),
        Op::RecordTick(ended) => {
            let tick = LastTick::new(&Report::default(), in_secs(ended));
            format!("{:?}", store.record_tick(&tick).await)
        }
        Op::CheckWritable => format!("{:?}", store.check_writable().await),
    }
}

/// All that can be seen of a store.
async fn everything(store: &impl Store) -> Vec<String> {
    let mut seen = Vec::new();
    for number in 0..5 {
        for now in 0..17 {
            let find = store.find(handle(number), in_secs(now)).await;
            seen.push(format!("{find:?}"));
        }
        let data = store.read_data(handle(number), START).await;
        seen.push(format!("{data:?}"));
    }
    // Those that were confirmed: it gave them a sealed handle.
    for id in USERS {
        let listed = store.list_user(&user(id), None, 9, START).await;
        seen.push(format!("{listed:?}"));
    }
    seen.push(format!("{:?}", store.last_tick().await));
    let mut keys = store.keys().await.unwrap();
    keys.sort_by(|a, b| a.name.cmp(&b.name));
    seen.extend(
        keys.iter()
            .map(|key| format!("{} {} {:?}", key.name, key.value, key.time)),
    );
    seen.push(format!("{:?}", store.count_bound().await));
    seen.push(format!("{:?}", store.count_expired(in_secs(999)).await));
    let revocations = store
        .revocations((START, None), in_secs(999), BATCH_ROWS)
        .await;
    seen.push(format!("{revocations:?}"));
    seen
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap()
}

proptest! {
    #![proptest_config(cases(60))]

    #[test]
    fn sql_answers_as_memory_does(ops in prop::collection::vec(op(), 1..40)) {
        runtime().block_on(async {
            let memory = <MemoryStore>::default();
            let sql = store(&Database::new());
            for op in &ops {
                assert_eq!(ask(&sql, op).await, ask(&memory, op).await, "{op:?}");
            }
            assert_eq!(everything(&sql).await, everything(&memory).await);
        });
    }
}

#[tokio::test]
async fn of_many_deletes_at_once_one_removes_the_session() {
    let database = Database::new();
    let (one, two) = (store(&database), store(&database));
    one.insert(&session(1, "bob")).await.unwrap();
    let delete = |store| SessionStore::delete(store, handle(1), sign_out(START));
    let (a, b, c, d, e) = tokio::join!(
        delete(&one),
        delete(&two),
        delete(&one),
        delete(&two),
        delete(&one)
    );
    let removed = [a, b, c, d, e]
        .into_iter()
        .filter(|removed| *removed == Ok(true));
    assert_eq!(removed.count(), 1);
    assert_eq!(one.delete(handle(1), sign_out(START)).await, Ok(false));
}

#[tokio::test]
async fn of_many_children_at_once_one_is_confirmed() {
    let database = Database::new();
    let (one, two) = (store(&database), store(&database));
    one.insert(&session(1, "bob")).await.unwrap();
    let rival = session_core::domain::session::Confirmation {
        child: token(9),
        ..confirmation(0)
    };
    let (a, b, c, d) = tokio::join!(
        one.confirm(handle(1), confirmation(0), "sealed again", None, START),
        two.confirm(handle(1), rival, "sealed again", None, START),
        two.confirm(handle(1), confirmation(0), "sealed again", None, START),
        one.confirm(handle(1), rival, "sealed again", None, START),
    );
    let current = one.find(handle(1), START).await.unwrap().unwrap();
    assert_eq!(current.generation, Generation(1));
    for seen in [a, b, c, d] {
        assert_eq!(seen.unwrap().unwrap(), current);
    }
}
