//! What the service is to reach, and whether it does.

use crate::args::Database;
use crate::compare::{Key, Results, Who};
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

/// A line for each goal that the results say something about.
pub(crate) fn text(results: &Results) -> String {
    let mut lines = Vec::new();
    let at_16 = |key: &&Key| key.who == Who::Service && key.clients == CLIENTS;
    for key in results.keys().filter(at_16) {
        against_others(results, *key, &mut lines);
    }
    for key in results.keys().filter(at_16) {
        against_a_crowd(results, *key, &mut lines);
    }
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

/// A line of a verdict.
pub(crate) fn line(reached: bool, text: &str) -> String {
    let word = if reached { "reached" } else { "**missed**" };
    format!("- {word}: {text}\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::Measured;

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
        assert_eq!(text(&results), expected);
        assert_eq!(text(&Results::new()), "");
    }
}
