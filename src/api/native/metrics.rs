//! The figures in Prometheus' text format (version 0.0.4).

use std::fmt::Write as _;

use session_core::domain::time::Timestamp;
use session_service::{Counters, Metrics};

/// The page. A figure that could not be read is left out.
pub(crate) fn page(metrics: &Metrics, counters: &Counters) -> String {
    let mut page = String::new();
    write_gauges(&mut page, metrics);
    write_counters(&mut page, counters);
    page
}

fn write_gauges(page: &mut String, metrics: &Metrics) {
    let keys = metrics.keys;
    let tick = metrics.last_tick.flatten();
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
            "About how many sessions have a row, expired and revoked ones among them.",
            metrics.rows.map(|rows| rows as f64),
        ),
        (
            "expired_rows",
            "How many rows of expired and revoked sessions are due for removal, counted to 100000.",
            metrics.expired.map(|rows| rows as f64),
        ),
        (
            "bound_rows",
            "How many of the first 10000 rows are of sessions that are bound to a device.",
            metrics.bound.map(|rows| rows as f64),
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
            "When the last tick of the scheduled component ended; 0 if none ever has.",
            metrics
                .last_tick
                .map(|tick| tick.map_or(0.0, |tick| seconds(tick.at.as_millis()))),
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
    for (name, help, value) in figures {
        if let Some(value) = value {
            write_metric(page, name, "gauge", help, [(String::new(), value)]);
        }
    }
}

fn write_counters(page: &mut String, counters: &Counters) {
    let counted = [
        ("logins_total", "Sessions created", counters.logins),
        (
            "refreshes_total",
            "Refresh tokens exchanged",
            counters.refreshes,
        ),
        (
            "thefts_total",
            "Refresh tokens reported as stolen",
            counters.thefts,
        ),
        ("revocations_total", "Revocations", counters.revocations),
        (
            "device_proofs_missing_total",
            "Tokens of bound sessions that came without a proof of the device",
            counters.proofs_missing,
        ),
        (
            "device_proofs_wrong_total",
            "Proofs that were not the device's",
            counters.proofs_wrong,
        ),
    ];
    for (name, what, count) in counted {
        let help = format!("{what} by this instance since it began.");
        write_metric(
            page,
            name,
            "counter",
            &help,
            [(String::new(), count as f64)],
        );
    }
    let errors = counters.errors.iter();
    let errors = errors.map(|(code, count)| (format!("{{code=\"{code}\"}}"), *count as f64));
    let help = "Requests to this instance that failed since it began, by the error's code.";
    write_metric(page, "errors_total", "counter", help, errors);
}

fn write_metric(
    page: &mut String,
    name: &str,
    kind: &str,
    help: &str,
    samples: impl IntoIterator<Item = (String, f64)>,
) {
    let name = format!("spin_sessions_{name}");
    let mut write = |line: std::fmt::Arguments<'_>| {
        writeln!(page, "{line}").expect("a String takes everything");
    };
    write(format_args!("# HELP {name} {help}\n# TYPE {name} {kind}"));
    for (labels, value) in samples {
        write(format_args!("{name}{labels} {value}"));
    }
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
