//! How many connections an instance has: one, more while operations queue up, one again when they are done.

use std::pin::pin;
use std::time::Duration;

use super::{burst, once, pool, turns};

#[tokio::test]
async fn the_queue_decides_how_many_there_are() {
    // Who comes while one is served and three wait brings the second connection; two served and twelve waiting, the third.
    for (operations, connections) in [(1, 1), (4, 1), (5, 2), (14, 2), (15, 3), (40, 3)] {
        let (pool, rules) = pool(3);
        burst(&pool, operations).await;
        assert_eq!(rules.most_alive(), connections, "{operations} operations");
    }
}

#[tokio::test]
async fn when_nothing_is_under_way_one_is_left_after_a_while_and_serves() {
    let (pool, rules) = pool(3);
    for _ in 0..3 {
        burst(&pool, 16).await;
        // The next crowd finds them all.
        let opened = rules.opened();
        pool.platform.advance(Duration::from_millis(999));
        burst(&pool, 16).await;
        assert_eq!((rules.alive(), rules.opened()), (3, opened));
        pool.platform.advance(Duration::from_millis(1));
        once(&pool, false, "turns 1").await.unwrap();
        assert_eq!(rules.alive(), 1);
        let opened = rules.opened();
        for _ in 0..10 {
            once(&pool, false, "turns 1").await.unwrap();
        }
        assert_eq!(rules.opened(), opened);
    }
    assert_eq!(rules.most_alive(), 3);
}

#[tokio::test]
async fn it_never_grows_beyond_its_limit() {
    for limit in [0, 1, 2] {
        let (pool, rules) = pool(limit);
        burst(&pool, 64).await;
        assert_eq!(rules.most_alive(), limit.max(1));
    }
}

#[tokio::test]
async fn a_slow_statement_holds_up_nobody_who_comes_later() {
    let (pool, rules) = pool(3);
    let slow = pool.lease(false).await.unwrap();
    pool.platform.advance(Duration::from_millis(49));
    let mut early = pin!(once(&pool, false, "turns 1"));
    tokio::select! {
        biased;
        outcome = &mut early => panic!("it was to wait: {outcome:?}"),
        () = turns(3) => {}
    }
    pool.platform.advance(Duration::from_millis(1));
    // The connection that this one brings is for the first in line, and then for itself.
    let outcomes = tokio::join!(early, once(&pool, false, "turns 1"));
    assert_eq!(outcomes, (Ok(1), Ok(1)));
    drop(slow);
    assert_eq!(rules.alive(), 2);
}
