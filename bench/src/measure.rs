//! One measurement: a window of load on one system, and what it cost there.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;

use crate::load::{Clients, Work};
use crate::processes::Group;
use crate::tally::Window;
use crate::target::Target;

/// A system that is measured.
pub(crate) struct System {
    /// Where load goes to.
    pub(crate) target: Arc<Target>,
    /// The process that serves.
    pub(crate) server: Group,
    /// The database server, if that is a process of its own.
    pub(crate) database: Option<Group>,
}

/// How long to measure.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timing {
    /// Load before it counts.
    pub(crate) warm_up: Duration,
    /// Load that counts.
    pub(crate) window: Duration,
}

impl Timing {
    /// A window of that many seconds.
    pub(crate) fn seconds(seconds: f64) -> Self {
        Self {
            warm_up: Duration::from_millis(300),
            window: Duration::from_secs_f64(seconds),
        }
    }
}

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
    /// CPU seconds of the database server per 1,000 requests.
    pub(crate) database_cpu: Option<f64>,
    /// The serving process's peak memory, in bytes.
    pub(crate) memory: u64,
}

/// Puts one system under load for one window.
pub(crate) async fn measure(
    system: &System,
    work: Work,
    clients: usize,
    timing: Timing,
) -> Result<Measured> {
    let target = &system.target;
    if let Work::Operation(operation) = work {
        let seconds = (timing.warm_up + timing.window).as_secs_f64();
        target.prepare(operation, clients, seconds).await?;
    }
    let clients_ready = Clients::prepare(target, work, clients).await?;
    let window = Window::after(timing.warm_up, timing.window);
    let load = tokio::spawn(clients_ready.run(window.clone()));
    tokio::time::sleep_until(window.from.into()).await;
    system.server.forget_peak()?;
    let before = Costs::of(system)?;
    let tally = load.await.expect("the load does not panic");
    let after = Costs::of(system)?;
    let memory = system.server.peak_memory()?;
    if let Work::Operation(operation) = work {
        target.note_rate(operation, clients, tally.throughput());
    }
    let per_thousand =
        |cost: Duration| cost.as_secs_f64() * 1000.0 / (tally.requests().max(1) as f64);
    Ok(Measured {
        throughput: tally.throughput(),
        p50: tally.percentile(50.0),
        p99: tally.percentile(99.0),
        errors: tally.errors(),
        complaint: tally.complaint().map(str::to_owned),
        cpu: per_thousand(after.server.saturating_sub(before.server)),
        database_cpu: after
            .database
            .zip(before.database)
            .map(|(after, before)| per_thousand(after.saturating_sub(before))),
        memory,
    })
}

struct Costs {
    server: Duration,
    database: Option<Duration>,
}

impl Costs {
    fn of(system: &System) -> Result<Self> {
        Ok(Self {
            server: system.server.cpu()?,
            database: system.database.map(|group| group.cpu()).transpose()?,
        })
    }
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
        database_cpu: rounds
            .iter()
            .all(|m| m.database_cpu.is_some())
            .then(|| of(|m| m.database_cpu.unwrap_or_default())),
        memory: rounds.iter().map(|m| m.memory).max().unwrap_or(0),
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
        assert_eq!(
            (median.throughput, median.p99, median.errors),
            (3.0, 8.0, 3)
        );
        assert_eq!(median_of([1.0, 2.0].into_iter()), 1.5);
    }
}
