//! Theft across the death of the process that detects it.

use session_tests::prelude::*;
use testbed::service::{Action, FaultRule, On};

use crate::common::{Answer, child_of};

/// A moment of a detection and revocation at which the process dies: before the nth statement with this text runs, or
/// once the database has done what it says and before the process learns of it.
struct Death {
    sql: &'static str,
    nth: u64,
    done: bool,
}

fn before(sql: &'static str, nth: u64) -> Death {
    let done = false;
    Death { sql, nth, done }
}

fn after(sql: &'static str, nth: u64) -> Death {
    let done = true;
    Death { sql, nth, done }
}

/// Of a policy; the last is after the revocation of the stolen session itself.
fn deaths(policy: &str) -> Vec<Death> {
    match policy {
        "revoke_session" => vec![
            before("SELECT `user_id`", 1),
            before("UPDATE", 1),
            after("UPDATE", 1),
        ],
        // The user's other sessions go first, in batches, each after a look where it ends.
        _ => vec![
            before("SELECT `user_id`", 1),
            before("OFFSET", 1),
            before("UPDATE", 1),
            after("UPDATE", 1),
            before("UPDATE", 2),
            after("UPDATE", 2),
        ],
    }
}

impl Death {
    /// What makes the request stand still at this moment. A statement whose answer was lost is tried again on a new
    /// connection.
    fn rules(&self) -> Vec<FaultRule> {
        let at = |on, action| {
            FaultRule::new(on, action)
                .sql_contains(self.sql)
                .nth(self.nth)
        };
        let pause = Action::pause("death");
        match self.done {
            false => vec![at(On::Statement, pause)],
            true => vec![
                at(On::Statement, Action::cut_after()),
                FaultRule::new(On::Open, pause),
            ],
        }
    }
}

#[test_on(everywhere)]
async fn th5_killed_at_any_moment_of_the_revocation_it_is_reported_or_detectable(db: Backend) {
    let mut reported = 0;
    for policy in ["revoke_session", "revoke_user"] {
        let place = db.place().await;
        let deaths = deaths(policy);
        for (number, death) in deaths.iter().enumerate() {
            let Death { sql, nth, done } = death;
            let context = format!("{policy}, {sql} {nth}, done: {done}");
            let setup = place.service().set("on_token_theft", policy);
            let mut service = setup.one_instance().start().await;
            let now = service.freeze().await;
            let user = format!("{policy} {number}");
            let session = service.create(&user).await;
            let other = service.create(&user).await;
            let child = child_of(&service, &session).await;
            service.expect_good(&child).await;
            // For as long as it is a race the parent would get that child again.
            service.advance(2 * MINUTE).await;
            service.faults(&death.rules()).await;
            let client = service.another_client();
            let stolen = session.refresh.value.clone();
            let asking = tokio::spawn(async move {
                let body = format!(r#"{{"refreshToken":"{stolen}","idRefreshToken":"id"}}"#);
                client.try_json("PUT", "/refresh", body).await
            });
            service.wait_until_paused("death").await;
            service.process().kill();
            assert!(
                asking.await.expect("no panic").is_err(),
                "a dead process answered"
            );
            let log = service.log();
            drop(service);
            let revoked = place.tables().session(&session.handle).await.is_none();
            let last = number + 1 == deaths.len();
            assert_eq!(revoked, last, "{context}");

            let service = place.service().set("on_token_theft", policy).start().await;
            service.freeze_at(now + 5 * MINUTE).await;
            let reply = service.refresh(&session.refresh.value).await;
            match Answer::of_reply(&reply) {
                // Nothing was revoked that mattered: it can still be seen, and now it is.
                Answer::Theft => assert!(!revoked, "{context}"),
                // Revoked: then it was reported, to the log at least.
                Answer::Unauthorised => {
                    let line = format!(
                        "token_theft_detected session={}",
                        sha256_hex(&session.handle)
                    );
                    assert!(
                        revoked && log.contains(&line),
                        "revoked without a word: {context}: {log}"
                    );
                    reported += 1;
                }
                other => panic!("{other:?}: {context}"),
            }
            assert_eq!(service.tables().session(&session.handle).await, None);
            let rest = service.tables().session(&other.handle).await;
            assert_eq!(rest.is_none(), policy == "revoke_user", "{context}");
        }
    }
    assert_eq!(reported, 2, "one for each policy");
}
