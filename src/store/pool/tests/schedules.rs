//! Random schedules: requests that come, wait, fail and are given up at any moment.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use proptest::prelude::*;
use session_core::testing::cases;

use super::{once, pool, turns};
use crate::db::DbError;

/// One request: when it comes, what it does, and after how many turns it is given up, if at all.
#[derive(Clone, Debug)]
struct Request {
    comes: usize,
    fresh: bool,
    sql: String,
    patience: Option<usize>,
}

fn request() -> impl Strategy<Value = Request> {
    let sql = prop_oneof![
        6 => (0_usize..6).prop_map(|count| format!("turns {count}")),
        2 => Just("lost".to_owned()),
        1 => Just("deadlock".to_owned()),
        1 => Just("hang".to_owned()),
    ];
    (
        0_usize..25,
        any::<bool>(),
        sql,
        prop::option::of(0_usize..20),
    )
        .prop_map(|(comes, fresh, sql, patience)| Request {
            comes,
            fresh,
            // Whoever waits for ever must be given up at some time.
            patience: patience.or((sql == "hang").then_some(30)),
            sql,
        })
}

proptest! {
    #![proptest_config(cases(400))]

    #[test]
    fn no_schedule_breaks_a_rule_or_loses_a_connection(
        limit in 1_usize..4,
        open_turns in 0_usize..5,
        refused in prop::collection::vec(any::<bool>(), 0..4),
        requests in prop::collection::vec(request(), 1..25),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let (pool, rules) = pool(limit);
            pool.connector().turns.store(open_turns, Ordering::Relaxed);
            for full in refused {
                let error = if full { DbError::TooManyConnections } else { DbError::Connect("x".into()) };
                pool.connector().failures.lock().unwrap().push(error);
            }
            let mut tasks = tokio::task::JoinSet::new();
            for request in requests {
                let pool = Arc::clone(&pool);
                tasks.spawn(async move {
                    turns(request.comes).await;
                    let work = once(&pool, request.fresh, &request.sql);
                    let patience = async {
                        match request.patience {
                            Some(count) => turns(count).await,
                            None => std::future::pending().await,
                        }
                    };
                    tokio::select! {
                        outcome = work => drop(outcome),
                        () = patience => {}
                    }
                });
            }
            tasks.join_all().await;
            // Kept ones are at most as many as the limit; a parked one may have been there beside them.
            assert!(rules.alive() <= limit, "{} of {limit} are kept", rules.alive());
            // Every permit came back: a crowd brings as many connections as there may be, and all of them are good.
            pool.connector().failures.lock().unwrap().clear();
            pool.platform.advance(Duration::from_secs(5));
            once(&pool, false, "turns 1").await.unwrap();
            super::burst(&pool, 40).await;
            assert_eq!(rules.alive(), limit);
            pool.platform.advance(Duration::from_secs(1));
            once(&pool, false, "turns 1").await.unwrap();
            assert_eq!(rules.alive(), 1);
            drop(pool);
            assert_eq!(rules.alive(), 0);
        });
    }
}
