//! Settings that are wrong or cannot be read, and tables with other names. Ranges are tested in
//! `src/core/domain/config/tests.rs`.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures::future::{join, join_all};
use session_tests::prelude::*;
use testbed::service::{Action, FaultRule, On};

#[test_on(everywhere)]
async fn a_mistake_stops_every_request_but_not_always_the_clean_up(db: Backend) {
    for (variable, value, ticks) in [
        ("access_token_validity", "0", false),
        ("api_keys", "short", true),
    ] {
        let service = db.service().set(variable, value).start().await;
        for _ in 0..2 {
            let reply = service.post_session(r#"{"userId":"ada"}"#).await;
            reply.expect_error(500, "misconfigured");
        }
        service.expect_logged(&[variable]).await;
        assert_eq!(service.tick_unchecked().await.ok, ticks, "{variable}");
    }
}

/// As when a vault does not answer: without its API keys the service would be open to everybody.
#[test_on(everywhere)]
async fn settings_that_cant_be_read_are_never_taken_for_their_defaults(db: Backend) {
    let key = "an API key that only the vault has";
    let key = key.replace(' ', "-");
    let service = db.service().set("api_keys", &key).start().await;
    for variable in ["api_keys", "database", "master_key"] {
        let away = FaultRule::new(On::Variable, Action::cut_before()).sql_contains(variable);
        service.faults(&[away.for_ever()]).await;
        for _ in 0..2 {
            let reply = service.post_session(r#"{"userId":"ada"}"#).await;
            reply.expect_error(503, "settings_unavailable");
        }
        service.expect_logged(&["ERROR", variable]).await;
    }
    assert!(!service.log().contains("secrets.internal"));
    let tick = service.tick_unchecked().await;
    assert!(!tick.ok, "{tick:?}");
    service.database_back().await;
    let reply = service.post_session(r#"{"userId":"ada"}"#).await;
    reply.expect_error(401, "unauthenticated");
    service.tick().await;
}

#[test_on(everywhere)]
async fn a_provider_of_settings_that_stalls_holds_up_no_probe_and_nobody_for_long(db: Backend) {
    let service = db.service().real_timers().one_instance().start().await;
    let stalls = FaultRule::new(On::Variable, Action::hang()).for_ever();
    service.faults(&[stalls]).await;
    let started = Instant::now();
    let answered = AtomicUsize::new(0);
    let requests = join_all((0..8).map(async |_| {
        let reply = service.post_session(r#"{"userId":"ada"}"#).await;
        answered.fetch_add(1, Ordering::Relaxed);
        reply
    }));
    let probes = async {
        for _ in 0..3 {
            let probe = service.send("GET", "/health", &[], "").await;
            assert_eq!(probe.status, 200);
        }
        assert_eq!(answered.load(Ordering::Relaxed), 0, "probes waited");
    };
    let (replies, ()) = join(requests, probes).await;
    for reply in replies {
        reply.expect_error(503, "settings_unavailable");
    }
    // Three seconds each, however many wait: one after the other they would take 24.
    assert!(
        started.elapsed() < Duration::from_secs(8),
        "{:?}",
        started.elapsed()
    );
    service.expect_logged(&["ERROR", "variables"]).await;
    service.database_back().await;
    service.create("ada").await;
    service.assert_no_traps().await;
}

#[test_on(everywhere)]
async fn tables_can_have_other_names(db: Backend) {
    let service = db
        .service()
        .set("signing_key_table", "site_keys_1")
        .set("refresh_tokens_table", "Site_Sessions")
        .start()
        .await;
    let session = service.create("ada").await;
    service.tick().await;
    let tables = service.tables();
    let rows = tables.query("SELECT user_id FROM Site_Sessions", &[]).await;
    assert_eq!(rows, [[Some("ada".to_owned())]]);
    let names =
        "SELECT key_name FROM site_keys_1 WHERE key_name NOT LIKE 'migration.%' ORDER BY key_name";
    let rows = tables.query(names, &[]).await;
    let expected = [
        "access_token_signing_key.1",
        "last_tick",
        "refresh_token_key",
    ];
    assert_eq!(rows, expected.map(|name| [Some(name.to_owned())]));
    assert!(
        tables
            .try_query("SELECT 1 FROM refresh_tokens", &[])
            .await
            .is_err()
    );
    assert!(
        tables
            .try_query("SELECT 1 FROM signing_key", &[])
            .await
            .is_err()
    );
    assert_eq!(service.revoke_all("ada").await.answer(), "OK");
    assert_eq!(service.data(&session.handle).await.answer(), "UNAUTHORISED");
}
