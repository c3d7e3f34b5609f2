//! The variables: what is refused and how, what is accepted at the edges, what a few of them do.
//!
//! What the others do is tested where it belongs: validities in `tokens`, policies in `theft`.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures::StreamExt;
use futures::future::{join, join_all};
use session_tests::prelude::*;
use testbed::service::{Action, FaultRule, On};

const WRONG: [(&str, &[&str]); 13] = [
    ("database", &["postgres", "MySQL", "sqlite "]),
    (
        "signing_key_table",
        &["signing key", "a;b", "a-b", "schlüssel", "`a`"],
    ),
    ("refresh_tokens_table", &["a.b", "refresh_tokens\n"]),
    ("access_token_signing_key_dynamic", &["yes", "TRUE", "1"]),
    (
        "access_token_signing_key_update_interval",
        &["0", "721", "1.5", "24h", "-1"],
    ),
    (
        "access_token_validity",
        &["0", "86400001", "-10", "1e3", "99999999999999999999"],
    ),
    ("access_token_blacklisting", &["on", "0"]),
    ("refresh_token_validity", &["0", "8761", " 1"]),
    ("refresh_reuse_window", &["-1", "61", "ten"]),
    (
        "on_token_theft",
        &["revoke", "REPORT", "report,revoke_user"],
    ),
    // What is no port at all is refused by the manifest's list of allowed hosts.
    ("mysql_port", &["0"]),
    ("mysql_tls", &["preferred", "true"]),
    ("mysql_connection_limit", &["0", "101", "-3"]),
];

#[test_on(everywhere)]
async fn a_wrong_value_stops_every_request_and_is_logged(db: Backend) {
    let place = db.place().await;
    let cases = WRONG
        .iter()
        .flat_map(|(variable, values)| values.iter().map(move |v| (*variable, *v)));
    let check = |(variable, value): (&'static str, &'static str)| {
        let setup = place.service().set(variable, value);
        async move {
            let service = setup.start().await;
            let reply = service.post_session(r#"{"userId":"ada"}"#).await;
            let reply = reply.expect_error(500, "misconfigured");
            service
                .expect_logged(&[variable, value.trim(), "allowed"])
                .await;
            assert!(
                !reply.text().contains(value.trim()) || value.len() < 3,
                "{reply:?}"
            );
        }
    };
    futures::stream::iter(cases.map(check))
        .buffer_unordered(2)
        .collect::<Vec<()>>()
        .await;
}

#[test_on(everywhere)]
async fn every_endpoint_is_stopped(db: Backend) {
    let service = db.service().set("on_token_theft", "shrug").start().await;
    for _ in 0..2 {
        for reply in [
            service.post_session(r#"{"userId":"ada"}"#).await,
            service.verify("x").await,
            service.refresh("x").await,
            service.revoke("x").await,
            service.revoke_all("ada").await,
            service.data("x").await,
            service.write_data("x", "1").await,
        ] {
            reply.expect_error(500, "misconfigured");
        }
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
    let service = db.service().one_instance().start().await;
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
async fn a_mistake_in_the_api_keys_does_not_stop_the_clean_up(db: Backend) {
    let service = db.service().set("api_keys", "short").start().await;
    let reply = service.post_session(r#"{"userId":"ada"}"#).await;
    reply.expect_error(500, "misconfigured");
    service.tick().await;
}

#[test_on(everywhere)]
async fn the_smallest_and_the_largest_values_are_accepted(db: Backend) {
    let longest_name = "t".repeat(64);
    let edges = [
        ("mysql_connection_limit", "1", "100"),
        ("signing_key_table", "k", "K_0"),
        ("refresh_tokens_table", "r", &longest_name),
        ("access_token_signing_key_dynamic", "true", "false"),
        ("access_token_signing_key_update_interval", "1", "720"),
        ("access_token_validity", "1", "86400000"),
        ("access_token_blacklisting", "true", "false"),
        ("refresh_token_validity", "1", "8760"),
        ("refresh_reuse_window", "0", "60"),
        ("on_token_theft", "report", "revoke_user"),
    ];
    let smallest = edges.iter().fold(db.service(), |setup, (name, least, _)| {
        setup.set(name, least)
    });
    let largest = edges
        .iter()
        .fold(db.service(), |setup, (name, _, most)| setup.set(name, most));
    for setup in [smallest, largest] {
        let service = setup.start().await;
        service.freeze().await;
        let session = service.create("ada").await;
        assert_eq!(service.verify(&session.access.value).await.answer(), "OK");
        let child = Session::refreshed(&service.refresh(&session.refresh.value).await);
        assert_eq!(service.verify(&child.access.value).await.answer(), "OK");
        assert_eq!(service.revoke(&child.handle).await.answer(), "OK");
    }
}

#[test_on(everywhere)]
async fn an_empty_value_is_the_default(db: Backend) {
    let service = db
        .service()
        .set("access_token_validity", "")
        .set("refresh_token_validity", "")
        .set("on_token_theft", "")
        .set("access_token_signing_key_path", "")
        .start()
        .await;
    let now = service.freeze().await;
    let session = service.create("ada").await;
    assert_eq!(session.access.expires, now + HOUR);
    assert_eq!(session.refresh.expires, now + 2400 * HOUR);
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

#[test_on(servers)]
async fn a_required_value_that_is_missing_stops_every_request(db: Backend) {
    for variable in ["mysql_user", "mysql_password", "mysql_database"] {
        let service = db.service().set(variable, "").start().await;
        let reply = service.post_session(r#"{"userId":"ada"}"#).await;
        reply.expect_error(500, "misconfigured");
        service.expect_logged(&["misconfigured", variable]).await;
    }
}

#[test_on(servers)]
async fn tls_that_is_required_is_not_given_up(db: Backend) {
    let service = db.service().set("mysql_tls", "required").start().await;
    let reply = service.post_session(r#"{"userId":"ada"}"#).await;
    reply.expect_error(503, "database_unavailable");
    assert!(
        service
            .tables()
            .try_query("SELECT 1 FROM refresh_tokens", &[])
            .await
            .is_err()
    );
}
