//! The figures in Prometheus' text format (version 0.0.4).

use std::fmt::Write as _;

use session_core::domain::time::Timestamp;
use session_service::Metrics;

/// The page. A figure that could not be had is left out.
pub(crate) fn page(metrics: &Metrics) -> String {
    let keys = metrics.keys;
    let tick = metrics.last_tick;
    let since = keys.and_then(|keys| keys.since);
    let until = keys.and_then(|keys| keys.until);
    let figures = [
        (
            "database_reachable",
            "Whether the database answers.",
            Some(flag(metrics.reachable)),
        ),
        (
            "database_writable",
            "Whether the database takes changes.",
            Some(flag(metrics.writable)),
        ),
        (
            "rows",
            "About how many sessions have a row, expired ones among them.",
            metrics.rows.map(|rows| rows as f64),
        ),
        (
            "expired_rows",
            "How many expired sessions have a row, counted to 100000.",
            metrics.expired.map(|rows| rows as f64),
        ),
        (
            "signing_keys",
            "How many keys of access tokens may have signed one that is still good, or will sign next.",
            keys.map(|keys| keys.keys as f64),
        ),
        (
            "signing_key_age_seconds",
            "For how long the key that signs has done so.",
            since.map(|since| between(since, metrics.at)),
        ),
        (
            "next_rotation_seconds",
            "How long it goes on; less than zero if its successor is overdue.",
            until.map(|until| between(metrics.at, until)),
        ),
        (
            "last_tick_timestamp_seconds",
            "When the last tick of the scheduled component ended.",
            tick.map(|tick| seconds(tick.at.as_millis())),
        ),
        (
            "last_tick_success",
            "Whether that tick did all that it had to.",
            tick.map(|tick| flag(tick.ok)),
        ),
        (
            "last_tick_removed",
            "How many expired sessions that tick removed.",
            tick.map(|tick| tick.removed as f64),
        ),
        (
            "last_tick_duration_seconds",
            "How long that tick took.",
            tick.map(|tick| seconds(tick.took_ms)),
        ),
    ];
    let mut page = String::new();
    for (name, help, value) in figures {
        if let Some(value) = value {
            let name = format!("spin_sessions_{name}");
            writeln!(
                page,
                "# HELP {name} {help}\n# TYPE {name} gauge\n{name} {value}"
            )
            .expect("a String takes everything");
        }
    }
    page
}

fn seconds(millis: u64) -> f64 {
    millis as f64 / 1000.0
}

/// Negative if `to` is before `from`.
fn between(from: Timestamp, to: Timestamp) -> f64 {
    (to.as_millis() as f64 - from.as_millis() as f64) / 1000.0
}

fn flag(is_so: bool) -> f64 {
    f64::from(u8::from(is_so))
}
