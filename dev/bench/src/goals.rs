//! What the service is to reach beside other systems, and whether it does.

use std::collections::BTreeMap;

use crate::args::Database;
use crate::measure::Measured;
use crate::operation::Operation::{self, Chain, Create, Delete, Read, Refresh, Verify};
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

/// The least ratio of throughput to that of another system with the same operation.
const TIMES: [(Who, Operation, Who, f64); 19] = [
    (Who::Service, Verify, Who::Bare, 0.85),
    (Who::Tuned, Verify, Who::Bare, 0.92),
    (Who::Service, Create, Who::Peer, 2.6),
    (Who::Service, Refresh, Who::Peer, 3.5),
    (Who::Service, Chain, Who::Peer, 3.0),
    (Who::Service, Delete, Who::Peer, 1.0),
    (Who::Service, Read, Who::Peer, 1.2),
    (Who::Tuned, Create, Who::Peer, 2.6),
    (Who::Tuned, Refresh, Who::Peer, 3.5),
    (Who::Tuned, Chain, Who::Peer, 3.0),
    (Who::Tuned, Delete, Who::Peer, 1.0),
    (Who::Tuned, Read, Who::Peer, 1.2),
    (Who::Wasi02, Verify, Who::BareWasi02, 0.75),
    (Who::Wasi02Plain, Verify, Who::BareWasi02, 0.35),
    (Who::Wasi02, Create, Who::BareWasi02, 0.25),
    (Who::Wasi02, Refresh, Who::BareWasi02, 0.25),
    (Who::Feed, Verify, Who::Service, 0.97),
    (Who::TunedFeed, Verify, Who::Tuned, 0.97),
    (Who::CdiEdDsa, Verify, Who::Service, 0.9),
];

const CROWD_TO_CLIENTS: f64 = 0.9;

/// The median of refreshes by a single client, in milliseconds.
const SINGLE_REFRESH: f64 = 1.0;

/// What another system reached in the place of `key`'s.
pub(crate) fn beside(results: &Results, key: Key, who: Who) -> Option<&Measured> {
    let operation = match who {
        who if who.is_bare() => Verify,
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
                beside_others(results, *key, measured, &name, report);
            }
            CROWD => {
                let clients = CLIENTS;
                if let Some(few) = results.get(&Key { clients, ..*key }) {
                    let ratio = measured.throughput / few.throughput;
                    let least = match key.who {
                        // Nothing is shared between its requests: more clients wait, and none gets an error.
                        Who::Wasi02 | Who::Wasi02Plain => 0.0,
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

/// What it reaches beside other systems.
fn beside_others(results: &Results, key: Key, ours: &Measured, name: &str, report: &mut Report) {
    for (who, operation, other, least) in TIMES {
        if (who, operation) == (key.who, key.operation)
            && let Some(others) = beside(results, key, other)
        {
            let (ratio, other) = (ours.throughput / others.throughput, other.name());
            report.verdict(
                ratio >= least,
                &format!("{name}: {ratio:.2} times the throughput of {other} (at least {least})"),
            );
        }
    }
    if let Some(peer) = beside(results, key, Who::Peer)
        && key.who.bare() == Who::Bare
    {
        report.verdict(
            ours.p99 <= peer.p99,
            &format!(
                "{name}: p99 {:.2} ms, the peer's {:.2} ms",
                ours.p99, peer.p99
            ),
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
            entry(Who::Wasi02, 16, Verify, (3_000.0, 3.0, 0.1)),
            entry(Who::BareWasi02, 16, Verify, (6_000.0, 3.0, 0.1)),
        ]);
        let mut report = Report::new("Side by side", "");
        judge(&results, &mut report);
        let expected = "
- reached: refresh of service (MariaDB): p50 0.50 ms with one client (under 1)
- reached: verify of service (MariaDB): 0.93 times the throughput of bare (at least 0.85)
- **missed**: verify of service (MariaDB): p99 3.00 ms, the peer's 2.00 ms
- reached: verify of service, tuned (MariaDB): 0.93 times the throughput of bare (at least 0.92)
- reached: verify of service, tuned (MariaDB): p99 1.50 ms, the peer's 2.00 ms
- **missed**: verify of service, WASI 0.2 (MariaDB): 0.50 times the throughput of bare, WASI 0.2 (at least 0.75)
- **missed**: verify of service (MariaDB): 0.89 times the throughput with 64 clients (at least 0.9), 0 errors
";
        assert_eq!(report.text(), expected);
    }
}
