//! Theft across processes, and across the death of the process that detects it.

use session_tests::prelude::*;

use crate::common::{Answer, busy, child_of, freeze_all, pair};

suite! {
    everywhere:
        th4_the_sleeping_attacker_is_seen_by_another_process,
        th5_killed_at_any_statement_of_the_revocation_it_is_reported_or_detectable;
}

async fn th4_the_sleeping_attacker_is_seen_by_another_process(db: Backend) {
    let pair = pair(db, &[]).await;
    for victim_refreshes in [1, 3] {
        let stolen = pair[0].create("ada").await;
        let attacker = child_of(&pair[0], &stolen).await;
        let mut victim = stolen.clone();
        for _ in 0..victim_refreshes {
            pair[0].advance(HOUR).await;
            freeze_all([&pair[1]], pair[0].now()).await;
            victim = Session::refreshed(&pair[1].refresh(&victim.refresh.value).await);
            assert_eq!(pair[0].verify(&victim.access.value).await.answer(), "OK");
        }
        let reply = pair[1].refresh(&attacker.refresh.value).await;
        reply.expect(200, &theft_of(&stolen));
        // Its access token is hours old by now, and would be of another lineage anyway.
        let reply = pair[0].verify(&attacker.access.value).await;
        assert_eq!(Answer::of_reply(&reply), Answer::TryRefreshToken);
    }
}

/// The statements of a detection and revocation, at each of which the process dies once.
fn deaths(policy: &str) -> &'static [(&'static str, u64)] {
    match policy {
        "revoke_session" => &[("SELECT `user_id`", 1), ("DELETE", 1)],
        // The user's other sessions go first, in batches, each with a look for more.
        _ => &[
            ("SELECT `user_id`", 1),
            ("DELETE", 1),
            ("SELECT 1", 1),
            ("DELETE", 2),
        ],
    }
}

async fn th5_killed_at_any_statement_of_the_revocation_it_is_reported_or_detectable(db: Backend) {
    use testbed::service::{Action, FaultRule, On};
    let _turn = busy().await;
    let mut kills = 0;
    for policy in ["revoke_session", "revoke_user"] {
        let place = db.place().await;
        for &(sql, nth) in deaths(policy) {
            let mut service = place.service().set("on_token_theft", policy).start().await;
            let now = service.freeze().await;
            let user = format!("{policy} {kills}");
            let session = service.create(&user).await;
            let other = service.create(&user).await;
            let child = child_of(&service, &session).await;
            assert_eq!(service.verify(&child.access.value).await.answer(), "OK");
            let rule = FaultRule::new(On::Statement, Action::pause("death"));
            service.faults(&[rule.sql_contains(sql).nth(nth)]).await;
            let client = service.another_client();
            let stolen = session.refresh.value.clone();
            let asking = tokio::spawn(async move {
                let body = format!(r#"{{"refreshToken":"{stolen}","idRefreshToken":"id"}}"#);
                client.try_json("PUT", "/refresh", body).await
            });
            service.wait_until_paused("death").await;
            service.process().kill();
            kills += 1;
            assert!(
                asking.await.expect("no panic").is_err(),
                "a dead process answered"
            );
            let log = service.log();
            drop(service);

            let service = place.service().set("on_token_theft", policy).start().await;
            service.freeze_at(now + MINUTE).await;
            let reply = service.refresh(&session.refresh.value).await;
            match Answer::of_reply(&reply) {
                // Nothing was revoked that mattered: it can still be seen, and now it is.
                Answer::Theft => {}
                // Revoked: then it was reported, to the log at least.
                Answer::Unauthorised => {
                    let line = format!(
                        "token theft detected, session {}",
                        sha256_hex(&session.handle)
                    );
                    assert!(
                        log.contains(&line),
                        "revoked without a word at {sql} {nth}: {log}"
                    );
                }
                other => panic!("{other:?} at {sql} {nth}"),
            }
            assert_eq!(service.tables().session(&session.handle).await, None);
            let rest = service.tables().session(&other.handle).await;
            assert_eq!(rest.is_none(), policy == "revoke_user", "at {sql} {nth}");
        }
    }
    println!(
        "{} th5: {kills} kills during a revocation, each theft reported or still detectable",
        db.name()
    );
}
