//! What an instance may ask of the host, and when.
//!
//! Spin keeps an instance's connections behind one fair lock. `open` has it while it connects; a statement takes it for
//! a moment when it begins; and a drop waits for it *while nothing else of the instance runs*. The lock goes to the
//! next in line before that one runs. So a drop hangs the server for ever while an open is pending, and also when a
//! statement that queued behind an open has been given the lock and has not run yet; and nobody in the instance can see
//! how far the lock's line has moved.
//!
//! So there is never such a line: **while an open is pending, nothing else is asked of the host.** Opens go one at a
//! time, statements wait here instead of there (they could not begin earlier), and connections go before the next open
//! begins. Then whoever asks gets the host's lock at once, a drop too, and an open may be given up at any moment, even
//! if its connection has arrived unnoticed.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use session_core::platform::Platform;
use session_core::sync::{Permit, Semaphore};

/// Lets one open, or any number of statements and drops, pass.
pub(super) struct Gate<T, P: Platform> {
    /// Has one permit. In line for it are opens and statements, as they would be for the host's lock.
    turn: Semaphore<P>,
    /// The connections that go when the pending open has ended; none if no open is pending.
    parked: Mutex<Option<Vec<T>>>,
}

impl<T, P: Platform> Gate<T, P> {
    pub(super) fn new(platform: Arc<P>) -> Self {
        Self {
            turn: Semaphore::new(1, platform),
            parked: Mutex::default(),
        }
    }

    /// Waits until a statement may begin. It has to begin at once, before anything else is waited for.
    pub(super) async fn pass(&self) {
        drop(self.turn.acquire().await);
    }

    /// Waits for the turn to open; meanwhile and until it is given back nobody else begins anything.
    pub(super) async fn turn(&self) -> OpenPermit<'_, T, P> {
        OpenPermit {
            gate: self,
            _permit: self.turn.acquire().await,
        }
    }

    /// Lets a connection go: now, or when the pending open has ended.
    pub(super) fn let_go(&self, connection: T) {
        let mut parked = self.parked();
        if let Some(parked) = &mut *parked {
            parked.push(connection);
        } else {
            // Unlock first: dropping a connection calls the runtime.
            drop(parked);
            drop(connection);
        }
    }

    fn parked(&self) -> MutexGuard<'_, Option<Vec<T>>> {
        self.parked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The right to open a connection.
pub(super) struct OpenPermit<'a, T, P: Platform> {
    gate: &'a Gate<T, P>,
    _permit: Permit<'a, P>,
}

impl<T, P: Platform> OpenPermit<'_, T, P> {
    /// Runs an open; it is pending until this ends or is given up.
    pub(super) async fn open<O>(self, open: impl Future<Output = O>) -> O {
        *self.gate.parked() = Some(Vec::new());
        open.await
    }
}

impl<T, P: Platform> Drop for OpenPermit<'_, T, P> {
    fn drop(&mut self) {
        // While it is still our turn: the next open waits until they are gone.
        let parked = self.gate.parked().take();
        drop(parked);
    }
}
