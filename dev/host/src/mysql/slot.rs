//! Who has a connection: at most one call at a time, then the rows that it returned.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use mysql_async::Conn;
use tokio::sync::{Notify, OwnedSemaphorePermit};

use crate::instance::Instance;

/// How long a call waits for the rest of the rows of the one before. Spin waits for ever.
const PATIENCE: Duration = Duration::from_secs(5);

/// A connection and its state, shared by a guest's handle and the call that uses it.
pub(super) struct Shared {
    slot: Mutex<Slot>,
    /// Woken when a `Streaming` slot becomes free.
    freed: Notify,
    pub(super) instance: Arc<Instance>,
    _permit: Option<OwnedSemaphorePermit>,
}

enum Slot {
    Idle(Box<Conn>),
    /// A call is under way.
    Busy,
    /// The call has returned, its rows are still being read.
    Streaming,
    /// A fault has cut it.
    Lost,
    /// A call on it was given up half-way.
    Abandoned,
}

impl Shared {
    /// A connection that nobody uses; `permit` is held as long as it lives.
    pub(super) fn new(
        conn: Conn,
        instance: Arc<Instance>,
        permit: Option<OwnedSemaphorePermit>,
    ) -> Self {
        instance.app.test_controls.stats.connection_opened();
        Self {
            slot: Mutex::new(Slot::Idle(Box::new(conn))),
            freed: Notify::new(),
            instance,
            _permit: permit,
        }
    }

    /// `None` if the connection is lost.
    pub(super) async fn lease(self: &Arc<Self>) -> wasmtime::Result<Option<Lease>> {
        let misuse = |what: &str| Err(self.instance.violates(what));
        let mut freed = std::pin::pin!(self.freed.notified());
        loop {
            freed.as_mut().enable();
            {
                let mut slot = self.lock();
                match std::mem::replace(&mut *slot, Slot::Busy) {
                    Slot::Idle(conn) => {
                        return Ok(Some(Lease {
                            conn: Some(conn),
                            shared: self.clone(),
                        }));
                    }
                    other => *slot = other,
                }
                match *slot {
                    Slot::Streaming => {}
                    Slot::Lost => return Ok(None),
                    Slot::Abandoned => {
                        return misuse(
                            "a MySQL connection was used again after a call on it was given up; \
                             on Spin the next call may get the reply of that one",
                        );
                    }
                    Slot::Idle(_) | Slot::Busy => {
                        return misuse("a MySQL connection was used by two calls at once");
                    }
                }
            }
            if tokio::time::timeout(PATIENCE, freed.as_mut())
                .await
                .is_err()
            {
                return misuse(
                    "a MySQL connection was used while rows of its last query were not read; \
                     Spin hangs for ever",
                );
            }
            freed.set(self.freed.notified());
        }
    }

    /// Cuts the connection; who uses it now keeps it to the end of the call.
    pub(super) fn lose(&self) {
        *self.lock() = Slot::Lost;
    }

    /// The call returns, but its rows keep the connection.
    pub(super) fn start_streaming(&self) {
        *self.lock() = Slot::Streaming;
    }

    /// Ends a call, unless the connection was cut meanwhile.
    fn end_call(&self, state: Slot) {
        let mut slot = self.lock();
        if !matches!(*slot, Slot::Lost) {
            *slot = state;
        }
        self.freed.notify_waiters();
    }

    fn lock(&self) -> MutexGuard<'_, Slot> {
        self.slot.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.instance.app.test_controls.stats.connection_closed();
    }
}

/// The right to use a connection, and the duty to give it back.
pub(super) struct Lease {
    conn: Option<Box<Conn>>,
    shared: Arc<Shared>,
}

impl Lease {
    /// The driver's connection, and where its state is kept.
    pub(super) fn parts(&mut self) -> (&mut Conn, &Shared) {
        let conn = self
            .conn
            .as_mut()
            .expect("the connection is there until it is given back");
        (conn, &self.shared)
    }

    /// The connection is ready for the next call.
    pub(super) fn give_back(mut self) {
        if let Some(conn) = self.conn.take() {
            self.shared.end_call(Slot::Idle(conn));
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if self.conn.is_some() {
            self.shared.end_call(Slot::Abandoned);
        }
    }
}
