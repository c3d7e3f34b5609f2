//! A fair semaphore for requests that wait for one another within an instance.
//!
//! On Spin each request is a task of its own, and a Rust waker does not reach from one task to another: the feature of
//! `wit-bindgen` 0.57 that promises it makes every wake-up trap on wasmtime 48. So the semaphores of the ecosystem
//! don't work there, and this one waits on what the platform offers instead ([`Platform::signal`]).

pub mod once_cell;

use std::collections::{HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::platform::Platform;

/// Hands out a number of permits, first come first served.
pub struct Semaphore<P: Platform> {
    platform: Arc<P>,
    state: Mutex<State<P::Wake>>,
}

struct State<W> {
    free: usize,
    waiting: VecDeque<(u64, W)>,
    /// Those whose turn it is but who have not noticed yet.
    called: HashSet<u64>,
    next_ticket: u64,
}

/// Leave to go on; dropping it calls the next in line.
pub struct Permit<'a, P: Platform>(&'a Semaphore<P>);

impl<P: Platform> Semaphore<P> {
    /// A semaphore with `permits` (at least 1).
    pub fn new(permits: usize, platform: Arc<P>) -> Self {
        let state = State {
            free: permits.max(1),
            waiting: VecDeque::new(),
            called: HashSet::new(),
            next_ticket: 0,
        };
        Self {
            platform,
            state: Mutex::new(state),
        }
    }

    /// Waits for a permit. Whoever gives up waiting leaves the line.
    pub async fn acquire(&self) -> Permit<'_, P> {
        let (turn, signal) = {
            let mut state = self.state();
            if state.free > 0 {
                state.free -= 1;
                return Permit(self);
            }
            let ticket = state.next_ticket;
            state.next_ticket += 1;
            let (wake, signal) = self.platform.signal();
            state.waiting.push_back((ticket, wake));
            (
                Ticket {
                    semaphore: self,
                    ticket,
                },
                signal,
            )
        };
        signal.await;
        turn.take()
    }

    /// Whether the next one would not have to wait.
    pub fn has_free(&self) -> bool {
        self.state().free > 0
    }

    /// How many wait.
    pub fn waiting(&self) -> usize {
        self.state().waiting.len()
    }

    /// Adds a permit.
    pub fn grow(&self) {
        self.release();
    }

    /// Takes permits back, as many as are free.
    pub fn shrink(&self) -> usize {
        std::mem::take(&mut self.state().free)
    }

    /// Gives a permit to the first in line, or back.
    fn release(&self) {
        let mut state = self.state();
        match state.waiting.pop_front() {
            None => state.free += 1,
            Some((ticket, wake)) => {
                state.called.insert(ticket);
                // Unlock first: waking calls the runtime.
                drop(state);
                drop(wake);
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State<P::Wake>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place in the line.
struct Ticket<'a, P: Platform> {
    semaphore: &'a Semaphore<P>,
    ticket: u64,
}

impl<'a, P: Platform> Ticket<'a, P> {
    /// The permit, once called.
    fn take(self) -> Permit<'a, P> {
        self.semaphore.state().called.remove(&self.ticket);
        Permit(self.semaphore)
    }
}

impl<P: Platform> Drop for Ticket<'_, P> {
    fn drop(&mut self) {
        let mut state = self.semaphore.state();
        let left = state
            .waiting
            .iter()
            .position(|(ticket, _)| *ticket == self.ticket);
        let wake = left.and_then(|place| state.waiting.remove(place));
        let called = state.called.remove(&self.ticket);
        drop(state);
        drop(wake);
        if called {
            self.semaphore.release();
        }
    }
}

impl<P: Platform> Permit<'_, P> {
    /// Takes the permit away for good.
    pub fn forget(self) {
        std::mem::forget(self);
    }
}

impl<P: Platform> Drop for Permit<'_, P> {
    fn drop(&mut self) {
        self.0.release();
    }
}
