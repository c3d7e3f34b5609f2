//! A service's clock, counters and faults, through the host's control API. On Spin there is none: the test ends there.

use std::sync::atomic::Ordering;
use std::time::Duration;

use testbed::service::{Action, Control, FaultRule, FaultState, On, Stats, Tick};

use crate::backend::Backend;
use crate::harness::left_out;
use crate::service::Service;
use crate::time::MINUTE;

const CLOCK: &str = "moves the clock";
const TICK: &str = "runs the scheduled component";
const COUNT: &str = "counts statements and instances";
const FAULT: &str = "makes the database fail";

impl Service {
    /// What the control API answers; panics if it does not. Ends the test where there is none.
    async fn ask<T, E: std::fmt::Debug>(
        &self,
        what_for: &'static str,
        question: impl AsyncFnOnce(&Control) -> Result<T, E>,
    ) -> T {
        match self.process.control() {
            Some(control) => question(control).await.expect("the host answers"),
            None => left_out(what_for).await,
        }
    }

    /// Whether its clock can be moved, and faults be planted: not on Spin.
    pub fn has_control(&self) -> bool {
        self.process.control().is_some()
    }

    /// Stops the service's clock at the next whole minute, and returns that instant.
    pub async fn freeze(&self) -> i64 {
        let now = self.ask(CLOCK, async |host| host.now_ms().await).await;
        let minute = (now / MINUTE + 1) * MINUTE;
        self.freeze_at(minute).await;
        minute
    }

    /// Stops the service's clock at an instant.
    pub async fn freeze_at(&self, now: i64) {
        self.ask(CLOCK, async |host| host.freeze_at_ms(now).await)
            .await;
        self.frozen_at.store(now, Ordering::Relaxed);
    }

    /// Moves a clock that stands still.
    pub async fn advance(&self, milliseconds: i64) {
        self.ask(CLOCK, async |_| Ok::<_, ()>(())).await;
        self.freeze_at(self.now() + milliseconds).await;
    }

    /// Where the clock stands. Panics if it runs.
    #[track_caller]
    pub fn now(&self) -> i64 {
        let now = self.frozen_at.load(Ordering::Relaxed);
        assert_ne!(now, 0, "the clock does not stand still");
        now
    }

    /// Runs the scheduled component once.
    pub async fn tick(&self) {
        let tick = self.tick_unchecked().await;
        assert!(tick.ok, "{tick:?}\n{}", self.log());
    }

    /// Runs the scheduled component once, whatever comes of it.
    pub async fn tick_unchecked(&self) -> Tick {
        self.ask(TICK, async |host| host.tick("session-maintenance").await)
            .await
    }

    /// Runs the scheduled component once, in a process that may not live to tell.
    pub async fn tick_that_may_be_lost(&self) {
        let tick = async |host: &Control| Ok::<_, ()>(host.tick("session-maintenance").await.ok());
        self.ask(TICK, tick).await;
    }

    /// Moves a clock that stands still, running the scheduled component whenever it is due on the way. Returns how
    /// often it was.
    pub async fn advance_with_ticks(&self, milliseconds: i64) -> u64 {
        let advance = async |host: &Control| host.advance_running_due_ms(milliseconds).await;
        let clock = self.ask(TICK, advance).await;
        assert_eq!(clock.failed, 0, "ticks failed\n{}", self.log());
        self.advance(milliseconds).await;
        clock.ticks
    }

    /// Starts counting statements from here.
    pub async fn forget_statements(&self) {
        self.ask(COUNT, async |host| host.reset_stats().await).await;
    }

    /// How many statements the database was given.
    pub async fn statements(&self) -> u64 {
        self.stats().await.statements_run()
    }

    /// What the host counted.
    pub async fn stats(&self) -> Stats {
        self.ask(COUNT, async |host| host.stats().await).await
    }

    /// Panics if an instance trapped or did what would hurt Spin.
    pub async fn assert_no_traps(&self) {
        let stats = self.stats().await;
        let bad = (stats.traps, &*stats.violations);
        assert_eq!(bad, (0, &[][..]), "{}", self.log());
    }

    /// From here on every connection and statement fails as if the database had gone.
    pub async fn database_away(&self) {
        self.faults(&[
            FaultRule::new(On::Open, gone()).for_ever(),
            FaultRule::new(On::Statement, self.lost()).for_ever(),
        ])
        .await;
    }

    /// What a statement meets when the database goes.
    fn lost(&self) -> Action {
        match self.place().backend() {
            Backend::Sqlite => gone(),
            Backend::MariaDb | Backend::MySql9 => Action::cut_before(),
        }
    }

    /// Ends [`Service::database_away`] and every other fault.
    pub async fn database_back(&self) {
        self.ask(FAULT, async |host| host.clear_faults().await)
            .await;
    }

    /// Lets database calls fail by rules, in place of all earlier ones.
    pub async fn faults(&self, rules: &[FaultRule]) {
        self.ask(FAULT, async |host| host.set_faults(rules).await)
            .await;
    }

    /// Has the provider of variables give another value from now on.
    pub async fn change_variable(&self, name: &str, value: &str) {
        let change = async |host: &Control| host.change_variable(name, value).await;
        self.ask("changes a variable", change).await;
    }

    /// How often the rules in force have acted.
    pub async fn fired(&self) -> u64 {
        self.rules_in_force()
            .await
            .iter()
            .map(|rule| rule.fired)
            .sum()
    }

    /// The rules in force, and how often each has acted.
    pub async fn rules_in_force(&self) -> Vec<FaultState> {
        self.ask(FAULT, async |host| host.faults().await).await
    }

    /// Lets the next statement that contains `sql` wait under a name.
    pub async fn pause_at(&self, sql: &str, name: &str) {
        let rule = FaultRule::new(On::Statement, Action::pause(name)).sql_contains(sql);
        self.faults(&[rule]).await;
    }

    /// Waits until a statement has arrived at a pause.
    pub async fn wait_until_paused(&self, name: &str) {
        let limit = Duration::from_secs(10);
        self.ask(FAULT, async |host| host.wait_for_pause(name, limit).await)
            .await;
    }

    /// How many calls wait at pauses.
    pub async fn paused(&self) -> usize {
        self.ask(FAULT, async |host| host.paused().await)
            .await
            .len()
    }

    /// Lets the statements at a pause go on.
    pub async fn resume(&self, name: &str) {
        self.ask(FAULT, async |host| host.resume(name).await).await;
    }
}

fn gone() -> Action {
    Action::error(2006, "MySQL server has gone away")
}
