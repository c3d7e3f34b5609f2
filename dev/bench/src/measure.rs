//! One measurement: a window of load on one system, and what it cost there.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::operation::Operation;
use crate::processes;
use crate::system::System;

const WARM_UP: Duration = Duration::from_millis(300);

/// What a window of load saw and cost.
#[derive(Clone, Debug, Default)]
pub(crate) struct Measured {
    /// Requests per second.
    pub(crate) throughput: f64,
    /// The median latency in milliseconds.
    pub(crate) p50: f64,
    /// The latency that 99 % stay below, in milliseconds.
    pub(crate) p99: f64,
    /// Requests that were not answered as they should.
    pub(crate) errors: u64,
    /// What the first of those errors said.
    pub(crate) complaint: Option<String>,
    /// CPU seconds of the serving process per 1,000 requests.
    pub(crate) cpu: f64,
    /// CPU seconds of the database server per 1,000 requests; 0 if that is no process of its own.
    pub(crate) database_cpu: f64,
    /// The serving process's peak memory, in bytes.
    pub(crate) memory: u64,
    /// The share of all cores that was taken by what has no part in it.
    pub(crate) others: f64,
    /// Pages that the database server wrote for each request, by its own counter; 0 where nobody asked for it.
    pub(crate) pages: f64,
}

/// Puts one system under load for one window.
pub(crate) async fn measure(
    system: &System<'_>,
    operation: Operation,
    clients: usize,
    window: Duration,
) -> Result<Measured> {
    let cpu = || -> Result<[Duration; 4]> {
        let database = system.database.map(|group| group.cpu()).transpose()?;
        let [served, all] = [system.served.group().cpu()?, processes::all()?];
        Ok([served, database.unwrap_or_default(), processes::own()?, all])
    };
    let (mut before, mut began) = (Ok([Duration::ZERO; 4]), Instant::now());
    let load = system
        .target
        .load(operation, clients, (WARM_UP, window), async |_| {
            before = system.served.group().forget_peak().and_then(|()| cpu());
            began = Instant::now();
        });
    let tally = load.await?;
    let (before, after, window) = (before?, cpu()?, began.elapsed());
    let used = |index: usize| after[index].saturating_sub(before[index]).as_secs_f64();
    let per_thousand = |index: usize| used(index) * 1000.0 / (tally.requests().max(1) as f64);
    let others = used(3) - used(0) - used(1) - used(2);
    let cores = thread::available_parallelism()?.get() as f64;
    Ok(Measured {
        throughput: tally.throughput(),
        p50: tally.percentile(50.0),
        p99: tally.percentile(99.0),
        errors: tally.errors,
        cpu: per_thousand(0),
        database_cpu: per_thousand(1),
        memory: system.served.group().peak_memory()?,
        others: (others / window.as_secs_f64() / cores).max(0.0),
        complaint: tally.complaint,
        pages: 0.0,
    })
}

/// The medians of several rounds of the same measurement; errors are added up.
pub(crate) fn median(rounds: &[Measured]) -> Measured {
    let of = |value: fn(&Measured) -> f64| median_of(rounds.iter().map(value));
    Measured {
        throughput: of(|m| m.throughput),
        p50: of(|m| m.p50),
        p99: of(|m| m.p99),
        errors: rounds.iter().map(|m| m.errors).sum(),
        complaint: rounds.iter().find_map(|m| m.complaint.clone()),
        cpu: of(|m| m.cpu),
        database_cpu: of(|m| m.database_cpu),
        memory: rounds.iter().map(|m| m.memory).max().unwrap_or(0),
        others: of(|m| m.others),
        pages: of(|m| m.pages),
    }
}

/// The median; that of nothing is 0.
pub(crate) fn median_of(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    match (values.len(), values.len() / 2) {
        (0, _) => 0.0,
        (length, middle) if length % 2 == 1 => values[middle],
        (_, middle) => (values[middle - 1] + values[middle]) / 2.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_that_of_each_figure() {
        let round = |throughput, p99, errors| Measured {
            throughput,
            p99,
            errors,
            ..Measured::default()
        };
        let all = [round(1.0, 9.0, 0), round(5.0, 7.0, 1), round(3.0, 8.0, 2)];
        let median = median(&all);
        let figures = (median.throughput, median.p99, median.errors);
        assert_eq!(figures, (3.0, 8.0, 3));
        assert_eq!(median_of([1.0, 2.0].into_iter()), 1.5);
    }
}
