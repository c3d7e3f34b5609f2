//! The table of the comparison.

use crate::compare::{Key, Results, Who};
use crate::measure::Measured;
use crate::operation::Operation;
use crate::table::{Table, fine, finest, nothing, whole};

/// What tables call a system.
pub(crate) fn name(who: Who) -> &'static str {
    match who {
        Who::Service => "service",
        Who::Peer => "peer",
        Who::Bare => "bare",
    }
}

/// All figures, and the service's ratio to the others.
pub(crate) fn table(results: &Results) -> Table {
    let headings = [
        "database",
        "clients",
        "operation",
        "system",
        "requests/s",
        "p50",
        "p99",
        "errors",
        "CPU",
        "database CPU",
        "memory MiB",
        "x peer",
        "x bare",
    ];
    let mut table = Table::new(&headings, 4);
    for (key, measured) in results {
        let (peer, bare) = match key.who {
            Who::Service => (
                beside(results, *key, Who::Peer),
                beside(results, *key, Who::Bare),
            ),
            Who::Peer | Who::Bare => (None, None),
        };
        let ratio = |other: Option<&Measured>| {
            other.map_or_else(nothing, |other| {
                fine(measured.throughput / other.throughput)
            })
        };
        let bare_itself = key.who == Who::Bare;
        table.row(vec![
            if bare_itself {
                nothing()
            } else {
                key.database.name().to_owned()
            },
            key.clients.to_string(),
            if bare_itself {
                nothing()
            } else {
                key.operation.to_string()
            },
            name(key.who).to_owned(),
            whole(measured.throughput),
            fine(measured.p50),
            fine(measured.p99),
            measured.errors.to_string(),
            finest(measured.cpu),
            measured.database_cpu.map_or_else(nothing, finest),
            whole(measured.memory as f64 / f64::from(1 << 20)),
            ratio(peer),
            ratio(bare),
        ]);
    }
    table
}

/// What another system reached in the place of `key`'s. The bare component does the same for every operation.
pub(crate) fn beside(results: &Results, key: Key, who: Who) -> Option<&Measured> {
    let operation = match who {
        Who::Bare => Operation::Verify,
        Who::Service | Who::Peer => key.operation,
    };
    results.get(&Key {
        operation,
        who,
        ..key
    })
}
