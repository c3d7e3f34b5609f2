//! What the service is to reach, and whether it does.

use crate::args::Database;
use crate::cold_start::ColdStart;
use crate::compare::{Key, Results, Who};
use crate::measure::Measured;
use crate::operation::Operation;
use crate::side_by_side::beside;

/// How many clients the goals are about.
const CLIENTS: usize = 16;

/// With this many the service must not be much slower than with [`CLIENTS`].
const CROWD: usize = 64;

/// The least ratio of the service's throughput to that of the peer.
const TIMES_THE_PEER: [(Operation, f64); 4] = [
    (Operation::Verify, 3.0),
    (Operation::Create, 3.0),
    (Operation::Refresh, 5.0),
    (Operation::Chain, 4.0),
];

const VERIFY_TO_BARE: f64 = 0.85;
const CROWD_TO_CLIENTS: f64 = 0.9;
const CPU_TO_PEER: f64 = 1.0 / 3.0;

/// The median of refreshes by a single client, in milliseconds.
const SINGLE_REFRESH: f64 = 1.0;

/// The first request of a service that was just started, in milliseconds.
const FIRST_REQUEST: f64 = 100.0;

/// The HTTP component, in bytes.
const COMPONENT: u64 = 1_500_000;

/// What goals are about besides load.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Facts {
    /// The size of the HTTP component, in bytes.
    pub(crate) component: Option<u64>,
    /// What a start takes on MariaDB.
    pub(crate) cold_start: Option<ColdStart>,
}

/// A line for each goal that the results say something about.
pub(crate) fn text(results: &Results, facts: &Facts) -> String {
    let mut lines = Vec::new();
    let at_16 = |key: &&Key| key.who == Who::Service && key.clients == CLIENTS;
    for key in results.keys().filter(at_16) {
        against_others(results, *key, &mut lines);
    }
    for key in results.keys().filter(at_16) {
        against_a_crowd(results, *key, &mut lines);
    }
    alone(results, &mut lines);
    besides_load(facts, &mut lines);
    if lines.is_empty() {
        return String::new();
    }
    format!(
        "Goals, at {CLIENTS} clients unless said otherwise:\n\n{}",
        lines.concat()
    )
}

fn against_others(results: &Results, key: Key, lines: &mut Vec<String>) {
    let (operation, ours) = (key.operation, &results[&key]);
    if let Some(peer) = beside(results, key, Who::Peer) {
        for (_, least) in TIMES_THE_PEER.iter().filter(|(goal, _)| *goal == operation) {
            let ratio = ours.throughput / peer.throughput;
            lines.push(line(
                ratio >= *least,
                &format!("{operation}: {ratio:.2} times the peer's throughput (at least {least})"),
            ));
        }
        lines.push(line(
            ours.p99 <= peer.p99,
            &format!(
                "{operation}: p99 {:.2} ms, the peer's {:.2} ms",
                ours.p99, peer.p99
            ),
        ));
        if operation == Operation::Verify {
            let ratio = ours.cpu / peer.cpu;
            lines.push(line(
                ratio <= CPU_TO_PEER,
                &format!("{operation}: {ratio:.2} times the peer's CPU (at most a third)"),
            ));
        }
    }
    if operation == Operation::Verify
        && let Some(bare) = beside(results, key, Who::Bare)
    {
        let (ratio, database) = (ours.throughput / bare.throughput, key.database.name());
        lines.push(line(
            ratio >= VERIFY_TO_BARE,
            &format!(
                "{operation} ({database}): {ratio:.2} times the bare component's throughput (at least {VERIFY_TO_BARE})"
            ),
        ));
    }
}

fn against_a_crowd(results: &Results, key: Key, lines: &mut Vec<String>) {
    let Some(crowd) = results.get(&Key {
        clients: CROWD,
        ..key
    }) else {
        return;
    };
    let ratio = crowd.throughput / results[&key].throughput;
    let database = match key.database {
        Database::MySql => "MariaDB",
        Database::Sqlite => "SQLite",
    };
    lines.push(line(
        ratio >= CROWD_TO_CLIENTS && crowd.errors == 0,
        &format!(
            "{} ({database}) with {CROWD} clients: {ratio:.2} times the throughput (at least {CROWD_TO_CLIENTS}), {} errors",
            key.operation, crowd.errors
        ),
    ));
}

fn alone(results: &Results, lines: &mut Vec<String>) {
    let key = Key {
        database: Database::MySql,
        clients: 1,
        operation: Operation::Refresh,
        who: Who::Service,
    };
    if let Some(Measured { p50, .. }) = results.get(&key) {
        lines.push(line(
            *p50 < SINGLE_REFRESH,
            &format!("refresh (MariaDB) with 1 client: p50 {p50:.2} ms (under {SINGLE_REFRESH})"),
        ));
    }
}

fn besides_load(facts: &Facts, lines: &mut Vec<String>) {
    if let Some(bytes) = facts.component {
        let megabytes = |bytes: u64| bytes as f64 / 1e6;
        lines.push(line(
            bytes < COMPONENT,
            &format!(
                "the HTTP component: {:.2} MB (under {})",
                megabytes(bytes),
                megabytes(COMPONENT)
            ),
        ));
    }
    if let Some(start) = facts.cold_start {
        lines.push(line(
            start.first_request < FIRST_REQUEST,
            &format!(
                "cold start (MariaDB): the first request takes {:.1} ms (under {FIRST_REQUEST}), listening begins after {:.0} ms",
                start.first_request, start.listening
            ),
        ));
    }
}

/// A line of a verdict.
pub(crate) fn line(reached: bool, text: &str) -> String {
    let word = if reached { "reached" } else { "**missed**" };
    format!("- {word}: {text}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(who: Who, clients: usize) -> Key {
        Key {
            database: Database::MySql,
            clients,
            operation: Operation::Verify,
            who,
        }
    }

    fn figures(throughput: f64, p99: f64, cpu: f64) -> Measured {
        Measured {
            throughput,
            p99,
            cpu,
            ..Measured::default()
        }
    }

    #[test]
    fn goals_are_judged_one_by_one() {
        let results = Results::from([
            (key(Who::Service, 16), figures(9_000.0, 3.0, 0.1)),
            (key(Who::Service, 64), figures(8_000.0, 9.0, 0.1)),
            (key(Who::Peer, 16), figures(3_000.0, 2.0, 0.2)),
            (key(Who::Bare, 16), figures(10_000.0, 1.0, 0.1)),
        ]);
        let expected = "\
Goals, at 16 clients unless said otherwise:

- reached: verify: 3.00 times the peer's throughput (at least 3)
- **missed**: verify: p99 3.00 ms, the peer's 2.00 ms
- **missed**: verify: 0.50 times the peer's CPU (at most a third)
- reached: verify (MariaDB): 0.90 times the bare component's throughput (at least 0.85)
- **missed**: verify (MariaDB) with 64 clients: 0.89 times the throughput (at least 0.9), 0 errors
";
        assert_eq!(text(&results, &Facts::default()), expected);
        assert_eq!(text(&Results::new(), &Facts::default()), "");
    }

    #[test]
    fn facts_are_judged_without_load() {
        let facts = Facts {
            component: Some(1_500_000),
            cold_start: Some(ColdStart {
                listening: 300.0,
                first_request: 20.0,
            }),
        };
        let alone = Key {
            operation: Operation::Refresh,
            ..key(Who::Service, 1)
        };
        let quick = Measured {
            p50: 0.5,
            ..Measured::default()
        };
        let expected = "\
Goals, at 16 clients unless said otherwise:

- reached: refresh (MariaDB) with 1 client: p50 0.50 ms (under 1)
- **missed**: the HTTP component: 1.50 MB (under 1.5)
- reached: cold start (MariaDB): the first request takes 20.0 ms (under 100), listening begins after 300 ms
";
        assert_eq!(text(&Results::from([(alone, quick)]), &facts), expected);
    }
}
