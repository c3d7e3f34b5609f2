//! What a tick does with sessions that have expired.

use session_core::domain::device::Binding;
use std::time::Duration;

use session_core::domain::id::{Generation, SessionHandle, UserId};
use session_core::domain::lifetime::Limits;
use session_core::domain::maintenance::Report;
use session_core::domain::revocation::removable_before;
use session_core::domain::secret::SingleHash;
use session_core::domain::session::StoredSession;
use session_core::domain::time::Timestamp;
use session_core::testing::{START, config, ready};
use session_store::{MaintenanceStore, NewSession, SessionStore};

use super::{HOUR, World, tick};

const MILLI: Duration = Duration::from_millis(1);

fn add(world: &World, count: u64, expires_at: Timestamp) {
    for number in 0..count {
        let mut bytes = [0; SessionHandle::BYTES];
        bytes[..8].copy_from_slice(&number.to_be_bytes());
        bytes[8..16].copy_from_slice(&expires_at.as_millis().to_be_bytes());
        let session = NewSession {
            handle: SessionHandle::from_bytes(bytes).hash(),
            stored: StoredSession {
                user_id: UserId::parse("bob").unwrap(),
                current: SingleHash::of_token("t").double(),
                generation: Generation::FIRST,
                expires_at,
                limits: Limits::default(),
                issued_at: None,
                authentication: None,
                payload: None,
                binding: Binding::Unbound,
            },
            data: None,
            created_at: START,
            sealed: None,
            client: None,
        };
        ready(world.store.insert(&session)).unwrap();
    }
    world.store.calls();
}

fn left(world: &World) -> u64 {
    ready(world.store.count_expired(Timestamp::from_millis(u64::MAX))).unwrap()
}

/// CL2: a clock that is up to two hours ahead removes no live session, and no tombstone that may be asked for.
#[test]
fn a_session_goes_hours_after_it_expired() {
    let world = World::new();
    let ended = removable_before(START, HOUR);
    assert_eq!(START.since(ended), 3 * HOUR + Duration::from_secs(90));
    add(&world, 1, ended);
    add(&world, 1, ended.minus(MILLI));
    add(&world, 1, START.plus(HOUR));
    let report = world.tick(&[]);
    assert_eq!((report.removed, report.remaining), (1, 0));
    assert_eq!(left(&world), 2);
    world.platform.advance(MILLI);
    assert_eq!(world.tick(&[]).removed, 1);
    world.platform.advance(HOUR + START.since(ended) - MILLI);
    assert_eq!(world.tick(&[]).removed, 0);
    world.platform.advance(MILLI);
    assert_eq!(world.tick(&[]).removed, 1);
    assert_eq!(left(&world), 0);
}

#[tokio::test(start_paused = true)]
async fn all_go_in_batches_if_there_is_time() {
    let world = World::new();
    add(&world, 2500, Timestamp::from_millis(1));
    let report = tick(&*world.store, &*world.platform, &config(&[])).await;
    let expected = Report {
        removed: 2500,
        ..Report::default()
    };
    assert_eq!(report, expected);
    let calls = world.store.calls();
    assert_eq!(
        calls
            .iter()
            .filter(|call| **call == "remove_expired")
            .count(),
        3
    );
}

/// CL1: when the budget is spent, the rest is counted and left.
#[tokio::test(start_paused = true)]
async fn the_rest_waits_for_the_next_tick() {
    let world = World::new();
    add(&world, 4500, Timestamp::from_millis(1));
    // Each batch takes four seconds, so the third one ends past ten.
    for _ in 0..3 {
        let platform = std::sync::Arc::clone(&world.platform);
        world.store.before("remove_expired", move || {
            platform.advance(Duration::from_secs(4))
        });
    }
    let began = tokio::time::Instant::now();
    let settings = config(&[("clean_up_time_budget", "10")]);
    let report = tick(&*world.store, &*world.platform, &settings).await;
    let expected = Report {
        removed: 3000,
        remaining: 1500,
        took_ms: 12_000,
        ..Report::default()
    };
    assert_eq!(report, expected);
    // Between batches there was a pause twice as long as each took.
    assert_eq!(began.elapsed(), Duration::from_secs(16));
    let report = tick(&*world.store, &*world.platform, &settings).await;
    assert_eq!((report.removed, report.remaining), (1500, 0));
}

/// CL3: ticks that overlap remove everything between them, without errors.
#[tokio::test(start_paused = true)]
async fn ticks_may_overlap() {
    let world = World::new();
    add(&world, 2500, Timestamp::from_millis(1));
    world.store.slow();
    let settings = config(&[]);
    let run = || tick(&*world.store, &*world.platform, &settings);
    let (a, b, c) = tokio::join!(run(), run(), run());
    for report in [a, b, c] {
        assert_eq!((report.error, report.remaining), (None, 0));
    }
    let end = Timestamp::from_millis(u64::MAX);
    assert_eq!(world.store.count_expired(end).await, Ok(0));
}

#[test]
fn a_failure_with_the_keys_does_not_keep_the_sessions() {
    let world = World::new();
    world.service(&[]);
    world.platform.advance(HOUR * 13);
    add(&world, 3, Timestamp::from_millis(1));
    world.store.fail(&["keys"]);
    let report = world.tick(&[]);
    assert_eq!((report.rotated, report.removed), (None, 3));
    let error = report.error.unwrap();
    assert_eq!(error, "the database is unavailable: the test says so");
}

#[test]
fn a_failure_with_the_sessions_does_not_keep_the_keys() {
    let world = World::new();
    world.service(&[]);
    world.platform.advance(HOUR * 13);
    world.store.fail(&["remove_expired"]);
    let report = world.tick(&[]);
    assert_eq!(report.rotated, Some(2));
    assert!(report.error.is_some());
    world.store.fail(&["*"]);
    let error = world.tick(&[]).error.unwrap();
    assert_eq!(error.matches("the test says so").count(), 2);
}

/// Whatever hangs, the connection is given back: here all of it, each step for as long as it may.
#[tokio::test(start_paused = true)]
async fn a_tick_that_hangs_comes_to_an_end() {
    let world = World::new();
    world.store.takes(HOUR);
    let began = tokio::time::Instant::now();
    let report = tick(&*world.store, &*world.platform, &config(&[])).await;
    assert_eq!(began.elapsed(), Duration::from_secs(10 + 10 + 10));
    assert_eq!(
        report
            .error
            .unwrap()
            .matches("no answer within 10s")
            .count(),
        2
    );
}

#[test]
fn a_report_is_one_line_of_json() {
    let report = Report {
        rotated: Some(7),
        pruned: 1,
        removed: 4213,
        remaining: 0,
        took_ms: 812,
        error: None,
    };
    assert_eq!(
        serde_json::to_string(&report).unwrap(),
        r#"{"rotated":7,"pruned":1,"removed":4213,"remaining":0,"took_ms":812}"#
    );
    let failed = Report {
        error: Some("no".to_owned()),
        ..Report::default()
    };
    assert_eq!(
        serde_json::to_string(&failed).unwrap(),
        r#"{"rotated":null,"pruned":0,"removed":0,"remaining":0,"took_ms":0,"error":"no"}"#
    );
}
