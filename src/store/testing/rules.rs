//! The runtime's rules about connections, checked: whoever breaks one panics here instead of hanging a server.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use tokio::sync::{Mutex, OwnedMutexGuard};

/// What a connector and its connections do, seen together.
#[derive(Debug, Default)]
pub(crate) struct Rules {
    /// Spin's own kind of lock around an instance's connections. An open has it while it connects, a statement for a
    /// moment when it begins; it goes to the next in line before that one runs.
    table: Arc<Mutex<()>>,
    opened: AtomicUsize,
    alive: AtomicUsize,
    most_alive: AtomicUsize,
    statements: AtomicUsize,
}

impl Rules {
    /// How many connections were opened.
    pub(crate) fn opened(&self) -> usize {
        self.opened.load(Relaxed)
    }

    /// How many connections have not been dropped.
    pub(crate) fn alive(&self) -> usize {
        self.alive.load(Relaxed)
    }

    /// How many statements have begun.
    pub(crate) fn statements(&self) -> usize {
        self.statements.load(Relaxed)
    }

    /// How many there were at most.
    pub(crate) fn most_alive(&self) -> usize {
        self.most_alive.load(Relaxed)
    }

    /// An open begins; it is pending until the guard is dropped.
    pub(crate) async fn opening(self: &Arc<Self>) -> Opening {
        let table = Arc::clone(&self.table).lock_owned().await;
        Opening(Arc::clone(self), table)
    }
}

/// An open that has the lock.
pub(crate) struct Opening(Arc<Rules>, #[expect(dead_code)] OwnedMutexGuard<()>);

impl Opening {
    /// It ends with a connection.
    pub(crate) fn done(self) -> Opened {
        let rules = Arc::clone(&self.0);
        let number = rules.opened.fetch_add(1, Relaxed);
        let alive = rules.alive.fetch_add(1, Relaxed) + 1;
        rules.most_alive.fetch_max(alive, Relaxed);
        let users = AtomicUsize::new(0);
        Opened {
            rules,
            number,
            users,
        }
    }
}

/// A connection's part in the rules; the connection holds it.
#[derive(Debug)]
pub(crate) struct Opened {
    rules: Arc<Rules>,
    /// Which connection it is, from 0.
    pub(crate) number: usize,
    users: AtomicUsize,
}

impl Opened {
    /// A statement begins; it is under way until the guard is dropped.
    pub(crate) async fn in_use(&self) -> InUse<'_> {
        drop(self.rules.table.lock().await);
        self.rules.statements.fetch_add(1, Relaxed);
        let users = self.users.fetch_add(1, Relaxed);
        assert_eq!(users, 0, "two use connection {} at once", self.number);
        InUse(self)
    }
}

impl Drop for Opened {
    fn drop(&mut self) {
        self.rules.alive.fetch_sub(1, Relaxed);
        // Spin waits here while nothing else of the instance runs: whoever has the lock never gives it back.
        if self.rules.table.try_lock().is_err() && !std::thread::panicking() {
            panic!(
                "connection {} dropped while somebody has the host's lock",
                self.number
            );
        }
    }
}

/// A statement under way.
pub(crate) struct InUse<'a>(&'a Opened);

impl Drop for InUse<'_> {
    fn drop(&mut self) {
        self.0.users.fetch_sub(1, Relaxed);
    }
}
