//! Faults on demand, of databases and variables: rules that count calls and make the n-th one fail, wait or vanish.
//! What a failure looks like to a guest is decided by `mysql`, `sqlite` and `variables`.

mod rule;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use dev_host_control::{Action, FaultRule, FaultState};
pub(crate) use dev_host_control::{DatabaseKind, ServerError};
use tokio::sync::{oneshot, watch};

pub(crate) use self::rule::{Call, Operation};

/// What has to happen to a call once all waiting is over.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Proceed,
    Fail(ServerError),
    CutBefore,
    CutAfter,
}

/// The rules in force and the calls that they hold up.
pub(crate) struct Faults {
    armed: AtomicBool,
    rules: Mutex<Vec<FaultState>>,
    paused: Mutex<Vec<(String, oneshot::Sender<()>)>>,
    cleared: watch::Sender<()>,
}

impl Default for Faults {
    fn default() -> Self {
        Self {
            armed: AtomicBool::new(false),
            rules: Mutex::default(),
            paused: Mutex::default(),
            cleared: watch::Sender::new(()),
        }
    }
}

impl Faults {
    /// Puts `rules` in the place of all others and starts counting. Calls held up stay so.
    pub(crate) fn replace(&self, rules: Vec<FaultRule>) {
        self.armed.store(!rules.is_empty(), Ordering::Release);
        *lock(&self.rules) = rules
            .into_iter()
            .map(|rule| FaultState {
                rule,
                matched: 0,
                fired: 0,
            })
            .collect();
    }

    /// Drops all rules; hanging calls fail and paused ones go on.
    pub(crate) fn clear(&self) {
        self.replace(Vec::new());
        lock(&self.paused).clear();
        self.cleared.send_replace(());
    }

    /// The rules with their counts.
    pub(crate) fn rules(&self) -> Vec<FaultState> {
        lock(&self.rules).clone()
    }

    /// Names at which calls are waiting now, one entry per call.
    pub(crate) fn paused(&self) -> Vec<String> {
        let mut paused = lock(&self.paused);
        paused.retain(|(_, resume)| !resume.is_closed());
        paused.iter().map(|(name, _)| name.clone()).collect()
    }

    /// Lets the calls at `name` go on and says how many there were.
    pub(crate) fn resume(&self, name: &str) -> usize {
        let mut paused = lock(&self.paused);
        let (waiting, others) = std::mem::take(&mut *paused)
            .into_iter()
            .partition::<Vec<_>, _>(|(at, resume)| at == name && !resume.is_closed());
        *paused = others;
        waiting
            .into_iter()
            .filter_map(|(_, resume)| resume.send(()).ok())
            .count()
    }

    /// Counts `call`, makes it wait as long as the rules want and says what becomes of it.
    pub(crate) async fn meet(&self, call: Call<'_>) -> Verdict {
        if !self.armed.load(Ordering::Acquire) {
            return Verdict::Proceed;
        }
        let mut cleared = self.cleared.subscribe();
        for action in self.due(call) {
            match action {
                Action::DelayMs(ms) => tokio::time::sleep(Duration::from_millis(ms)).await,
                Action::Pause(name) => {
                    let (resume, resumed) = oneshot::channel();
                    lock(&self.paused).push((name, resume));
                    // An error means that the pause was cleared, which also lets the call go on.
                    _ = resumed.await;
                }
                Action::Hang => {
                    _ = cleared.changed().await;
                    return Verdict::CutBefore;
                }
                Action::Error(error) => return Verdict::Fail(error),
                Action::CutBefore => return Verdict::CutBefore,
                Action::CutAfter => return Verdict::CutAfter,
            }
        }
        Verdict::Proceed
    }

    fn due(&self, call: Call<'_>) -> Vec<Action> {
        let mut due = Vec::new();
        for counted in lock(&self.rules)
            .iter_mut()
            .filter(|counted| rule::matches(&counted.rule, call))
        {
            counted.matched += 1;
            if rule::is_due(&counted.rule, counted.matched) {
                counted.fired += 1;
                due.push(counted.rule.action.clone());
            }
        }
        due
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use dev_host_control::{DatabaseKind, On};

    use super::*;

    fn faults(rules: impl IntoIterator<Item = FaultRule>) -> Arc<Faults> {
        let faults = Faults::default();
        faults.replace(rules.into_iter().collect());
        Arc::new(faults)
    }

    fn execute(sql: &str) -> Call<'_> {
        Call {
            database: Some(DatabaseKind::MySql),
            operation: Operation::Execute,
            sql,
        }
    }

    fn open() -> Call<'static> {
        Call {
            database: Some(DatabaseKind::Sqlite),
            operation: Operation::Open,
            sql: "",
        }
    }

    #[tokio::test]
    async fn a_rule_fires_at_the_nth_match_and_so_many_times() {
        let rule = FaultRule::new(On::Execute, Action::CutBefore);
        let faults = faults([rule.sql_contains("UPDATE").nth(2).times(2)]);
        let mut verdicts = Vec::new();
        for sql in ["UPDATE a", "DELETE a", "UPDATE b", "UPDATE c", "UPDATE d"] {
            verdicts.push(faults.meet(execute(sql)).await == Verdict::CutBefore);
        }
        assert_eq!(verdicts, [false, false, true, true, false]);
        let rules = faults.rules();
        assert_eq!((rules[0].matched, rules[0].fired), (4, 2));
    }

    #[tokio::test]
    async fn a_rule_fires_once_or_for_ever() {
        let rule = FaultRule::new(On::Any, Action::error(1213, "Deadlock found"));
        let one = faults([rule.clone()]);
        let all = faults([rule.for_ever()]);
        let failure = Verdict::Fail(ServerError {
            code: 1213,
            message: "Deadlock found".to_owned(),
        });
        assert_eq!(one.meet(open()).await, failure);
        assert_eq!(one.meet(open()).await, Verdict::Proceed);
        assert_eq!(all.meet(open()).await, failure);
        assert_eq!(all.meet(open()).await, failure);
    }

    #[tokio::test]
    async fn rules_choose_by_operation_and_database() {
        let rule = FaultRule::new(On::Statement, Action::CutAfter).for_ever();
        let faults = faults([rule.database(DatabaseKind::Sqlite)]);
        assert_eq!(faults.meet(open()).await, Verdict::Proceed);
        assert_eq!(faults.meet(execute("x")).await, Verdict::Proceed);
        let call = Call {
            database: Some(DatabaseKind::Sqlite),
            ..execute("x")
        };
        assert_eq!(faults.meet(call).await, Verdict::CutAfter);
    }

    #[tokio::test]
    async fn a_paused_call_waits_for_its_name() {
        let faults = faults([FaultRule::new(On::Any, Action::pause("here"))]);
        let call = tokio::spawn({
            let faults = faults.clone();
            async move { faults.meet(open()).await }
        });
        while faults.paused().is_empty() {
            tokio::task::yield_now().await;
        }
        assert_eq!(faults.resume("elsewhere"), 0);
        assert_eq!(faults.paused(), ["here"]);
        assert_eq!(faults.resume("here"), 1);
        assert_eq!(call.await.unwrap(), Verdict::Proceed);
        assert!(faults.paused().is_empty());
    }

    #[tokio::test]
    async fn clearing_fails_hanging_calls_and_lets_paused_ones_go() {
        let faults = faults([
            FaultRule::new(On::Open, Action::Hang),
            FaultRule::new(On::Execute, Action::pause("p")),
        ]);
        let (hanging, paused) = (faults.clone(), faults.clone());
        let hanging = tokio::spawn(async move { hanging.meet(open()).await });
        let paused = tokio::spawn(async move { paused.meet(execute("x")).await });
        while faults.paused().is_empty() || faults.cleared.receiver_count() < 2 {
            tokio::task::yield_now().await;
        }
        faults.clear();
        assert_eq!(hanging.await.unwrap(), Verdict::CutBefore);
        assert_eq!(paused.await.unwrap(), Verdict::Proceed);
    }
}
