//! The removal of expired sessions: in small steps, of dead rows only, whoever else does the same.

use futures::future::join_all;
use session_tests::prelude::*;
use testbed::service::{Action, FaultRule, On};

use crate::common::freeze_all;

/// Rows that expired at these times, made past the service; `10^digits` of them.
async fn expired_rows(tables: &Tables, db: Backend, digits: usize, expires_at: i64) {
    let numbers = "(SELECT 0 n UNION ALL SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL \
                   SELECT 4 UNION ALL SELECT 5 UNION ALL SELECT 6 UNION ALL SELECT 7 UNION ALL \
                   SELECT 8 UNION ALL SELECT 9)";
    let from: Vec<String> = (0..digits).map(|i| format!("{numbers} t{i}")).collect();
    let sum: Vec<String> = (0..digits)
        .map(|i| format!("t{i}.n * {}", 10_u64.pow(i as u32)))
        .collect();
    let number = sum.join(" + ");
    let hash = match db {
        Backend::Sqlite => format!("printf('%064d', {number})"),
        _ => format!("LPAD({number}, 64, '0')"),
    };
    let sql = format!(
        "INSERT INTO refresh_tokens (session_handle_hash_1, user_id, refresh_token_hash_2, expires_at, \
         generation, created_at) SELECT {hash}, 'dead', {hash}, {expires_at}, 0, 1 FROM {}",
        from.join(", ")
    );
    tables.query(&sql, &[]).await;
}

#[test_on(everywhere)]
async fn cl1_100000_expired_rows_go_in_steps_of_1000_by_the_index(db: Backend) {
    let service = db.service().set("clean_up_time_budget", 120).start().await;
    let now = service.freeze().await;
    let session = service.create("ada").await;
    let tables = service.tables();
    expired_rows(tables, db, 5, now - 4 * HOUR).await;

    let find = "SELECT session_handle_hash_1 FROM refresh_tokens WHERE expires_at < 1 LIMIT 1000";
    let explain = match db {
        Backend::Sqlite => "EXPLAIN QUERY PLAN",
        // MySQL 9 draws trees unless it is asked for a table.
        Backend::MySql9 => "EXPLAIN FORMAT = TRADITIONAL",
        _ => "EXPLAIN",
    };
    let plan = format!("{explain} {find}");
    let rows = tables.query(&plan, &[]).await;
    let line = format!("{rows:?}");
    match db {
        Backend::Sqlite => assert!(
            line.contains("INDEX") && line.contains("expires_at<"),
            "{line}"
        ),
        // Access by an index range.
        _ => assert!(
            line.contains("\"range\"") && line.contains("expires_at"),
            "{line}"
        ),
    }

    service.forget_statements().await;
    service.tick().await;
    assert_eq!(tables.session_count().await, 1);
    assert!(tables.session(&session.handle).await.is_some());
    let deletes = service
        .stats()
        .await
        .statements_containing("DELETE FROM `refresh_tokens`");
    assert!(
        (100..=102).contains(&deletes),
        "{deletes} statements for 100,000 rows"
    );
}

/// The clean-up has seen expired rows and stands before its delete, while a session is extended.
#[test_on(everywhere)]
async fn cl2_a_session_that_is_extended_meanwhile_stays(db: Backend) {
    let place = db.place().await;
    let setting = ("refresh_token_validity", 24);
    let service = place.service().set(setting.0, setting.1).start().await;
    let cleaner = place.service().set(setting.0, setting.1).start().await;
    let start = service.freeze().await;
    let dead = service.create("dead").await;
    let session = service.create("ada").await;
    service.freeze_at(start + 23 * HOUR).await;
    let child = service.child(&session).await;
    // To the cleaner, whose clock is hours ahead of everybody's, both have been dead for long.
    cleaner.freeze_at(start + 28 * HOUR).await;
    cleaner.pause_at("DELETE", "cleaner").await;
    let tick = cleaner.tick();
    let extend = async {
        cleaner.wait_until_paused("cleaner").await;
        service.expect_good(&child).await;
        cleaner.resume("cleaner").await;
    };
    futures::join!(tick, extend);
    assert_eq!(service.tables().session(&dead.handle).await, None);
    let row = service
        .tables()
        .session(&session.handle)
        .await
        .expect("a live row");
    assert_eq!(row.expires_at, child.refresh.expires);
    assert_eq!(service.refresh(&child.refresh.value).await.answer(), "OK");
}

#[test_on(everywhere)]
async fn cl2_a_clock_an_hour_ahead_removes_no_live_row(db: Backend) {
    let place = db.place().await;
    let start_one = || place.service().set("refresh_token_validity", 1).start();
    let (service, ahead) = (start_one().await, start_one().await);
    let start = service.freeze().await;
    let session = service.create("ada").await;
    for minutes in (0..60).step_by(10) {
        service.freeze_at(start + minutes * MINUTE).await;
        ahead.freeze_at(service.now() + HOUR).await;
        ahead.tick().await;
        assert_eq!(service.data(&session.handle).await.answer(), "OK");
    }
    // Just before its end it is extended, and lives on.
    service.freeze_at(session.refresh.expires - 1).await;
    let child = service.child(&session).await;
    service.expect_good(&child).await;
    ahead.freeze_at(service.now() + HOUR).await;
    ahead.tick().await;
    service.advance(30 * MINUTE).await;
    assert_eq!(service.refresh(&child.refresh.value).await.answer(), "OK");
}

#[test_on(everywhere)]
async fn cl3_ticks_at_the_same_time_and_killed_ones_converge(db: Backend) {
    let place = db.place().await;
    let mut processes = Vec::new();
    for _ in 0..3 {
        processes.push(place.service().start().await);
    }
    let now = processes[0].freeze().await;
    freeze_all(&processes, now).await;
    let session = processes[0].create("ada").await;
    expired_rows(place.tables(), db, 4, now - 4 * HOUR).await;

    // One is killed in the middle of its work.
    let rule = FaultRule::new(On::Statement, Action::pause("there"))
        .sql_contains("DELETE")
        .nth(3);
    processes[2].faults(&[rule]).await;
    {
        let doomed = &processes[2];
        let tick = doomed.tick_that_may_be_lost();
        let death = async {
            doomed.wait_until_paused("there").await;
            let killed = std::process::Command::new("kill")
                .args(["-9", &doomed.pid().to_string()])
                .status();
            assert!(killed.expect("kill is everywhere").success());
        };
        futures::join!(tick, death);
    }
    assert!(place.tables().session_count().await > 1);

    // Two overlap, several times.
    let ticks = (0..4).map(|i| processes[i % 2].tick());
    join_all(ticks).await;
    assert_eq!(place.tables().session_count().await, 1);
    assert_eq!(processes[0].data(&session.handle).await.answer(), "OK");
    assert_eq!(processes[0].tables().signing_keys().await.len(), 1);
}
