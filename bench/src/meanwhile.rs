//! What other clients see while something large is done, and what they saw before it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use crate::load::{Clients, Work};
use crate::operation::Operation;
use crate::tally::{Tally, Window};
use crate::target::Target;

const WARM_UP: Duration = Duration::from_millis(500);

/// How long they are watched before.
const CALM: Duration = Duration::from_secs(10);

/// No work takes as long.
const LONGEST: Duration = Duration::from_secs(3600);

/// What the clients saw in one of the two stretches.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen {
    /// Requests per second.
    pub(crate) throughput: f64,
    /// The latency that 99 % stay below, in milliseconds.
    pub(crate) p99: f64,
    /// Requests that were not answered as they should.
    pub(crate) errors: u64,
}

/// Both stretches.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Beside {
    /// Without the work.
    pub(crate) before: Seen,
    /// With it.
    pub(crate) meanwhile: Seen,
    /// How long the work took.
    pub(crate) duration: Duration,
}

impl Beside {
    /// Does the work while that many clients go on with the mix, after they have gone on without it for a while.
    pub(crate) async fn others(
        target: &Arc<Target>,
        clients: usize,
        work: impl Future<Output = Result<()>>,
    ) -> Result<Self> {
        let calm = async {
            tokio::time::sleep(CALM).await;
            Ok(())
        };
        let (before, _) = watch(target, clients, calm).await?;
        let (meanwhile, duration) = watch(target, clients, work).await?;
        Ok(Self {
            before,
            meanwhile,
            duration,
        })
    }
}

async fn watch(
    target: &Arc<Target>,
    clients: usize,
    work: impl Future<Output = Result<()>>,
) -> Result<(Seen, Duration)> {
    let mix = Work::Operation(Operation::Mix);
    let clients = Clients::prepare(target, mix, clients).await?;
    let window = Window::after(WARM_UP, LONGEST);
    let load = tokio::spawn(clients.run(window.clone()));
    tokio::time::sleep_until(window.from.into()).await;
    let began = Instant::now();
    let outcome = work.await;
    let duration = began.elapsed();
    window.stop();
    let tally = load.await.expect("the load does not panic");
    outcome.context("the work beside the clients failed")?;
    if let Some(complaint) = tally.complaint() {
        eprintln!("  {} errors: {complaint:.200}", tally.errors());
    }
    Ok((Seen::from(&tally), duration))
}

impl From<&Tally> for Seen {
    fn from(tally: &Tally) -> Self {
        Self {
            throughput: tally.throughput(),
            p99: tally.percentile(99.0),
            errors: tally.errors(),
        }
    }
}
