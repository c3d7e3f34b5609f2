use std::time::Duration;

use session_core::domain::keys::Schedule;
use session_core::domain::maintenance::Report;
use session_core::testing::START;

use super::*;
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
    world.wait(2400 * 3600 + 1);
    let metrics = ready(world.service.metrics());
    assert!(metrics.reachable && metrics.writable);
    assert_eq!((metrics.rows, metrics.expired), (Some(2), Some(2)));
    assert_eq!(metrics.last_tick, None);
    let keys = metrics.keys.unwrap();
    assert_eq!((keys.keys, keys.since), (1, Some(START)));
    assert_eq!(keys.until, Some(START.plus(DAY)));

    world.wait(3 * 3600);
    let report = tick(&world);
    assert_eq!((report.removed, report.error), (2, None));
    let metrics = ready(world.service.metrics());
    let tick = metrics.last_tick.unwrap();
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
            "estimate_rows",
            "count_expired",
            "check_writable"
        ]
    );
    world.wait(14);
    ready(world.service.metrics());
    assert!(world.store.calls().is_empty());
    world.wait(1);
    ready(world.service.metrics());
    assert_eq!(world.store.calls().len(), 5);
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
    assert!(!metrics.last_tick.unwrap().ok);
}
