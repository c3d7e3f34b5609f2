//! Locks that somebody else holds, and deadlocks. SQLite has none of the latter: it answers busy.

use session_tests::prelude::*;
use testbed::service::{Action, FaultRule, On};

use crate::common::{Answer, child_of, data, pair, unavailable};
use crate::outage::timely;

#[test_on(everywhere, alone)]
async fn db4_a_row_that_is_locked_is_503_in_time(db: Backend) {
    let service = db.service().real_timers().start().await;
    service.freeze().await;
    let session = service.create_with_data("ada", &data(0)).await;
    let child = child_of(&service, &session).await;
    let other = service.create("bob").await;
    let lock = service.tables().lock_sessions().await;
    let text = data(1);
    let (refreshed, verified, written) = futures::join!(
        timely(service.refresh(&child.refresh.value)),
        timely(service.verify(&child.access.value)),
        timely(service.write_data(&session.handle, &text)),
    );
    for reply in [refreshed, verified, written] {
        unavailable(&reply);
    }
    unavailable(&timely(service.revoke(&other.handle)).await);
    // Who only reads waits for nobody.
    assert_eq!(timely(service.data(&session.handle)).await.answer(), "OK");
    assert_eq!(
        timely(service.refresh(&session.refresh.value))
            .await
            .answer(),
        "OK"
    );
    lock.let_go().await;
    // A statement that was given up may still run now that the lock is free; it is no theft then.
    assert_eq!(service.refresh(&child.refresh.value).await.answer(), "OK");
    let answer = service.revoke(&other.handle).await.answer();
    assert_eq!(answer, "OK");
    assert_eq!(service.data(&other.handle).await.answer(), "UNAUTHORISED");
    service.assert_no_traps().await;
}

#[test_on(servers)]
async fn db5_a_deadlock_is_retried_three_times_then_503(db: Backend) {
    let service = db.service().real_timers().one_instance().start().await;
    service.freeze().await;
    let mut tried = Vec::new();
    for times in 1..=5 {
        let session = service.create_with_data("ada", &data(0)).await;
        let child = child_of(&service, &session).await;
        let row = service.tables().session(&session.handle).await;
        let deadlock = Action::error(1213, "Deadlock found when trying to get lock");
        let rule = FaultRule::new(On::Execute, deadlock).sql_contains("UPDATE");
        let rule = FaultRule {
            times: Some(times),
            ..rule
        };
        service.faults(&[rule]).await;
        let reply = timely(service.refresh(&child.refresh.value)).await;
        let matched = service.rules_in_force().await[0].matched;
        service.database_back().await;
        tried.push(matched);
        if times <= 3 {
            assert_eq!(Answer::of_reply(&reply), Answer::Ok, "{times} deadlocks");
        } else {
            unavailable(&reply);
            assert_eq!(service.tables().session(&session.handle).await, row);
            assert_eq!(service.refresh(&child.refresh.value).await.answer(), "OK");
        }
    }
    assert_eq!(tried, [2, 3, 4, 4, 4], "one try and up to three more");
}

#[test_on(servers)]
async fn rv2_a_delete_that_was_rolled_back_leaves_the_true_to_another(db: Backend) {
    let [one, other] = pair(db, &[]).await;
    for nth in [1, 2] {
        let session = one.create("ada").await;
        let deadlock = Action::error(1213, "Deadlock found when trying to get lock");
        let rules = [
            FaultRule::new(On::Execute, deadlock)
                .sql_contains("UPDATE")
                .times(nth),
            FaultRule::new(On::Execute, Action::pause("again"))
                .sql_contains("UPDATE")
                .nth(nth + 1),
        ];
        one.faults(&rules).await;
        let meanwhile = async {
            one.wait_until_paused("again").await;
            let reply = other.revoke(&session.handle).await;
            one.database_back().await;
            reply.part("deletedAnyEntry")
        };
        let (reply, meanwhile) = futures::join!(one.revoke(&session.handle), meanwhile);
        let answers = [reply.part("deletedAnyEntry"), meanwhile];
        assert_eq!(answers, [Some("false".to_owned()), Some("true".to_owned())]);
    }
}
