//! The figures in Prometheus' text format (version 0.0.4).

use std::fmt::Write as _;

use session_core::domain::time::Timestamp;
use session_service::Metrics;

/// The page. A figure that could not be read is left out.
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
            "Whether the database accepts writes.",
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
            "How many keys of access tokens are published: those of tokens that are still good, and the next one.",
            keys.map(|keys| keys.keys as f64),
        ),
        (
            "signing_key_age_seconds",
            "For how long the current key has signed.",
            since.map(|since| between(since, metrics.at)),
        ),
        (
            "next_rotation_seconds",
            "How long the current key goes on signing; less than zero if its successor is overdue.",
            until.map(|until| between(metrics.at, until)),
        ),
        (
            "last_tick_timestamp_seconds",
            "When the last tick of the scheduled component ended.",
            tick.map(|tick| seconds(tick.at.as_millis())),
        ),
        (
            "last_tick_success",
            "Whether the last tick succeeded.",
            tick.map(|tick| flag(tick.ok)),
        ),
        (
            "last_tick_removed",
            "How many expired sessions the last tick removed.",
            tick.map(|tick| tick.removed as f64),
        ),
        (
            "last_tick_duration_seconds",
            "How long the last tick took.",
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
