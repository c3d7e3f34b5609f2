//! What the library asks of the runtime that it lives in.

use std::time::Duration;

use crate::domain::secret::Random;
use crate::domain::time::Timestamp;
use crate::log::{Event, LogSettings};

/// Time, randomness and tasks. Everything that is not a function of its arguments comes through here.
pub trait Platform: Random + Send + Sync + 'static {
    /// Whether a call to the database blocks the whole instance, so that no deadline ends it.
    const BLOCKING: bool = false;

    /// The time of day.
    fn now(&self) -> Timestamp;

    /// Milliseconds on a clock that never goes back; only differences mean something.
    fn monotonic_millis(&self) -> u64;

    /// Waits.
    fn sleep(&self, duration: Duration) -> impl Future<Output = ()> + Send;

    /// Wakes whoever waits on the signal that it came with, when dropped.
    type Wake: Send;

    /// A way for one request to wait for another: the future ends when its counterpart is dropped.
    fn signal(&self) -> (Self::Wake, impl Future<Output = ()> + Send + use<Self>);

    /// Runs a task beside the request; nobody waits for it.
    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static);

    /// What is logged, and how.
    fn log_settings(&self) -> LogSettings {
        LogSettings::default()
    }

    /// Writes an event to the log, if it matters enough.
    fn log(&self, event: &Event<'_>) {
        self.log_settings().write(event, self.now().as_millis());
    }
}
