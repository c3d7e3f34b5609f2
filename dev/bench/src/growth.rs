//! The same operations with few and with many sessions in the table.

use std::thread;
use std::time::Instant;

use anyhow::{Context as _, Result};

use crate::args::Args;
use crate::compare::PAUSE;
use crate::filled::{self, FilledService};
use crate::measure::{Measured, measure, median};
use crate::operation::Operation;
use crate::report::{Report, conditions, fine, whole};
use crate::runtime::Runtime;

/// The least ratio of the throughput with the most sessions to that with the fewest.
const GOAL: f64 = 0.85;

/// Measures, and prints a table.
pub(crate) fn run(args: &Args, event_loop: &tokio::runtime::Runtime) -> Result<()> {
    let runtime = Runtime::prepare(args.runtime)?;
    let introduction = format!(
        "{} Runtime: {}. Medians of {} rounds of {} s. The sessions that are read, written, refreshed and verified \
         are any of the table's; MariaDB has a buffer pool of 1 GiB. Pages are those that it wrote for each request \
         (`Innodb_pages_written`), also for the requests before.",
        conditions(),
        runtime.name(),
        args.rounds(),
        args.window.as_secs_f64()
    );
    let server = filled::server()?;
    let mut sizes = args.sessions();
    sizes.sort_unstable();
    let services = sizes
        .iter()
        .map(|&size| FilledService::start(&runtime, event_loop, &server, size))
        .collect::<Result<Vec<_>>>()?;
    let mut measured = Vec::new();
    for clients in args.clients() {
        for operation in args.operations() {
            let results = in_turn(args, event_loop, &services, operation, clients)?;
            measured.push((operation, clients, results));
        }
    }
    report(&introduction, &sizes, &measured).publish(args.write)
}

fn in_turn(
    args: &Args,
    event_loop: &tokio::runtime::Runtime,
    services: &[FilledService<'_>],
    operation: Operation,
    clients: usize,
) -> Result<Vec<Measured>> {
    let mut rounds: Vec<Vec<Measured>> = vec![Vec::new(); services.len()];
    for round in 0..args.rounds() {
        for turn in 0..services.len() {
            let index = (turn + round) % services.len();
            thread::sleep(PAUSE);
            let service = &services[index];
            let (pages, began) = (service.pages_written()?, Instant::now());
            let measuring = measure(&service.system, operation, clients, args.window);
            let measured = event_loop.block_on(measuring);
            let mut measured =
                measured.with_context(|| format!("failed to measure {operation}"))?;
            let pages = (service.pages_written()? - pages) / began.elapsed().as_secs_f64();
            measured.pages = pages / measured.throughput.max(1.0);
            eprintln!(
                "  round {} {operation:<7} {:>9} sessions {:>7.0}/s p99 {:>8.2} ms {}",
                round + 1,
                service.sessions,
                measured.throughput,
                measured.p99,
                measured.complaint.as_deref().unwrap_or_default()
            );
            rounds[index].push(measured);
        }
    }
    Ok(rounds.iter().map(|all| median(all)).collect())
}

fn report(
    introduction: &str,
    sizes: &[u64],
    measured: &[(Operation, usize, Vec<Measured>)],
) -> Report {
    let sizes: Vec<String> = sizes.iter().map(|&size| whole(size as f64)).collect();
    let mut headings: Vec<String> = ["clients", "operation"].map(str::to_owned).to_vec();
    headings.extend(sizes.iter().map(|size| format!("/s at {size}")));
    headings.extend(sizes.iter().map(|size| format!("p99 at {size}")));
    headings.extend(sizes.iter().map(|size| format!("pages at {size}")));
    headings.extend(["errors", "ratio"].map(str::to_owned));
    let mut rows = vec![headings];
    let ratio =
        |results: &[Measured]| results[results.len() - 1].throughput / results[0].throughput;
    for (operation, clients, results) in measured {
        let mut row = vec![clients.to_string(), operation.to_string()];
        row.extend(results.iter().map(|measured| whole(measured.throughput)));
        row.extend(results.iter().map(|measured| fine(measured.p99)));
        row.extend(results.iter().map(|measured| fine(measured.pages)));
        let errors: u64 = results.iter().map(|measured| measured.errors).sum();
        row.extend([errors.to_string(), fine(ratio(results))]);
        rows.push(row);
    }
    let mut report = Report::new("Growth", introduction);
    report.table(&rows);
    if let [fewest, .., most] = &sizes[..] {
        for (operation, clients, results) in measured {
            let ratio = ratio(results);
            report.verdict(
                ratio >= GOAL,
                &format!("{operation} with {clients} clients: at {most} sessions {ratio:.2} times the throughput at {fewest} (at least {GOAL})"),
            );
        }
    }
    report
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_sessions_are_judged_by_the_fewest() {
        let at = |throughput| Measured {
            throughput,
            ..Measured::default()
        };
        let results = vec![at(1_000.0), at(10.0), at(840.0)];
        let text = report(
            "",
            &[1_000, 10_000, 100_000],
            &[(Operation::Read, 16, results)],
        );
        let line = "- **missed**: read with 16 clients: at 100,000 sessions 0.84 times the throughput at 1,000 (at least 0.85)\n";
        assert!(text.text().ends_with(line), "{}", text.text());
        let text = report("", &[1_000], &[(Operation::Read, 16, vec![at(1.0)])]);
        assert!(!text.text().contains("read with"));
    }
}
