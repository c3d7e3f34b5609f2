//! The cron trigger: schedules that follow the host's clock, and runs of components, each in an
//! instance of its own.

use std::sync::Arc;
use std::time::Duration;

use crate::app::{App, Component};
use crate::bindings::cron::SpinCronPre;
use crate::bindings::cron::fermyon::spin_cron::cron_types::{Error, Metadata};
use crate::clock::Clock;
use crate::engine::Engine;
use crate::guest::Guest;
use crate::schedule::Schedule;

/// All schedules with what they run.
pub(crate) struct CronTrigger {
    clock: Arc<Clock>,
    jobs: Vec<Job>,
}

#[derive(Clone)]
struct Job {
    schedule: Schedule,
    runner: Arc<Runner>,
}

/// How ticks went.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) ticks: u64,
    pub(crate) failed: u64,
}

impl CronTrigger {
    /// Makes the components of all schedules ready.
    pub(crate) fn new(app: &Arc<App>, engine: &Engine) -> Result<Self, String> {
        let mut jobs: Vec<Job> = Vec::new();
        for (schedule, component) in &app.schedules {
            let known = jobs
                .iter()
                .find(|job| job.runner.component.id == component.id);
            let runner = match known {
                Some(job) => job.runner.clone(),
                None => Arc::new(Runner::new(app, component, engine)?),
            };
            jobs.push(Job {
                schedule: schedule.clone(),
                runner,
            });
        }
        Ok(Self {
            clock: app.clock.clone(),
            jobs,
        })
    }

    /// Starts running ticks as they become due. A run does not wait for the one before.
    pub(crate) fn start(&self) {
        for job in &self.jobs {
            tokio::spawn(job.clone().follow(self.clock.clone()));
        }
    }

    /// Runs every tick after `from` up to `to` (milliseconds) in order, one at a time, while the
    /// clock stands at its instant.
    pub(crate) async fn run_due(&self, from: i64, to: i64) -> Tally {
        let mut tally = Tally::default();
        let mut next: Vec<_> = self
            .jobs
            .iter()
            .map(|job| job.schedule.next_after(from))
            .collect();
        while let Some((index, at)) = next
            .iter()
            .enumerate()
            .filter_map(|(index, at)| at.filter(|at| *at <= to).map(|at| (index, at)))
            .min_by_key(|&(index, at)| (at, index))
        {
            let job = &self.jobs[index];
            next[index] = job.schedule.next_after(at);
            self.clock.freeze(at);
            tally.ticks += 1;
            if job.runner.run_logged(seconds(at)).await.is_err() {
                tally.failed += 1;
            }
        }
        tally
    }

    /// Runs a component once, now. `None` if no schedule has it.
    pub(crate) async fn tick(
        &self,
        component: &str,
        timestamp: Option<u64>,
    ) -> Option<Result<(), String>> {
        let job = self
            .jobs
            .iter()
            .find(|job| job.runner.component.id == component)?;
        let timestamp = timestamp.unwrap_or_else(|| seconds(self.clock.now_ms()));
        Some(job.runner.run_logged(timestamp).await)
    }
}

impl Job {
    async fn follow(self, clock: Arc<Clock>) {
        let mut changes = clock.changes();
        let mut after = clock.now_ms();
        loop {
            let next = self.schedule.next_after(after);
            let due = async {
                match next {
                    Some(next) => until(&clock, next).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                // What a jump has passed over is not made up for, unless `run_due` asks for it.
                _ = changes.changed() => after = clock.now_ms(),
                at = due => {
                    let runner = self.runner.clone();
                    tokio::spawn(async move { runner.run_logged(seconds(at)).await });
                    after = at.max(clock.now_ms());
                }
            }
        }
    }
}

/// Waits until a clock that nobody touches shows `at`.
async fn until(clock: &Clock, at: i64) -> i64 {
    loop {
        let rest = at - clock.now_ms();
        if rest <= 0 {
            return at;
        }
        if clock.is_frozen() {
            std::future::pending::<()>().await;
        }
        // No longer than a minute at a time: the real clock may be set as well.
        let rest = Duration::from_millis(rest.unsigned_abs()).min(Duration::from_secs(60));
        tokio::time::sleep(rest).await;
    }
}

fn seconds(ms: i64) -> u64 {
    ms.max(0).unsigned_abs() / 1_000
}

/// Runs one component.
struct Runner {
    app: Arc<App>,
    component: Arc<Component>,
    engine: Engine,
    entry: SpinCronPre<Guest>,
}

impl Runner {
    fn new(app: &Arc<App>, component: &Arc<Component>, engine: &Engine) -> Result<Self, String> {
        let id = &component.id;
        let loaded = engine.load(component)?;
        let too_new: Vec<_> = engine
            .imports(&loaded)
            .into_iter()
            .filter(|name| is_too_new(name))
            .collect();
        if !too_new.is_empty() {
            return Err(format!(
                "component '{id}' imports what Spin's cron trigger does not have: {}",
                too_new.join(", ")
            ));
        }
        let entry = SpinCronPre::new(loaded).map_err(|error| {
            format!("component '{id}' does not export handle-cron-event: {error:#}")
        })?;
        Ok(Self {
            app: app.clone(),
            component: component.clone(),
            engine: engine.clone(),
            entry,
        })
    }

    async fn run_logged(&self, timestamp: u64) -> Result<(), String> {
        let result = self.run(timestamp).await;
        if let Err(error) = &result {
            let line = error.split_whitespace().collect::<Vec<_>>().join(" ");
            eprintln!(
                "component '{}' failed at tick {timestamp}: {line}",
                self.component.id
            );
        }
        result
    }

    async fn run(&self, timestamp: u64) -> Result<(), String> {
        let trapped = |error: wasmtime::Error| {
            self.app.test_controls.stats.trap();
            format!("trapped: {error:#}")
        };
        let mut store = self
            .engine
            .store(&self.app, &self.component, None)
            .map_err(|error| format!("cannot start: {error:#}"))?;
        let entry = self
            .entry
            .instantiate_async(&mut store)
            .await
            .map_err(|error| format!("cannot start: {error:#}"))?;
        let result = entry
            .call_handle_cron_event(&mut store, Metadata { timestamp })
            .await;
        result.map_err(trapped)?.map_err(|Error::Other(text)| text)
    }
}

/// The plugin embeds Spin 3.5.
fn is_too_new(import: &str) -> bool {
    let (interface, version) = import.split_once('@').unwrap_or((import, ""));
    match interface
        .split_once('/')
        .map_or(interface, |(package, _)| package)
    {
        "spin:mysql" | "spin:variables" => true,
        "spin:sqlite" => version != "3.0.0",
        package => package.starts_with("wasi:") && version.starts_with("0.3"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn waiting_ends_when_the_clock_gets_there() {
        let clock = Clock::new();
        clock.set(1_000_000);
        assert_eq!(until(&clock, 1_000_020).await, 1_000_020);
        assert!(clock.now_ms() >= 1_000_020);
        clock.freeze(5);
        let waiting = tokio::time::timeout(Duration::from_millis(30), until(&clock, 10));
        assert!(waiting.await.is_err());
    }

    #[test]
    fn what_spin_3_does_not_have_is_too_new() {
        for name in [
            "wasi:clocks/system-clock@0.3.0",
            "spin:mysql/mysql@3.0.0",
            "spin:sqlite/sqlite@3.1.0",
        ] {
            assert!(is_too_new(name), "{name}");
        }
        for name in [
            "wasi:clocks/wall-clock@0.2.6",
            "fermyon:spin/mysql@2.0.0",
            "spin:sqlite/sqlite@3.0.0",
        ] {
            assert!(!is_too_new(name), "{name}");
        }
    }
}
