//! The runtime's rules about connections, checked: whoever breaks one panics here instead of hanging a server.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// What a connector and its connections do, seen together.
#[derive(Debug, Default)]
pub(crate) struct Rules {
    pending_opens: AtomicUsize,
    opened: AtomicUsize,
    alive: AtomicUsize,
    most_alive: AtomicUsize,
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

    /// How many there were at most.
    pub(crate) fn most_alive(&self) -> usize {
        self.most_alive.load(Relaxed)
    }

    /// An open begins; it is pending until the guard is dropped.
    pub(crate) fn opening(self: &Arc<Self>) -> Opening {
        let pending = self.pending_opens.fetch_add(1, Relaxed);
        assert_eq!(pending, 0, "two opens at the same time");
        Opening(Arc::clone(self))
    }
}

/// An open that is pending.
pub(crate) struct Opening(Arc<Rules>);

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

impl Drop for Opening {
    fn drop(&mut self) {
        self.0.pending_opens.fetch_sub(1, Relaxed);
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
    pub(crate) fn in_use(&self) -> InUse<'_> {
        let users = self.users.fetch_add(1, Relaxed);
        assert_eq!(users, 0, "two use connection {} at once", self.number);
        InUse(self)
    }
}

impl Drop for Opened {
    fn drop(&mut self) {
        self.rules.alive.fetch_sub(1, Relaxed);
        let pending = self.rules.pending_opens.load(Relaxed);
        if !std::thread::panicking() {
            assert_eq!(
                pending, 0,
                "connection {} dropped while an open is pending",
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
