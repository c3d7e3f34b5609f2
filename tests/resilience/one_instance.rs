//! Many requests at the same time in one component instance.

use std::time::Duration;

use futures::future::join_all;
use session_tests::prelude::*;
use testbed::service::{Action, FaultRule, On};

use crate::common::{Answer, data, eventually};

/// How far apart requests come so that one instance can take them all.
const APART: Duration = Duration::from_millis(10);

#[test_on(everywhere)]
async fn cc8_one_failing_request_of_sixteen_takes_nobody_along(db: Backend) {
    for round in 0..6 {
        let mut attempts = 0;
        while !one_of_sixteen_fails(db, round).await {
            attempts += 1;
            assert!(attempts < 10, "the host made more instances each time");
        }
    }
}

/// Sixteen writes at the same time, of which one fails. False if they were not in one instance: the host makes
/// another when one does not take a request at once.
async fn one_of_sixteen_fails(db: Backend, round: u64) -> bool {
    let service = db.service().one_instance().start().await;
    let mut sessions = Vec::new();
    for _ in 0..16 {
        sessions.push(service.create_with_data("ada", "0").await);
    }
    service.forget_statements().await;
    let update = |action| FaultRule::new(On::Statement, action).sql_contains("UPDATE");
    // The instance has three connections; the other requests wait for one.
    let together = update(Action::pause("together")).times(3);
    service.faults(&[together]).await;
    let sent = data(round);
    let writes = sessions.iter().enumerate().map(|(number, session)| {
        let (service, sent) = (&service, &sent);
        async move {
            tokio::time::sleep(APART * number as u32).await;
            service.write_data(&session.handle, sent).await
        }
    });
    let failure = async {
        tokio::time::sleep(APART * 17).await;
        eventually(2, "three wait", async || service.paused().await == 3).await;
        let action = match (round % 2, db) {
            (0, Backend::Sqlite) => Action::error(0, "attempt to write a readonly database"),
            (0, _) => Action::error(1290, "read-only"),
            (_, Backend::Sqlite) => Action::error(0, "disk I/O error"),
            _ => Action::cut_before(),
        };
        let mut rules = vec![update(action).nth(1 + 2 * round)];
        if round % 2 == 1 {
            // No new connection is to be had: its second try goes on with one of the others'.
            rules.push(FaultRule::new(On::Open, Action::error(2006, "gone")));
        }
        service.faults(&rules).await;
        service.resume("together").await;
    };
    let (replies, ()) = futures::join!(join_all(writes), failure);
    if service.stats().await.instances > 0 {
        return false;
    }
    let rules = service.rules_in_force().await;
    let fired: Vec<_> = rules.iter().map(|rule| rule.fired).collect();
    assert!(
        fired.iter().all(|times| *times == 1),
        "round {round}: {fired:?}"
    );
    service.database_back().await;
    let failed = replies.iter().filter(|reply| reply.status == 503).count();
    let expected = usize::from(round.is_multiple_of(2));
    assert_eq!(failed, expected, "round {round}: {replies:?}");
    for (session, reply) in sessions.iter().zip(&replies) {
        let expected = match Answer::of_reply(reply) {
            Answer::Ok => sent.clone(),
            _ => "0".to_owned(),
        };
        let read = service.data(&session.handle).await;
        assert_eq!(read.part("sessionData"), Some(expected), "round {round}");
    }
    service.assert_no_traps().await;
    true
}
