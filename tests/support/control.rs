//! A service's clock, counters and faults, through the host's control API.

use std::sync::atomic::Ordering;
use std::time::Duration;

use testbed::service::{Action, Control, FaultRule, FaultState, On, Stats, Tick};

use crate::backend::Backend;
use crate::harness::left_out;
use crate::service::Service;
use crate::time::MINUTE;

impl Service {
    /// The control API. On Spin there is none: the test ends here.
    async fn control(&self, what_for: &'static str) -> &Control {
        match self.process.control() {
            Some(control) => control,
            None => left_out(what_for).await,
        }
    }

    /// Whether its clock can be moved, and faults be planted: not on Spin.
    pub fn has_control(&self) -> bool {
        self.process.control().is_some()
    }

    /// Stops the service's clock at the next whole minute, and returns that instant.
    pub async fn freeze(&self) -> i64 {
        let now = self
            .control("moves the clock")
            .await
            .now_ms()
            .await
            .expect("the host tells its time");
        let minute = (now / MINUTE + 1) * MINUTE;
        self.freeze_at(minute).await;
        minute
    }

    /// Stops the service's clock at an instant.
    pub async fn freeze_at(&self, now: i64) {
        self.control("moves the clock")
            .await
            .freeze_at_ms(now)
            .await
            .expect("the host sets its clock");
        self.frozen_at.store(now, Ordering::Relaxed);
    }

    /// Moves a clock that stands still.
    pub async fn advance(&self, milliseconds: i64) {
        self.control("moves the clock").await;
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
        let tick = self
            .control("runs the scheduled component")
            .await
            .tick("session-maintenance")
            .await;
        tick.expect("the host can tick")
    }

    /// Runs the scheduled component once, in a process that may not live to tell.
    pub async fn tick_that_may_be_lost(&self) {
        self.control("runs the scheduled component")
            .await
            .tick("session-maintenance")
            .await
            .ok();
    }

    /// Moves a clock that stands still, running the scheduled component whenever it is due on the way. Returns how
    /// often it was.
    pub async fn advance_with_ticks(&self, milliseconds: i64) -> u64 {
        let control = self.control("runs the scheduled component").await;
        let clock = control.advance_running_due_ms(milliseconds).await;
        let clock = clock.expect("the host moves its clock");
        assert_eq!(clock.failed, 0, "ticks failed\n{}", self.log());
        self.control("moves the clock").await;
        self.freeze_at(self.now() + milliseconds).await;
        clock.ticks
    }

    /// Starts counting statements from here.
    pub async fn forget_statements(&self) {
        self.control("counts statements and instances")
            .await
            .reset_stats()
            .await
            .expect("the host resets its counters");
    }

    /// How many statements the database was given.
    pub async fn statements(&self) -> u64 {
        self.stats().await.statements_run()
    }

    /// What the host counted.
    pub async fn stats(&self) -> Stats {
        self.control("counts statements and instances")
            .await
            .stats()
            .await
            .expect("the host counts")
    }

    /// Panics if an instance trapped or did what would hurt Spin.
    pub async fn assert_no_traps(&self) {
        let stats = self.stats().await;
        assert_eq!(
            (stats.traps, &*stats.violations),
            (0, &[][..]),
            "{}",
            self.log()
        );
    }

    /// From here on every connection and statement fails as if the database had gone.
    pub async fn database_away(&self) {
        self.faults(&[
            FaultRule::new(On::Open, gone()).for_ever(),
            FaultRule::new(On::Statement, self.lost()).for_ever(),
        ])
        .await;
    }

    /// From here on every statement whose text contains `sql` fails as if the database had gone.
    pub async fn database_away_for(&self, sql: &str) {
        let rule = FaultRule::new(On::Statement, self.lost())
            .sql_contains(sql)
            .for_ever();
        self.faults(&[rule]).await;
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
        self.control("makes the database fail")
            .await
            .clear_faults()
            .await
            .expect("the host clears its faults");
    }

    /// Lets database calls fail by rules, in place of all earlier ones.
    pub async fn faults(&self, rules: &[FaultRule]) {
        self.control("makes the database fail")
            .await
            .set_faults(rules)
            .await
            .expect("the host takes the faults");
    }

    /// Has the provider of variables give another value from now on.
    pub async fn change_variable(&self, name: &str, value: &str) {
        self.control("changes a variable")
            .await
            .change_variable(name, value)
            .await
            .expect("the host takes the value");
    }

    /// How often the rules in force have acted.
    pub async fn fired(&self) -> u64 {
        self.fired_each().await.iter().sum()
    }

    /// How often each of the rules in force has acted.
    pub async fn fired_each(&self) -> Vec<u64> {
        let rules = self.rules_in_force().await;
        rules.iter().map(|rule| rule.fired).collect()
    }

    /// How many calls the rules in force have counted.
    pub async fn matched(&self) -> u64 {
        let rules = self.rules_in_force().await;
        rules.iter().map(|rule| rule.matched).sum()
    }

    async fn rules_in_force(&self) -> Vec<FaultState> {
        self.control("makes the database fail")
            .await
            .faults()
            .await
            .expect("the host knows")
    }

    /// Lets the next statement that contains `sql` wait under a name.
    pub async fn pause_at(&self, sql: &str, name: &str) {
        let rule = FaultRule::new(On::Statement, Action::pause(name)).sql_contains(sql);
        self.faults(&[rule]).await;
    }

    /// Waits until a statement has arrived at a pause.
    pub async fn wait_until_paused(&self, name: &str) {
        let limit = Duration::from_secs(10);
        self.control("holds statements up")
            .await
            .wait_for_pause(name, limit)
            .await
            .expect("a statement arrives at the pause");
    }

    /// How many calls wait at pauses.
    pub async fn paused(&self) -> usize {
        let paused = self.control("holds statements up").await.paused().await;
        paused.expect("the host knows").len()
    }

    /// Lets the statements at a pause go on.
    pub async fn resume(&self, name: &str) {
        self.control("holds statements up")
            .await
            .resume(name)
            .await
            .expect("the host resumes");
    }
}

fn gone() -> Action {
    Action::error(2006, "MySQL server has gone away")
}
