use std::time::Duration;

use session_core::domain::keys::Schedule;
use session_core::domain::maintenance::Report;
use session_core::testing::START;

use super::*;
use crate::Counters;
use crate::maintenance::run;

const DAY: Duration = Duration::from_secs(24 * 3600);

fn tick(world: &World) -> Report {
    let config = world.service.config();
    ready(run(
        &*world.store,
        &*world.platform,
        config,
        Duration::from_secs(30),
    ))
}

#[test]
fn the_figures_are_those_of_the_database_the_keys_and_the_last_tick() {
    let world = World::new(&[]);
    world.create();
    world.create();
    // As many as the next tick removes.
    world.wait((2400 + 3) * 3600);
    let metrics = ready(world.service.metrics());
    assert_eq!((metrics.rows, metrics.expired), (Some(2), Some(0)));
    world.wait(91);
    let metrics = ready(world.service.metrics());
    assert!(metrics.reachable && metrics.writable);
    assert_eq!((metrics.rows, metrics.expired), (Some(2), Some(2)));
    assert_eq!(metrics.last_tick, Some(None));
    let keys = metrics.keys.unwrap();
    assert_eq!((keys.keys, keys.since), (1, Some(START)));
    assert_eq!(keys.until, Some(START.plus(DAY)));

    world.wait(3 * 3600);
    let report = tick(&world);
    assert_eq!((report.removed, report.error), (2, None));
    let metrics = ready(world.service.metrics());
    let tick = metrics.last_tick.unwrap().unwrap();
    assert_eq!((tick.ok, tick.removed), (true, 2));
    assert_eq!((metrics.rows, metrics.expired), (Some(0), Some(0)));
    assert!(matches!(metrics.keys, Some(Schedule { keys: 2, .. })));
}

#[test]
fn figures_are_kept_for_fifteen_seconds() {
    let world = World::new(&[]);
    ready(world.service.metrics());
    assert_eq!(
        world.store.calls(),
        [
            "keys",
            "last_tick",
            "check_writable",
            "estimate_rows",
            "count_expired",
            "count_bound"
        ]
    );
    world.wait(14);
    ready(world.service.metrics());
    assert!(world.store.calls().is_empty());
    world.wait(1);
    ready(world.service.metrics());
    assert_eq!(world.store.calls().len(), 6);
}

#[test]
fn a_database_that_is_away_or_read_only_is_a_figure() {
    let world = World::new(&[]);
    world.store.fail(&["*"]);
    let metrics = ready(world.service.metrics());
    assert!(!metrics.reachable && !metrics.writable);
    assert_eq!((metrics.rows, metrics.keys), (None, None));

    world.wait(15);
    world.store.fail(&["check_writable"]);
    let metrics = ready(world.service.metrics());
    assert!(metrics.reachable && !metrics.writable);
    assert_eq!(metrics.rows, Some(0));
}

#[test]
fn a_tick_that_failed_in_part_says_so() {
    let world = World::new(&[]);
    world.store.fail(&["remove_expired"]);
    let report = tick(&world);
    assert!(report.error.is_some());
    let metrics = ready(world.service.metrics());
    assert!(!metrics.last_tick.unwrap().unwrap().ok);
}

/// Prometheus gives up after ten seconds, and an alert on a scrape that failed is the wrong one.
#[tokio::test(start_paused = true)]
async fn a_database_that_hangs_is_unreachable_within_a_second() {
    let world = World::new(&[]);
    world.create();
    world.store.hang(true);
    let began = tokio::time::Instant::now();
    let metrics = world.service.metrics().await;
    assert_eq!(began.elapsed(), Duration::from_secs(1));
    assert!(!metrics.reachable && metrics.last_tick.is_none());
    world.store.hang(false);
    // It answers, and then takes long.
    world.wait(15);
    world.store.takes(Duration::from_millis(900));
    let metrics = world.service.metrics().await;
    assert!(metrics.reachable && metrics.writable && metrics.expired.is_none());
}

#[test]
fn an_instance_counts_what_it_does() {
    let world = World::new(&[]);
    let grants = [(); 3].map(|()| world.create());
    let child = world.child(&grants[0].refresh);
    world.child(&child.refresh);
    // Longer than any race.
    world.wait(200);
    assert!(matches!(
        world.refresh(&grants[0].refresh),
        Refreshed::TheftDetected(..)
    ));
    ready(
        world
            .service
            .revoke_native(&grants[1].session.handle.reveal()),
    )
    .unwrap();
    ready(world.service.revoke_native("x")).unwrap();
    world.service.count_error("invalid_input");
    world.service.count_error("invalid_input");
    let expected = Counters {
        logins: 3,
        refreshes: 2,
        thefts: 1,
        revocations: 1,
        proofs_missing: 0,
        proofs_wrong: 0,
        errors: [("invalid_input", 2)].into(),
    };
    assert_eq!(world.service.counters(), expected);
    assert_eq!(world.instance(&[]).counters(), Counters::default());
}
