//! What the library asks of the runtime that it lives in.

use std::time::Duration;

use crate::domain::secret::Random;
use crate::domain::time::Timestamp;

/// Time, randomness and tasks. Everything that is not a function of its arguments comes through here.
pub trait Platform: Random + Send + Sync + 'static {
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

    /// Writes one line to the log; see [`write_line`].
    fn log(&self, level: Level, line: &str) {
        write_line(level, line);
    }
}

/// Writes one line to the log. The line may hold hostile text; line breaks in it are escaped here.
pub fn write_line(level: Level, line: &str) {
    let line = line.replace(|c: char| c.is_control(), "\u{fffd}");
    eprintln!("{} {line}", level.word());
}

/// How much a log line matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Worth knowing.
    Info,
    /// Somebody should look.
    Warn,
    /// Something failed.
    Error,
}

impl Level {
    fn word(self) -> &'static str {
        match self {
            Self::Info => "INFO",
            Self::Warn => "WARN",
            Self::Error => "ERROR",
        }
    }
}
