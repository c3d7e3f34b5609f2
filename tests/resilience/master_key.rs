//! The master key: introduced, changed in three rolling deployments, forgotten and mistaken. Nobody is logged out,
//! nothing is made anew in silence.

use futures::future::join_all;
use session_tests::prelude::*;
use session_tests::watch;

use crate::common::{child_of, freeze_all};

const OLD: &str = "the old master key of this deployment 0123456789";
const NEW: &str = "the new master key of this deployment 9876543210";

async fn with(place: &std::sync::Arc<Place>, master: &str) -> Service {
    watch::secret(OLD);
    watch::secret(NEW);
    place
        .service()
        .set("master_key", master)
        .set("refresh_token_validity", 24)
        .start()
        .await
}

#[test_on(everywhere)]
async fn kr5_a_wrong_or_missing_master_key_is_refused_and_changes_nothing(db: Backend) {
    let place = db.place().await;
    let service = with(&place, OLD).await;
    let session = service.create("ada").await;
    let rows = place.tables().key_rows().await;
    drop(service);

    for wrong in ["", NEW, &format!("{NEW},{NEW}x")] {
        let service = with(&place, wrong).await;
        for _ in 0..2 {
            let reply = service.post_session(r#"{"userId":"bob"}"#).await;
            reply.expect_error(500, "misconfigured");
            let reply = service.refresh(&session.refresh.value).await;
            reply.expect_error(500, "misconfigured");
        }
        let reply = service.verify(&session.access.value).await;
        assert_ne!(reply.status, 503, "{reply:?}");
        if reply.status == 200 {
            assert_ne!(reply.answer(), "OK", "a foreign key verified it");
            assert_ne!(reply.answer(), "UNAUTHORISED", "somebody was logged out");
        }
        let tick = service.tick_unchecked().await;
        assert!(!tick.ok, "{tick:?}");
        assert_eq!(place.tables().key_rows().await, rows, "with {wrong:?}");
        assert!(service.log().contains("master_key"), "{}", service.log());
    }
    assert_eq!(place.tables().session_count().await, 1);

    let service = with(&place, OLD).await;
    assert_eq!(service.verify(&session.access.value).await.answer(), "OK");
    assert_eq!(service.refresh(&session.refresh.value).await.answer(), "OK");
}

/// All at once, with a stop between; a rolling change has a step more.
#[test_on(everywhere)]
async fn kr5_introducing_the_master_key_logs_nobody_out(db: Backend) {
    let place = db.place().await;
    let before = place
        .service()
        .set("refresh_token_validity", 24)
        .start()
        .await;
    let now = before.freeze().await;
    let plain = before.create("ada").await;
    let parent = before.create("bob").await;
    let child = child_of(&before, &parent).await;
    drop(before);

    let after = with(&place, OLD).await;
    after.freeze_at(now + MINUTE).await;
    assert_eq!(after.verify(&plain.access.value).await.answer(), "OK");
    assert_eq!(after.verify(&child.access.value).await.answer(), "OK");
    let next = Session::refreshed(&after.refresh(&plain.refresh.value).await);
    assert!(
        Jwt::parse(&next.access.value).kid().contains('.'),
        "not a derived key"
    );
    assert_eq!(after.verify(&next.access.value).await.answer(), "OK");
    assert_eq!(after.refresh(&child.refresh.value).await.answer(), "OK");

    // The keys from before stay until nothing that they signed can be good, then they go.
    let names = async || {
        let rows = place.tables().key_rows().await;
        rows.into_iter().map(|row| row.key_name).collect::<Vec<_>>()
    };
    after.freeze_at(now + 2 * HOUR).await;
    after.tick().await;
    assert_eq!(names().await.len(), 3, "{:?}", names().await);
    after.freeze_at(now + 4 * HOUR).await;
    after.tick().await;
    assert_eq!(names().await.len(), 2, "{:?}", names().await);
    let late = Session::refreshed(&after.refresh(&next.refresh.value).await);
    assert_eq!(after.verify(&late.access.value).await.answer(), "OK");
    after.freeze_at(now + 27 * HOUR).await;
    after.tick().await;
    let left = names().await;
    assert!(
        left.len() == 1 && left[0].starts_with("master_key_check."),
        "{left:?}"
    );
    assert_eq!(after.refresh(&late.refresh.value).await.answer(), "OK");
}

#[test_on(everywhere)]
async fn kr5_introducing_it_in_two_rolling_deployments_logs_nobody_out(db: Backend) {
    let accepted = format!("database,{OLD}");
    let place = rolling(db, &["", &accepted, OLD]).await;
    let names: Vec<String> = place
        .tables()
        .key_rows()
        .await
        .into_iter()
        .map(|row| row.key_name)
        .collect();
    // The table's keys stay until nothing that they signed can be good.
    assert_eq!(names.len(), 3, "{names:?}");
}

#[test_on(everywhere)]
async fn kr5_changing_it_in_three_rolling_deployments_logs_nobody_out(db: Backend) {
    let (old_new, new_old) = (format!("{OLD},{NEW}"), format!("{NEW},{OLD}"));
    let place = rolling(db, &[OLD, &old_new, &new_old, NEW]).await;
    // The old one is forgotten, its trace is gone, and a process that still has it alone is refused.
    assert_eq!(place.tables().key_rows().await.len(), 1);
    let stale = with(&place, OLD).await;
    let reply = stale.post_session(r#"{"userId":"bob"}"#).await;
    reply.expect_error(500, "misconfigured");
}

/// Two processes go through these settings one after the other, both versions at work meanwhile, while sessions are
/// verified and refreshed on both. Nobody may be logged out or fail.
async fn rolling(db: Backend, stages: &[&str]) -> std::sync::Arc<Place> {
    let place = db.place().await;
    let first = with(&place, stages[0]).await;
    let start = first.freeze().await;
    let mut holders = join_all((0..6).map(|_| first.create("ada"))).await;
    let mut processes = vec![first, with(&place, stages[0]).await];
    for (stage, setting) in stages.iter().enumerate().skip(1) {
        for replaced in 0..processes.len() {
            processes[replaced] = with(&place, setting).await;
            let now = start + (stage as i64 * 2 + replaced as i64) * HOUR / 2;
            freeze_all(&processes, now).await;
            processes[replaced].tick().await;
            for (number, holder) in holders.iter_mut().enumerate() {
                let (one, two) = (&processes[number % 2], &processes[(number + 1) % 2]);
                let answer = one.verify(&holder.access.value).await.answer();
                assert_ne!(answer, "UNAUTHORISED", "stage {stage}");
                let next = Session::refreshed(&two.refresh(&holder.refresh.value).await);
                for process in [one, two] {
                    let reply = process.verify(&next.access.value).await;
                    assert_eq!(reply.answer(), "OK", "stage {stage}");
                }
                *holder = next;
            }
        }
    }
    processes[0].tick().await;
    place
}

#[test_on(everywhere)]
async fn tf8_after_the_change_a_dump_from_before_forges_nothing(db: Backend) {
    let place = db.place().await;
    let before = place
        .service()
        .set("refresh_token_validity", 24)
        .start()
        .await;
    let now = before.freeze().await;
    let session = before.create("ada").await;
    let dump = place.tables().key_rows().await;
    drop(before);
    let service = with(&place, OLD).await;
    service.freeze_at(now).await;
    service.create("bob").await;
    service.freeze_at(now + 27 * HOUR).await;
    service.tick().await;
    let fresh = service.create("ada").await;
    let mut forged = Vec::new();
    for row in dump.iter().chain(&place.tables().key_rows().await) {
        let claims = Jwt::parse(&fresh.access.value).claim("sub", "root");
        for kid in [row.kid(), "1", &Jwt::parse(&fresh.access.value).kid()] {
            let header = format!(r#"{{"alg":"HS256","typ":"JWT","kid":{}}}"#, quote(kid));
            for key in [row.key_value.as_bytes().to_vec(), row.bytes()] {
                forged.push(claims.clone().header(&header).sign(&key));
            }
        }
    }
    assert!(forged.len() >= 18);
    for token in &forged {
        service.verify(token).await.expect(200, TRY_REFRESH_TOKEN);
    }
    service
        .refresh(&session.refresh.value)
        .await
        .expect(200, REFUSED);
}
