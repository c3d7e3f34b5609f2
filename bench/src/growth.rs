//! The same operations with few and with many sessions in the table.

use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::args::{Args, Database};
use crate::goals;
use crate::load::Work;
use crate::machine;
use crate::measure::{Measured, Timing, measure, median};
use crate::operation::Operation;
use crate::report::{self, Section};
use crate::runtime::Runtime;
use crate::seeded_service::{self, SeededService};
use crate::table::{Table, fine, whole};

const PAUSE: Duration = Duration::from_millis(200);

/// The least ratio of the throughput with the most sessions to that with the fewest.
const GOAL: f64 = 0.85;

/// Measures, and prints a table for each database. After a failure it prints what there is.
pub(crate) fn run(args: &Args) -> Result<()> {
    let runtime = Runtime::prepare(args.runtime)?;
    let mut text = format!(
        "On {}. Runtime: {}. Medians of {} rounds of {} s. The sessions that are read, written, refreshed and \
         verified are any of the table's; MariaDB has a buffer pool of 1 GiB.\n",
        machine::description(),
        runtime.name(),
        args.rounds,
        args.window.as_secs_f64()
    );
    let mut sizes = args.sessions.clone();
    sizes.sort_unstable();
    let mut outcome = Ok(());
    for &database in &args.databases {
        let mut part = Part::new(&sizes);
        outcome = part.fill(args, database, &runtime);
        text += &format!("\n{}\n{}", part.table.render(), part.verdicts);
        if outcome.is_err() {
            text += "\n**Incomplete**: the measurement failed.\n";
            break;
        }
    }
    println!("{text}");
    outcome?;
    if args.write {
        report::write(Section::Growth, &text)?;
    }
    Ok(())
}

/// What is known of one database.
struct Part<'a> {
    sizes: &'a [u64],
    table: Table,
    verdicts: String,
}

impl<'a> Part<'a> {
    fn new(sizes: &'a [u64]) -> Self {
        Self {
            sizes,
            table: Table::new(&headings(sizes), 3),
            verdicts: String::new(),
        }
    }

    fn fill(&mut self, args: &Args, database: Database, runtime: &Runtime) -> Result<()> {
        let server = seeded_service::server(database)?;
        let loop_runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .context("failed to start a runtime")?;
        let stages: Vec<SeededService<'_>> = self
            .sizes
            .iter()
            .map(|&size| SeededService::start(runtime, &loop_runtime, server.as_ref(), size))
            .collect::<Result<_>>()?;
        for &clients in &args.clients {
            for &operation in &args.operations {
                let results = measure_in_turn(args, &loop_runtime, &stages, operation, clients)?;
                self.verdicts += &verdict(self.sizes, clients, operation, &results);
                self.table.row(row(database, clients, operation, &results));
            }
        }
        Ok(())
    }
}

fn measure_in_turn(
    args: &Args,
    runtime: &tokio::runtime::Runtime,
    stages: &[SeededService<'_>],
    operation: Operation,
    clients: usize,
) -> Result<Vec<Measured>> {
    let timing = Timing::seconds(args.window.as_secs_f64());
    let mut rounds: Vec<Vec<Measured>> = vec![Vec::new(); stages.len()];
    for round in 0..args.rounds {
        for turn in 0..stages.len() {
            let index = (turn + round) % stages.len();
            thread::sleep(PAUSE);
            let work = Work::Operation(operation);
            let measured = runtime.block_on(measure(&stages[index].system, work, clients, timing));
            let measured = measured.with_context(|| format!("failed to measure {operation}"))?;
            eprintln!(
                "  round {} {operation:<7} {:>9} sessions {:>7.0}/s p99 {:>8.2} ms {}",
                round + 1,
                stages[index].sessions,
                measured.throughput,
                measured.p99,
                measured.complaint.as_deref().unwrap_or_default()
            );
            rounds[index].push(measured);
        }
    }
    Ok(rounds.iter().map(|all| median(all)).collect())
}

fn headings(sizes: &[u64]) -> Vec<String> {
    let mut headings = ["database", "clients", "operation"]
        .map(str::to_owned)
        .to_vec();
    headings.extend(
        sizes
            .iter()
            .map(|&size| format!("/s at {}", whole(size as f64))),
    );
    headings.extend(
        sizes
            .iter()
            .map(|&size| format!("p99 at {}", whole(size as f64))),
    );
    headings.extend(["errors", "ratio"].map(str::to_owned));
    headings
}

fn row(
    database: Database,
    clients: usize,
    operation: Operation,
    results: &[Measured],
) -> Vec<String> {
    let mut cells = vec![
        database.name().to_owned(),
        clients.to_string(),
        operation.to_string(),
    ];
    cells.extend(results.iter().map(|measured| whole(measured.throughput)));
    cells.extend(results.iter().map(|measured| fine(measured.p99)));
    let errors: u64 = results.iter().map(|measured| measured.errors).sum();
    cells.extend([errors.to_string(), fine(ratio(results))]);
    cells
}

/// Nothing if there are no two sizes to compare.
fn verdict(sizes: &[u64], clients: usize, operation: Operation, results: &[Measured]) -> String {
    let (Some(fewest), Some(most)) = (sizes.first(), sizes.last()) else {
        return String::new();
    };
    if fewest == most {
        return String::new();
    }
    let (ratio, fewest, most) = (ratio(results), whole(*fewest as f64), whole(*most as f64));
    goals::line(
        ratio >= GOAL,
        &format!(
            "{operation} with {clients} clients: at {most} sessions {ratio:.2} times the throughput at {fewest} (at least {GOAL})"
        ),
    )
}

fn ratio(results: &[Measured]) -> f64 {
    match (results.first(), results.last()) {
        (Some(first), Some(last)) => last.throughput / first.throughput,
        _ => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(throughput: f64) -> Measured {
        Measured {
            throughput,
            ..Measured::default()
        }
    }

    #[test]
    fn the_most_sessions_are_judged_by_the_fewest() {
        let results = [at(1_000.0), at(10.0), at(850.0)];
        let sizes = [1_000, 100_000, 1_000_000];
        let text = verdict(&sizes, 16, Operation::Read, &results);
        assert_eq!(
            text,
            "- reached: read with 16 clients: at 1,000,000 sessions 0.85 times the throughput at 1,000 (at least 0.85)\n"
        );
        let text = verdict(&sizes[..2], 16, Operation::Read, &results[..2]);
        assert!(text.starts_with("- **missed**: read with 16 clients: at 100,000 "));
        assert_eq!(verdict(&[1_000], 16, Operation::Read, &results[..1]), "");
    }
}
