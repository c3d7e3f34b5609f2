//! What the service is to reach beside other systems, and whether it does.

use std::collections::BTreeMap;

use crate::args::Database;
use crate::measure::Measured;
use crate::operation::Operation::{self, Chain, Create, Refresh, Verify};
use crate::report::Report;
use crate::system::Who;

/// What was measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    /// The database of the service.
    pub(crate) database: Database,
    /// How many clients.
    pub(crate) clients: usize,
    /// Which operation. The bare component has only one, which stands for all of them.
    pub(crate) operation: Operation,
    /// Which system.
    pub(crate) who: Who,
}

/// The medians of all rounds.
pub(crate) type Results = BTreeMap<Key, Measured>;

/// How many clients the goals are about.
const CLIENTS: usize = 16;

/// With this many the service must not be much slower than with [`CLIENTS`].
const CROWD: usize = 64;

/// The least ratio of throughput to that of the peer.
const TIMES_THE_PEER: [(Who, Operation, f64); 11] = [
    (Who::Service, Verify, 2.8),
    (Who::Service, Create, 2.0),
    (Who::Service, Refresh, 3.5),
    (Who::Service, Chain, 2.0),
    (Who::Tuned, Verify, 3.0),
    (Who::Tuned, Create, 2.5),
    (Who::Tuned, Refresh, 4.0),
    (Who::Tuned, Chain, 2.5),
    (Who::Wasi02, Verify, 1.0),
    (Who::Wasi02, Create, 0.5),
    (Who::Wasi02, Refresh, 0.5),
];

const VERIFY_TO_BARE: f64 = 0.85;
const CROWD_TO_CLIENTS: f64 = 0.9;

/// The median of refreshes by a single client, in milliseconds.
const SINGLE_REFRESH: f64 = 1.0;

/// What another system reached in the place of `key`'s.
pub(crate) fn beside(results: &Results, key: Key, who: Who) -> Option<&Measured> {
    let operation = match who {
        Who::Bare => Verify,
        _ => key.operation,
    };
    results.get(&Key {
        operation,
        who,
        ..key
    })
}

/// A line for each goal that the results say something about.
pub(crate) fn judge(results: &Results, report: &mut Report) {
    let ours = results.iter().filter(|(key, _)| key.who.is_service());
    for (key, measured) in ours {
        let name = format!(
            "{} of {} ({})",
            key.operation,
            key.who.name(),
            key.database.name()
        );
        match key.clients {
            CLIENTS => {
                beside_the_peer(results, *key, measured, &name, report);
                beside_the_bare_component(results, *key, measured, &name, report);
            }
            CROWD => {
                let clients = CLIENTS;
                if let Some(few) = results.get(&Key { clients, ..*key }) {
                    let ratio = measured.throughput / few.throughput;
                    let least = match key.who {
                        // Nothing is shared between its requests: more clients wait, and none gets an error.
                        Who::Wasi02 => 0.0,
                        _ => CROWD_TO_CLIENTS,
                    };
                    report.verdict(
                        ratio >= least && measured.errors == 0,
                        &format!("{name}: {ratio:.2} times the throughput with {CROWD} clients (at least {least}), {} errors", measured.errors),
                    );
                }
            }
            1 if key.operation == Refresh && key.database == Database::MySql => {
                let p50 = measured.p50;
                report.verdict(
                    p50 < SINGLE_REFRESH,
                    &format!("{name}: p50 {p50:.2} ms with one client (under {SINGLE_REFRESH})"),
                );
            }
            _ => {}
        }
    }
}

fn beside_the_peer(results: &Results, key: Key, ours: &Measured, name: &str, report: &mut Report) {
    let Some(peer) = beside(results, key, Who::Peer) else {
        return;
    };
    let goals = TIMES_THE_PEER.iter();
    for (.., least) in goals.filter(|(who, what, _)| (*who, *what) == (key.who, key.operation)) {
        let ratio = ours.throughput / peer.throughput;
        report.verdict(
            ratio >= *least,
            &format!("{name}: {ratio:.2} times the peer's throughput (at least {least})"),
        );
    }
    if key.who == Who::Wasi02 {
        return;
    }
    report.verdict(
        ours.p99 <= peer.p99,
        &format!(
            "{name}: p99 {:.2} ms, the peer's {:.2} ms",
            ours.p99, peer.p99
        ),
    );
    if key.operation == Verify {
        let ratio = ours.cpu / peer.cpu;
        report.verdict(
            ratio <= 1.0 / 3.0,
            &format!("{name}: {ratio:.2} times the peer's CPU (at most a third)"),
        );
    }
}

fn beside_the_bare_component(
    results: &Results,
    key: Key,
    ours: &Measured,
    name: &str,
    report: &mut Report,
) {
    if let Some(bare) = beside(results, key, Who::Bare)
        && (key.who, key.operation) == (Who::Service, Verify)
    {
        let ratio = ours.throughput / bare.throughput;
        report.verdict(
            ratio >= VERIFY_TO_BARE,
            &format!("{name}: {ratio:.2} times the bare component's throughput (at least {VERIFY_TO_BARE})"),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn goals_are_judged_one_by_one() {
        let entry = |who, clients, operation, (throughput, p99, cpu)| {
            let key = Key {
                database: Database::MySql,
                clients,
                operation,
                who,
            };
            let measured = Measured {
                throughput,
                p50: 0.5,
                p99,
                cpu,
                ..Measured::default()
            };
            (key, measured)
        };
        let results = Results::from([
            entry(Who::Service, 1, Refresh, (1.0, 1.0, 0.1)),
            entry(Who::Service, 16, Verify, (8_400.0, 3.0, 0.1)),
            entry(Who::Service, 64, Verify, (7_500.0, 9.0, 0.1)),
            entry(Who::Tuned, 16, Verify, (8_400.0, 1.5, 0.05)),
            entry(Who::Peer, 16, Verify, (3_000.0, 2.0, 0.2)),
            entry(Who::Bare, 16, Verify, (9_000.0, 1.0, 0.1)),
        ]);
        let mut report = Report::new("Side by side", "");
        judge(&results, &mut report);
        let expected = "
- reached: refresh of service (MariaDB): p50 0.50 ms with one client (under 1)
- reached: verify of service (MariaDB): 2.80 times the peer's throughput (at least 2.8)
- **missed**: verify of service (MariaDB): p99 3.00 ms, the peer's 2.00 ms
- **missed**: verify of service (MariaDB): 0.50 times the peer's CPU (at most a third)
- reached: verify of service (MariaDB): 0.93 times the bare component's throughput (at least 0.85)
- **missed**: verify of service, tuned (MariaDB): 2.80 times the peer's throughput (at least 3)
- reached: verify of service, tuned (MariaDB): p99 1.50 ms, the peer's 2.00 ms
- reached: verify of service, tuned (MariaDB): 0.25 times the peer's CPU (at most a third)
- **missed**: verify of service (MariaDB): 0.89 times the throughput with 64 clients (at least 0.9), 0 errors
";
        assert_eq!(report.text(), expected);
    }
}
