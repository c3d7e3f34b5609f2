//! What a tick does with keys.

use std::sync::Arc;
use std::time::Duration;

use session_core::testing::{START, TestPlatform, config, ready};
use session_store::KeyStore;

use super::{HOUR, World, tick};
use crate::maintenance::Report;

const MILLI: Duration = Duration::from_millis(1);
const OLD: &str = "the old master key of 32 bytes or more";
const NEW: &str = "the new master key of 32 bytes or more";

#[test]
fn one_key_is_published_in_the_middle_of_the_interval() {
    let world = World::new();
    world.service(&[]);
    assert_eq!(world.tick(&[]), Report::default());
    world.platform.advance(HOUR * 12 - MILLI);
    assert_eq!(world.tick(&[]), Report::default());
    world.platform.advance(MILLI);
    assert_eq!(world.tick(&[]).rotated, Some(2));
    for _ in 0..3 {
        assert_eq!(world.tick(&[]), Report::default());
    }
    assert_eq!(world.names(), ["key.1", "key.2", "refresh_token_key"]);
    let rows = ready(world.store.keys()).unwrap();
    assert_eq!(rows[1].time, START.plus(HOUR * 24));
}

#[test]
fn before_the_first_request_there_is_nothing_to_do() {
    let world = World::new();
    world.platform.advance(HOUR * 1000);
    assert_eq!(world.tick(&[]), Report::default());
    assert_eq!(world.names(), [""; 0]);
}

/// CC6: rotators that look at the same time, one of them paused in the middle.
#[tokio::test]
async fn of_racing_ticks_one_publishes() {
    let world = World::new();
    world.service(&[]);
    world.platform.advance(HOUR * 13);
    world.store.slow();
    let mut ticks = tokio::task::JoinSet::new();
    for seed in 10..16 {
        let store = Arc::clone(&world.store);
        let platform = TestPlatform::new(seed);
        platform.advance(HOUR * 13);
        ticks.spawn(async move { tick(&*store, &*platform, &config(&[])).await });
    }
    let reports = ticks.join_all().await;
    let rotated: Vec<_> = reports.iter().filter_map(|report| report.rotated).collect();
    assert_eq!(rotated, [2]);
    assert!(reports.iter().all(|report| report.error.is_none()));
    let keys = world.store.keys().await.unwrap();
    assert_eq!(keys.len(), 3);
}

#[test]
fn a_tick_that_was_paused_while_another_rotated_overwrites_nothing() {
    let world = World::new();
    world.service(&[]);
    world.platform.advance(HOUR * 13);
    let (store, platform) = (Arc::clone(&world.store), TestPlatform::new(9));
    platform.advance(HOUR * 14);
    world.store.before("add_keys", move || {
        let report = ready(tick(&*store, &*platform, &config(&[])));
        assert_eq!(report.rotated, Some(2));
    });
    let report = world.tick(&[]);
    assert_eq!((report.rotated, report.error), (None, None));
    assert_eq!(world.names(), ["key.1", "key.2", "refresh_token_key"]);
}

#[test]
fn a_key_is_pruned_two_hours_after_its_last_token() {
    let world = World::new();
    world.service(&[]);
    world.platform.advance(HOUR * 12);
    assert_eq!(world.tick(&[]).rotated, Some(2));
    // Its successor signs from hour 24 on, and its last token lives an hour.
    world.platform.set_now(START.plus(HOUR * 27));
    assert_eq!(world.tick(&[]).pruned, 0);
    world.platform.set_now(START.plus(HOUR * 27).plus(MILLI));
    assert_eq!(world.tick(&[]).pruned, 1);
    assert_eq!(world.names(), ["key.2", "refresh_token_key"]);
}

#[test]
fn hourly_ticks_keep_two_or_three_keys_for_ever() {
    let world = World::new();
    world.service(&[]);
    let mut published = Vec::new();
    for _ in 0..24 * 30 {
        world.platform.advance(HOUR);
        let report = world.tick(&[]);
        published.extend(report.rotated);
        assert_eq!(report.error, None);
        assert!(world.names().len() <= 4);
    }
    assert_eq!(published, Vec::from_iter(2..=31));
}

#[test]
fn keys_that_do_not_rotate_are_left_alone() {
    for settings in [
        [("access_token_signing_key_dynamic", "false")],
        [("access_token_signing_key_path", "/keys/key")],
    ] {
        let world = World::new();
        world.service(&[]);
        world.platform.advance(HOUR * 12);
        world.tick(&[]);
        let before = world.names();
        world.platform.advance(HOUR * 2000);
        assert_eq!(world.tick(&settings), Report::default());
        assert_eq!(world.names(), before);
    }
}

#[test]
fn keys_from_before_a_master_key_go_when_they_have_served() {
    let world = World::new();
    world.service(&[]);
    let settings = [("master_key", OLD), ("refresh_token_validity", "48")];
    world.platform.advance(HOUR * 5);
    world.service(&settings);
    world.tick(&settings);
    let check = world.names()[1].clone();
    assert!(check.starts_with("master_key_check."));
    let introduced = START.plus(HOUR * 5);
    let left = |now| {
        world.platform.set_now(now);
        let report = world.tick(&settings);
        assert_eq!((report.rotated, report.error), (None, None));
        world.names()
    };
    // Access tokens live an hour, refresh tokens two days, and clocks may be two hours ahead.
    assert_eq!(left(introduced.plus(HOUR * 3)).len(), 3);
    let names = left(introduced.plus(HOUR * 3).plus(MILLI));
    assert_eq!(names, [&*check, "refresh_token_key"]);
    assert_eq!(left(introduced.plus(HOUR * 50)).len(), 2);
    assert_eq!(left(introduced.plus(HOUR * 50).plus(MILLI)), [check]);
}

#[test]
fn a_master_key_that_is_only_recognised_leaves_the_keys_to_rotate() {
    let world = World::new();
    let settings = [("master_key", &*format!("database,{OLD}"))];
    world.service(&settings);
    assert_eq!(world.names(), ["key.1", "refresh_token_key"]);
    world.platform.advance(HOUR * 12);
    assert_eq!(world.tick(&settings).rotated, Some(2));
    assert_eq!(world.names(), ["key.1", "key.2", "refresh_token_key"]);
}

#[test]
fn a_master_key_that_is_no_longer_named_leaves_no_trace() {
    let world = World::new();
    let both = [("master_key", &*format!("{NEW},{OLD}"))];
    world.service(&[("master_key", OLD)]);
    world.service(&both);
    assert_eq!(world.names().len(), 3);
    assert_eq!(world.tick(&both).pruned, 1);
    assert_eq!(world.tick(&both).pruned, 0);
    assert_eq!(world.tick(&[("master_key", NEW)]).pruned, 1);
    assert_eq!(world.names().len(), 1);
    world.service(&[("master_key", NEW)]);
}

#[test]
fn kr5_a_tick_without_the_master_key_changes_nothing() {
    let world = World::new();
    world.service(&[]);
    world.service(&[("master_key", OLD)]);
    let before = world.names();
    world.platform.advance(HOUR * 10_000);
    for settings in [&[][..], &[("master_key", NEW)]] {
        let error = world.tick(settings).error.unwrap();
        assert!(error.starts_with("master_key is not"), "{error}");
        assert_eq!(world.names(), before);
    }
}

#[test]
fn a_tick_may_come_before_the_first_request_with_a_master_key() {
    let world = World::new();
    let settings = [("master_key", OLD)];
    assert_eq!(world.tick(&settings), Report::default());
    assert_eq!(world.tick(&settings).pruned, 1);
    assert_eq!(world.names().len(), 1);
    world.service(&settings);
}

#[test]
fn a_row_that_holds_no_key_is_named() {
    let world = World::new();
    let row = session_store::KeyRow {
        name: "access_token_signing_key.3".to_owned(),
        value: "SECRET".to_owned(),
        time: START,
    };
    ready(world.store.add_keys(&[row])).unwrap();
    let error = world.tick(&[]).error.unwrap();
    assert_eq!(
        error,
        "the key table's row access_token_signing_key.3 holds no key"
    );
}
