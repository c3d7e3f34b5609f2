//! Signing keys under race and failure: two rotators, faults at every statement of a rotation, clocks that differ or
//! jump back. Creation and verification while keys change are in `rotation`.

use session_tests::prelude::*;
use testbed::service::{Action, FaultRule, On};

use crate::common::{Answer, freeze_all};

const INTERVAL: (&str, i64) = ("access_token_signing_key_update_interval", 1);

async fn some(db: Backend, count: usize) -> Vec<Service> {
    let place = db.place().await;
    let mut processes = Vec::new();
    for _ in 0..count {
        processes.push(
            place
                .service()
                .real_timers()
                .set(INTERVAL.0, INTERVAL.1)
                .start()
                .await,
        );
    }
    let now = processes[0].freeze().await;
    freeze_all(&processes, now).await;
    processes
}

#[test_on(everywhere)]
async fn cc6_of_two_rotators_with_one_paused_one_wins(db: Backend) {
    let processes = some(db, 2).await;
    let start = processes[0].now();
    let first = processes[0].create("ada").await;
    processes[1].create("ada").await;
    for (round, sql) in ["INSERT", "SELECT `key_name`"].into_iter().enumerate() {
        // The paused one read the keys before, or stands right before its write.
        let now = start + (45 + 60 * round as i64) * MINUTE;
        freeze_all(&processes, now).await;
        processes[0].pause_at(sql, "rotator").await;
        let paused = processes[0].tick();
        let rival = async {
            processes[0].wait_until_paused("rotator").await;
            processes[1].tick().await;
            let rows = processes[1].tables().key_rows().await;
            processes[0].resume("rotator").await;
            rows
        };
        let ((), rows) = futures::join!(paused, rival);
        assert_eq!(processes[0].tables().key_rows().await, rows);
        assert_eq!(processes[0].tables().signing_keys().await.len(), 2 + round);
        processes[0].database_back().await;
        freeze_all(&processes, now + 20 * MINUTE).await;
        for process in &processes {
            let session = process.create("ada").await;
            for other in &processes {
                other.expect_good(&session).await;
            }
        }
    }
    assert_eq!(
        processes[0].refresh(&first.refresh.value).await.answer(),
        "OK"
    );
}

#[test_on(everywhere)]
async fn cc6_a_rotator_paused_for_days_overwrites_nothing(db: Backend) {
    let processes = some(db, 2).await;
    let start = processes[0].now();
    processes[0].create("ada").await;
    freeze_all(&processes, start + 45 * MINUTE).await;
    processes[0].pause_at("INSERT", "rotator").await;
    let others = async {
        processes[0].wait_until_paused("rotator").await;
        // Its key is made by somebody else, used, and removed again.
        for hour in 1..9 {
            processes[1].freeze_at(start + hour * HOUR).await;
            processes[1].tick().await;
            processes[1].create("ada").await;
        }
        let rows = processes[1].tables().signing_keys().await;
        assert!(rows.iter().all(|row| row.generation() != 2), "{rows:?}");
        processes[0].freeze_at(start + 9 * HOUR).await;
        processes[0].resume("rotator").await;
        rows
    };
    let (_, rows) = futures::join!(processes[0].tick_unchecked(), others);
    let now = processes[0].tables().signing_keys().await;
    for row in &rows {
        assert!(now.contains(row), "{row:?} was overwritten");
    }
    processes[0].database_back().await;
    freeze_all(&processes, start + 9 * HOUR).await;
    for process in &processes {
        process.tick().await;
        let token = process.create("ada").await.access.value;
        let kid = Jwt::parse(&token).kid();
        assert!(!kid.starts_with("2."), "a key of days ago signs");
        for other in &processes {
            assert_eq!(other.verify(&token).await.answer(), "OK");
        }
    }
    let now = processes[0].tables().signing_keys().await;
    assert!(now.iter().all(|row| row.generation() != 2), "{now:?}");
}

#[test_on(everywhere)]
async fn kr4_a_fault_at_any_statement_of_a_rotation_leaves_whole_keys(db: Backend) {
    let error = match db {
        Backend::Sqlite => Action::error(0, "disk I/O error"),
        _ => Action::error(1290, "read-only"),
    };
    for by_request in [false, true] {
        let processes = some(db, 2).await;
        let (rotator, other) = (&processes[0], &processes[1]);
        let mut now = rotator.now();
        rotator.create("ada").await;
        for action in [Action::cut_before(), Action::cut_after(), error.clone()] {
            for nth in 1..=6 {
                // Before the fault a whole set of keys, and the next one due.
                now += if by_request {
                    121 * MINUTE
                } else {
                    61 * MINUTE
                };
                freeze_all(&processes, now).await;
                let before = rotator.tables().signing_keys().await;
                let rule = FaultRule::new(On::Any, action.clone()).nth(nth).for_ever();
                rotator.faults(&[rule]).await;
                if by_request {
                    let reply = rotator.post_session(r#"{"userId":"ada"}"#).await;
                    let answer = Answer::of_reply(&reply);
                    assert!(
                        answer == Answer::Ok || answer == Answer::Unavailable,
                        "{reply:?}"
                    );
                } else {
                    rotator.tick_unchecked().await;
                }
                rotator.database_back().await;
                let after = rotator.tables().signing_keys().await;
                let newest = after.last().expect("there are keys");
                assert!(
                    after.len() <= before.len() + 1,
                    "{action:?} at {nth}: {after:?}"
                );
                assert_eq!(newest.bytes().len(), 32, "{action:?} at {nth}");
                // Whatever happened, both sign with keys that are in the table.
                for process in &processes {
                    let token = process.create("ada").await.access.value;
                    let reply = other.verify(&token).await;
                    assert_eq!(reply.answer(), "OK", "{action:?} at {nth}");
                }
            }
        }
        // Who could not load the keys tries again after 5 s on the machine's clock.
        tokio::time::sleep(std::time::Duration::from_millis(5100)).await;
        let token = other.create("ada").await.access.value;
        assert_eq!(rotator.verify(&token).await.answer(), "OK");
    }
}

/// RFC 7519 lets us refuse an access token from the future; its owner refreshes, and goes on.
#[test_on(everywhere)]
async fn ck1_an_hour_back_logs_nobody_out(db: Backend) {
    let processes = some(db, 2).await;
    let start = processes[0].now();
    let deleted = processes[0].create("bob").await;
    let session = processes[0].create("ada").await;
    processes[0].revoke(&deleted.handle).await;
    freeze_all(&processes, start + 59 * MINUTE).await;
    processes[0].tick().await;
    freeze_all(&processes, start + 62 * MINUTE).await;
    let child = processes[0].child(&session).await;
    processes[1].expect_good(&child).await;
    let keys = processes[0].tables().signing_keys().await;

    freeze_all(&processes, start + 2 * MINUTE).await;
    let process = &processes[0];
    process.tick().await;
    // Not an answer that logs anybody out.
    process
        .verify(&child.access.value)
        .await
        .expect(200, TRY_REFRESH_TOKEN);
    let next = process.child(&child).await;
    process.expect_good(&next).await;
    let again = process.child(&next).await;
    assert_eq!(again.handle, session.handle);
    let created = process.create("carol").await;
    for other in &processes {
        other.expect_good(&created).await;
    }
    process
        .refresh(&deleted.refresh.value)
        .await
        .expect(200, REFUSED);
    process
        .data(&deleted.handle)
        .await
        .expect(200, UNAUTHORISED);
    assert_eq!(
        processes[0].tables().signing_keys().await,
        keys,
        "a second rotation"
    );
    // Forward again: still one key per interval.
    freeze_all(&processes, start + 63 * MINUTE).await;
    processes[1].tick().await;
    assert_eq!(processes[0].tables().signing_keys().await, keys);
}
