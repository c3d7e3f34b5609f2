//! What is written down about the API beside the code: docs/openapi.yaml, and the metrics that deploy/ watches.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::Value;
use session_core::domain::keys::Schedule;
use session_core::domain::maintenance::LastTick;
use session_core::domain::time::Timestamp;
use session_core::request::RequestError;
use session_service::{Counters, Metrics};

use crate::error::ApiError;
use crate::native::{ROUTES, metrics};
use crate::protocol::Access;

fn openapi() -> Value {
    serde_saphyr::from_str(include_str!("../../../docs/openapi.yaml")).unwrap()
}

#[test]
fn every_route_is_in_the_openapi_document_and_no_other() {
    let document = openapi();
    let mut written = BTreeSet::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let is_open = operation["security"] == serde_json::json!([{}]);
            written.insert((path.clone(), method.to_uppercase(), is_open));
        }
    }
    let routes = ROUTES.iter().flat_map(|(path, access, methods)| {
        let is_open = *access == Access::Open;
        let methods = methods.iter().map(|(method, _)| method.to_string());
        // Whoever asks for the head gets what GET would say, without its body.
        let methods = methods.filter(|method| method != "HEAD");
        methods.map(move |method| ((*path).to_owned(), method, is_open))
    });
    assert_eq!(written, routes.collect());
}

/// One of each; a new kind of error does not compile until it is here.
fn every_error() -> Vec<ApiError> {
    let text = String::new;
    let all = vec![
        ApiError::InvalidInput(text()),
        ApiError::FieldTooLarge("x", 1),
        ApiError::TooManySessions,
        ApiError::ProtectedClaim,
        ApiError::InvalidProof(session_core::domain::device::ProofError::WrongTime),
        ApiError::Request(RequestError::BodyTooLarge),
        ApiError::Request(RequestError::UnsupportedMediaType),
        ApiError::Request(RequestError::IncompleteBody),
        ApiError::NotFound,
        ApiError::MethodNotAllowed(text()),
        ApiError::Request(RequestError::Unauthenticated),
        ApiError::BodyTooSlow,
        ApiError::Request(RequestError::UnsupportedEncoding),
        ApiError::TooLargeForDatabase(text()),
        ApiError::MaintenanceFailed(text()),
        ApiError::ReadOnly(text()),
        ApiError::Misconfigured(text()),
        ApiError::Refused(text()),
        ApiError::SettingsUnavailable,
        ApiError::Unavailable(text()),
        ApiError::Internal(text()),
    ];
    for error in &all {
        match error {
            ApiError::InvalidInput(_)
            | ApiError::FieldTooLarge(..)
            | ApiError::TooManySessions
            | ApiError::ProtectedClaim
            | ApiError::InvalidProof(_)
            | ApiError::Request(RequestError::BodyTooLarge)
            | ApiError::Request(RequestError::UnsupportedMediaType)
            | ApiError::Request(RequestError::IncompleteBody)
            | ApiError::NotFound
            | ApiError::MethodNotAllowed(_)
            | ApiError::Request(RequestError::Unauthenticated)
            | ApiError::BodyTooSlow
            | ApiError::Request(RequestError::UnsupportedEncoding)
            | ApiError::TooLargeForDatabase(_)
            | ApiError::MaintenanceFailed(_)
            | ApiError::ReadOnly(_)
            | ApiError::Misconfigured(_)
            | ApiError::Refused(_)
            | ApiError::SettingsUnavailable
            | ApiError::Unavailable(_)
            | ApiError::Internal(_) => {}
        }
    }
    all
}

#[test]
fn every_error_code_is_in_the_openapi_document_with_its_status_and_no_other() {
    let document = openapi();
    let codes = &document["components"]["schemas"]["Error"]["properties"]["code"]["enum"];
    let codes = codes
        .as_array()
        .unwrap()
        .iter()
        .map(|code| code.as_str().unwrap());
    let table = document["components"]["responses"]["Error"]["description"]
        .as_str()
        .unwrap();
    let rows = table.lines().filter_map(|line| {
        let mut cells = line.split('|').map(str::trim).skip(1);
        let status = cells.next()?.parse::<u16>().ok()?;
        Some((status, cells.next()?.trim_matches('`')))
    });
    let told: BTreeSet<_> = every_error()
        .into_iter()
        .map(|error| {
            let (status, code, _) = error.describe();
            (status.as_u16(), code)
        })
        .collect();
    assert_eq!(rows.collect::<BTreeSet<_>>(), told);
    let told = told.into_iter().map(|(_, code)| code);
    assert_eq!(codes.collect::<BTreeSet<_>>(), told.collect());
}

fn full() -> Metrics {
    let at = Timestamp::from_secs(1_700_000_000);
    Metrics {
        at,
        reachable: true,
        writable: true,
        rows: Some(12_000),
        expired: Some(0),
        bound: Some(9),
        keys: Some(Schedule {
            keys: 2,
            since: Some(at.minus(Duration::from_secs(60))),
            until: Some(at.minus(Duration::from_millis(1500))),
        }),
        last_tick: Some(Some(LastTick {
            at,
            ok: false,
            removed: 7,
            remaining: 0,
            took_ms: 250,
        })),
    }
}

fn counters() -> Counters {
    Counters {
        logins: 5,
        refreshes: 4,
        thefts: 1,
        revocations: 2,
        proofs_missing: 8,
        proofs_wrong: 10,
        errors: [("database_unavailable", 3), ("invalid_input", 6)].into(),
    }
}

#[test]
fn the_metrics_are_in_the_text_format_of_prometheus() {
    let page = metrics::page(&full(), &counters());
    let values: Vec<_> = page.lines().filter(|line| !line.starts_with('#')).collect();
    assert_eq!(
        values,
        [
            "spin_sessions_database_reachable 1",
            "spin_sessions_database_writable 1",
            "spin_sessions_rows 12000",
            "spin_sessions_expired_rows 0",
            "spin_sessions_bound_rows 9",
            "spin_sessions_signing_keys 2",
            "spin_sessions_signing_key_age_seconds 60",
            "spin_sessions_next_rotation_seconds -1.5",
            "spin_sessions_last_tick_timestamp_seconds 1700000000",
            "spin_sessions_last_tick_success 0",
            "spin_sessions_last_tick_removed 7",
            "spin_sessions_last_tick_duration_seconds 0.25",
            "spin_sessions_logins_total 5",
            "spin_sessions_refreshes_total 4",
            "spin_sessions_thefts_total 1",
            "spin_sessions_revocations_total 2",
            "spin_sessions_device_proofs_missing_total 8",
            "spin_sessions_device_proofs_wrong_total 10",
            "spin_sessions_errors_total{code=\"database_unavailable\"} 3",
            "spin_sessions_errors_total{code=\"invalid_input\"} 6",
        ]
    );
    // Before the first tick there is a time for the alert to look at.
    let new = Metrics {
        last_tick: Some(None),
        ..full()
    };
    let page = metrics::page(&new, &Counters::default());
    assert!(page.contains("spin_sessions_last_tick_timestamp_seconds 0\n"));
    assert!(!page.contains("last_tick_success"));
    // What is not known is not there.
    let away = metrics::page(&Metrics::default(), &Counters::default());
    assert_eq!(
        away.lines().filter(|line| !line.starts_with('#')).count(),
        8
    );
    assert!(away.contains("spin_sessions_database_reachable 0\n"));
}

#[test]
fn deploy_watches_metrics_that_there_are() {
    let page = metrics::page(&full(), &counters());
    let there: BTreeSet<_> = words(&page).collect();
    for watched in [
        include_str!("../../../deploy/monitoring/alerts.yaml"),
        include_str!("../../../deploy/monitoring/dashboard.json"),
    ] {
        let watched: BTreeSet<_> = words(watched).collect();
        assert!(watched.len() >= 5);
        assert_eq!(
            watched.difference(&there).collect::<Vec<_>>(),
            [""; 0].iter().collect::<Vec<_>>()
        );
    }
}

#[test]
fn every_alert_has_its_paragraph_in_the_handbook_and_no_other() {
    let alerts = include_str!("../../../deploy/monitoring/alerts.yaml").lines();
    let alerts = alerts.filter_map(|line| line.trim().strip_prefix("- alert: "));
    let handbook = include_str!("../../../docs/operations.md").lines();
    let paragraphs = handbook.filter_map(|line| line.strip_prefix("**Sessions")?.split_once(".**"));
    let paragraphs = paragraphs.map(|(name, text)| {
        assert!(!text.trim().is_empty(), "{name}");
        format!("Sessions{name}")
    });
    let alerts: BTreeSet<_> = alerts.map(str::to_owned).collect();
    assert!(alerts.len() >= 8);
    assert_eq!(alerts, paragraphs.collect());
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .filter(|word| word.starts_with("spin_sessions_"))
}
