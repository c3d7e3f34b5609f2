//! Counts that tests read: requests, instances, traps, turns, violations, connections, statements.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use dev_host_control::{Connections, StatementCount, Stats, Turns};
use wasmtime::CallHook;

/// The counters. Plain numbers are always kept; they cost an atomic addition each.
#[derive(Default)]
pub(crate) struct Counters {
    requests: AtomicU64,
    instances: AtomicU64,
    traps: AtomicU64,
    open: AtomicU64,
    max_open: AtomicU64,
    opened: AtomicU64,
    calls: AtomicU64,
    timers: AtomicU64,
    variables: AtomicU64,
    violations: Mutex<Vec<String>>,
    statements: Mutex<HashMap<String, u64>>,
}

impl Counters {
    /// A request has arrived for a component.
    pub(crate) fn request(&self) {
        self.requests.fetch_add(1, Ordering::Relaxed);
    }

    /// An instance of a component was made.
    pub(crate) fn instance(&self) {
        self.instances.fetch_add(1, Ordering::Relaxed);
    }

    /// An instance has trapped.
    pub(crate) fn trap(&self) {
        self.traps.fetch_add(1, Ordering::Relaxed);
    }

    /// A guest has called the host. How often the host enters a guest is its scheduler's affair, and not counted.
    pub(crate) fn turn(&self, turn: CallHook) {
        if matches!(turn, CallHook::CallingHost) {
            self.calls.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// A guest has set a timer.
    pub(crate) fn timer(&self) {
        self.timers.fetch_add(1, Ordering::Relaxed);
    }

    /// A guest has read a variable.
    pub(crate) fn variable(&self) {
        self.variables.fetch_add(1, Ordering::Relaxed);
    }

    /// A component did what would hang, crash or slow Spin.
    pub(crate) fn violation(&self, text: &str) {
        lock(&self.violations).push(text.to_owned());
    }

    /// A database connection was opened.
    pub(crate) fn connection_opened(&self) {
        self.opened.fetch_add(1, Ordering::Relaxed);
        let open = self.open.fetch_add(1, Ordering::Relaxed) + 1;
        self.max_open.fetch_max(open, Ordering::Relaxed);
    }

    /// A database connection was closed.
    pub(crate) fn connection_closed(&self) {
        self.open.fetch_sub(1, Ordering::Relaxed);
    }

    /// A guest has sent a statement.
    pub(crate) fn statement(&self, sql: &str) {
        let mut statements = lock(&self.statements);
        match statements.get_mut(sql) {
            Some(count) => *count += 1,
            None => _ = statements.insert(sql.to_owned(), 1),
        }
    }

    /// What was counted; the most frequent statements first.
    pub(crate) fn report(&self) -> Stats {
        let mut statements: Vec<_> = lock(&self.statements)
            .iter()
            .map(|(sql, &count)| StatementCount {
                sql: sql.clone(),
                count,
            })
            .collect();
        statements.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.sql.cmp(&b.sql)));
        Stats {
            requests: self.requests.load(Ordering::Relaxed),
            instances: self.instances.load(Ordering::Relaxed),
            traps: self.traps.load(Ordering::Relaxed),
            turns: Turns {
                calls: self.calls.load(Ordering::Relaxed),
                timers: self.timers.load(Ordering::Relaxed),
                variables: self.variables.load(Ordering::Relaxed),
            },
            violations: lock(&self.violations).clone(),
            connections: Connections {
                open: self.open.load(Ordering::Relaxed),
                max_open: self.max_open.load(Ordering::Relaxed),
                opened: self.opened.load(Ordering::Relaxed),
            },
            statements,
        }
    }

    /// Starts all counts anew; connections that are open stay counted as open.
    pub(crate) fn reset(&self) {
        for counter in [
            &self.requests,
            &self.instances,
            &self.traps,
            &self.opened,
            &self.calls,
            &self.timers,
            &self.variables,
        ] {
            counter.store(0, Ordering::Relaxed);
        }
        self.max_open
            .store(self.open.load(Ordering::Relaxed), Ordering::Relaxed);
        lock(&self.violations).clear();
        lock(&self.statements).clear();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reset_keeps_open_connections() {
        let stats = Counters::default();
        stats.connection_opened();
        stats.connection_opened();
        stats.connection_closed();
        stats.statement("SELECT 1");
        stats.statement("SELECT 1");
        stats.statement("SELECT 2");
        stats.violation("x");
        let report = stats.report();
        assert_eq!(report.violations, ["x"]);
        assert_eq!(
            (report.statements_run(), report.statements[0].count),
            (3, 2)
        );
        let connections = |open, max_open, opened| Connections {
            open,
            max_open,
            opened,
        };
        assert_eq!(report.connections, connections(1, 2, 2));
        stats.reset();
        let report = stats.report();
        assert!(report.violations.is_empty() && report.statements.is_empty());
        assert_eq!(report.connections, connections(1, 1, 0));
    }
}
