//! What a lease gives, and what becomes of its connection.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::{burst, once, pool, run, stand_still, turns};
use crate::db::DbError;

/// Polls a future for some turns, then gives it up.
async fn give_up<F: Future>(future: F, after: usize) {
    tokio::select! {
        biased;
        () = turns(after) => {}
        _ = future => panic!("it was to be given up"),
    }
}

#[tokio::test]
async fn a_connection_is_kept_for_the_next() {
    let (pool, rules) = pool(3);
    {
        let mut lease = pool.lease(false).await.unwrap();
        assert!(!lease.was_kept());
        assert_eq!(run(&mut lease, "turns 1").await, Ok(0));
        assert_eq!(run(&mut lease, "turns 0").await, Ok(0));
    }
    let mut lease = pool.lease(false).await.unwrap();
    assert!(lease.was_kept());
    assert_eq!(run(&mut lease, "turns 1").await, Ok(0));
    assert_eq!(rules.opened(), 1);
}

#[tokio::test]
async fn a_fresh_one_is_new_and_takes_the_place_of_a_kept_one() {
    let (pool, rules) = pool(1);
    for number in 0..5 {
        let mut lease = pool.lease(true).await.unwrap();
        assert!(!lease.was_kept());
        assert_eq!(run(&mut lease, "turns 1").await, Ok(number));
        assert_eq!(rules.most_alive(), 1);
    }
    assert_eq!(once(&pool, false, "turns 0").await, Ok(4));
}

#[tokio::test]
async fn there_are_never_more_than_the_limit() {
    for (limit, effective) in [(0, 1), (1, 1), (3, 3)] {
        let (pool, rules) = pool(limit);
        burst(&pool, 20).await;
        assert_eq!(rules.most_alive(), effective);
        assert_eq!(rules.opened(), effective);
    }
}

#[tokio::test]
async fn whoever_came_first_is_served_first() {
    for limit in [1, 2] {
        let (pool, _) = pool(limit);
        burst(&pool, 5).await;
        let order = Arc::new(Mutex::new(Vec::new()));
        let mut tasks = tokio::task::JoinSet::new();
        for number in 0..30 {
            let (pool, order) = (Arc::clone(&pool), Arc::clone(&order));
            tasks.spawn(async move {
                let mut lease = pool.lease(false).await.unwrap();
                order.lock().unwrap().push(number);
                run(&mut lease, "turns 3").await.unwrap();
            });
        }
        tasks.join_all().await;
        assert_eq!(*order.lock().unwrap(), Vec::from_iter(0..30));
    }
}

#[tokio::test]
async fn whoever_gives_up_waiting_leaves_the_line() {
    let (pool, _) = pool(1);
    let first = pool.lease(false).await.unwrap();
    give_up(pool.lease(false), 3).await;
    {
        let mut second = std::pin::pin!(pool.lease(false));
        give_up(&mut second, 1).await;
        // It has its turn now, but does not notice before it is gone.
        drop(first);
    }
    assert_eq!(once(&pool, false, "turns 1").await, Ok(0));
}

#[tokio::test]
async fn a_statement_that_is_given_up_takes_its_connection_along() {
    let (pool, rules) = pool(1);
    give_up(once(&pool, false, "hang"), 3).await;
    assert_eq!((rules.opened(), rules.alive()), (1, 0));
    assert_eq!(once(&pool, false, "turns 1").await, Ok(1));
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_goes_while_an_open_is_pending_waits_for_its_end() {
    let (pool, rules) = pool(2);
    let mut broken = pool.lease(false).await.unwrap();
    assert_eq!(run(&mut broken, "lost").await, Err(DbError::ConnectionLost));
    pool.connector().turns.store(5, Ordering::Relaxed);
    stand_still(&pool);
    let mut opening = std::pin::pin!(pool.lease(false));
    give_up(&mut opening, 2).await;
    tokio::time::advance(Duration::from_millis(2)).await;
    give_up(&mut opening, 2).await;
    drop(broken);
    // Parked: to let it go now would hang the server.
    assert_eq!(rules.alive(), 1);
    let lease = opening.await.unwrap();
    assert_eq!(rules.alive(), 1);
    drop(lease);
    assert_eq!(once(&pool, false, "turns 0").await, Ok(1));
}

#[tokio::test(start_paused = true)]
async fn what_was_parked_goes_when_the_open_is_given_up_or_fails() {
    for fails in [false, true] {
        let (pool, rules) = pool(2);
        let mut broken = pool.lease(false).await.unwrap();
        assert!(run(&mut broken, "lost").await.is_err());
        pool.connector().turns.store(5, Ordering::Relaxed);
        if fails {
            pool.connector()
                .failures
                .lock()
                .unwrap()
                .push(DbError::TooManyConnections);
        }
        {
            stand_still(&pool);
            let mut opening = std::pin::pin!(pool.lease(false));
            give_up(&mut opening, 2).await;
            tokio::time::advance(Duration::from_millis(2)).await;
            give_up(&mut opening, 2).await;
            drop(broken);
            assert_eq!(rules.alive(), 1);
            if fails {
                // Nobody is at work any more, so it tries again.
                drop(opening.await.unwrap());
                assert_eq!((rules.opened(), rules.alive()), (2, 1));
            }
        }
        // Neither the permit nor the turn is lost.
        assert_eq!(once(&pool, false, "turns 0").await, Ok(1));
        pool.platform.advance(Duration::from_secs(5));
        let first = pool.lease(true).await.unwrap();
        stand_still(&pool);
        let second = pool.lease(true).await.unwrap();
        assert_eq!(rules.alive(), 2);
        drop((first, second));
    }
}

/// The host would let it wait for the open; and given up there, nobody could tell whether it ran.
#[tokio::test(start_paused = true)]
async fn a_statement_that_is_given_up_before_an_open_has_ended_keeps_its_connection() {
    let (pool, rules) = pool(2);
    let mut working = pool.lease(false).await.unwrap();
    pool.connector().turns.store(9, Ordering::Relaxed);
    stand_still(&pool);
    let mut opening = std::pin::pin!(pool.lease(false));
    give_up(&mut opening, 1).await;
    tokio::time::advance(Duration::from_millis(2)).await;
    give_up(&mut opening, 1).await;
    give_up(run(&mut working, "hang"), 2).await;
    drop(working);
    drop(opening.await.unwrap());
    assert_eq!((rules.opened(), rules.alive()), (2, 2));
    assert_eq!(rules.statements(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_slow_open_gives_way_to_those_at_work_and_there_is_none_for_a_while() {
    let (pool, rules) = pool(3);
    let mut working = pool.lease(false).await.unwrap();
    // As good as never.
    pool.connector().turns.store(usize::MAX, Ordering::Relaxed);
    stand_still(&pool);
    let begun = tokio::time::Instant::now();
    let asked = async {
        let lease = pool.lease(false).await.unwrap();
        assert!(lease.was_kept());
    };
    let work = async {
        // It has to wait for the open, but not for long.
        turns(3).await;
        tokio::time::advance(Duration::from_millis(2)).await;
        turns(3).await;
        tokio::time::advance(Duration::from_millis(250)).await;
        assert_eq!(run(&mut working, "turns 1").await, Ok(0));
        drop(working);
    };
    tokio::join!(asked, work);
    assert!(begun.elapsed() < Duration::from_millis(300));
    for (later, opened) in [(4_900, 1), (100, 2)] {
        pool.connector().turns.store(0, Ordering::Relaxed);
        pool.platform.advance(Duration::from_millis(later));
        burst(&pool, 5).await;
        assert_eq!(rules.opened(), opened, "{later} ms later");
    }
}

#[tokio::test(start_paused = true)]
async fn an_open_that_fails_where_others_are_at_work_fails_nobody() {
    for error in [
        DbError::TooManyConnections,
        DbError::Connect("x".into()),
        DbError::Denied,
    ] {
        let (pool, rules) = pool(3);
        let working = pool.lease(false).await.unwrap();
        pool.connector().failures.lock().unwrap().push(error);
        stand_still(&pool);
        let asked = async { once(&pool, true, "turns 1").await };
        let work = async {
            tokio::time::sleep(Duration::from_millis(5)).await;
            drop(working);
        };
        assert_eq!(tokio::join!(asked, work).0, Ok(0));
        assert_eq!(rules.opened(), 1);
    }
}

#[tokio::test]
async fn errors_that_leave_a_connection_usable_do() {
    let (pool, rules) = pool(1);
    assert_eq!(once(&pool, false, "deadlock").await, Err(DbError::Deadlock));
    assert_eq!(once(&pool, false, "turns 0").await, Ok(0));
    assert_eq!(
        once(&pool, false, "lost").await,
        Err(DbError::ConnectionLost)
    );
    assert_eq!(rules.alive(), 0);
    assert_eq!(once(&pool, false, "turns 0").await, Ok(1));
}

#[test]
fn after_which_errors_a_connection_is_usable() {
    for (error, usable) in [
        (DbError::Connect("x".into()), false),
        (DbError::TooManyConnections, false),
        (DbError::ConnectionLost, false),
        (DbError::Other(0), false),
        (DbError::Other(1366), true),
        (DbError::DuplicateKey, true),
        (DbError::Deadlock, true),
        (DbError::LockTimeout, true),
        (DbError::ReadOnly, false),
        (DbError::NoSuchTable, true),
    ] {
        assert_eq!(error.leaves_connection_usable(), usable, "{error}");
    }
}

#[tokio::test]
async fn statements_run_in_order_until_one_fails() {
    let (pool, rules) = pool(1);
    let mut lease = pool.lease(false).await.unwrap();
    let statement = |sql| crate::db::Statement {
        sql,
        params: Vec::new(),
        kind: crate::db::Kind::Execute,
    };
    let script = [
        statement("turns 1"),
        statement("deadlock"),
        statement("hang"),
    ];
    assert_eq!(lease.run(&script).await, Err(DbError::Deadlock));
    assert_eq!(lease.run(&script[..1]).await, Ok(Vec::new()));
    drop(lease);
    assert_eq!(rules.alive(), 1);
}

/// Somebody who waits to open takes a connection that came back meanwhile.
#[tokio::test(start_paused = true)]
async fn nobody_opens_what_has_become_free() {
    let (pool, rules) = pool(3);
    let lease = pool.lease(false).await.unwrap();
    pool.connector().turns.store(6, Ordering::Relaxed);
    stand_still(&pool);
    let mut second = std::pin::pin!(pool.lease(false));
    give_up(&mut second, 1).await;
    stand_still(&pool);
    let mut third = std::pin::pin!(pool.lease(false));
    give_up(&mut third, 1).await;
    drop(lease);
    let (second, third) = tokio::join!(second, third);
    let kept = [second.unwrap().was_kept(), third.unwrap().was_kept()];
    assert_eq!(kept, [false, true]);
    assert_eq!(rules.opened(), 2);
}
