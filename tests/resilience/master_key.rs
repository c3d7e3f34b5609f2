//! The master key: introduced, changed in three rolling deployments, forgotten and mistaken. Nobody is logged out,
//! nothing is made anew in silence.

use futures::future::join_all;
use session_tests::prelude::*;
use session_tests::watch;

use crate::common::freeze_all;

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
        service.expect_logged(&["master_key"]).await;
    }
    assert_eq!(place.tables().session_count().await, 1);

    let service = with(&place, OLD).await;
    service.expect_good(&session).await;
    assert_eq!(service.refresh(&session.refresh.value).await.answer(), "OK");
}

#[test_on(everywhere)]
async fn kr5_introducing_and_changing_it_in_rolling_deployments_logs_nobody_out(db: Backend) {
    let introduced = format!("database,{OLD}");
    let (old_new, new_old) = (format!("{OLD},{NEW}"), format!("{NEW},{OLD}"));
    let place = rolling(db, &["", &introduced, OLD, &old_new, &new_old, NEW]).await;
    // The old one is forgotten, its trace is gone, and a process that still has it alone is refused.
    let rows = place.tables().key_rows().await.into_iter();
    let checks = rows.filter(|row| row.key_name.starts_with("master_key_check."));
    assert_eq!(checks.count(), 1);
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
                let next = two.child(holder).await;
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
