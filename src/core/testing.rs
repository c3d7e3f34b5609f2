//! Doubles for the tests: a platform whose time the test moves, a store that misbehaves on demand, and random
//! operations to play against the reference.

#![allow(
    clippy::unwrap_used,
    reason = "these are tests, in another crate's eyes"
)]

mod device;
pub mod dice;

pub use device::Device;

use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use proptest::test_runner::Config as ProptestConfig;

use crate::domain::config::Config;
use crate::domain::secret::Random;
use crate::domain::secret::testing::SeededRandom;
use crate::domain::time::{Timestamp, millis};
use crate::log::{Event, Format, Level, LogSettings};
use crate::platform::Platform;

/// When tests begin: a multiple of 10 s, so that the default reuse slots start there.
pub const START: Timestamp = Timestamp::from_secs(1_700_000_000);

/// Every event, as text.
pub const EVERYTHING: LogSettings = LogSettings {
    format: Format::Text,
    level: Level::Debug,
};

type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A platform that the test governs.
pub struct TestPlatform {
    now: AtomicU64,
    monotonic: AtomicU64,
    random: SeededRandom,
    lines: Mutex<Vec<(Level, String)>>,
    /// Spawned tasks run at once, or wait for [`TestPlatform::run_tasks`].
    queueing: AtomicBool,
    tasks: Mutex<Vec<Task>>,
}

impl TestPlatform {
    /// At [`START`], with randomness of this seed.
    pub fn new(seed: u64) -> Arc<Self> {
        Arc::new(Self {
            now: AtomicU64::new(START.as_millis()),
            monotonic: AtomicU64::new(0),
            random: SeededRandom::new(seed),
            lines: Mutex::default(),
            queueing: AtomicBool::new(false),
            tasks: Mutex::default(),
        })
    }

    /// Lets time go by, on both clocks.
    pub fn advance(&self, duration: Duration) {
        self.now.fetch_add(millis(duration), Ordering::Relaxed);
        self.monotonic
            .fetch_add(millis(duration), Ordering::Relaxed);
    }

    /// Sets the clock on the wall only.
    pub fn set_now(&self, now: Timestamp) {
        self.now.store(now.as_millis(), Ordering::Relaxed);
    }

    /// From now on spawned tasks wait until they are told to run.
    pub fn queue_tasks(&self) {
        self.queueing.store(true, Ordering::Relaxed);
    }

    /// Runs the tasks that wait; tells how many.
    pub async fn run_tasks(&self) -> usize {
        let tasks = std::mem::take(&mut *self.tasks.lock().unwrap());
        let count = tasks.len();
        for task in tasks {
            task.await;
        }
        count
    }

    /// Drops the tasks that wait, as a runtime does with an instance's; tells how many.
    pub fn give_up_tasks(&self) -> usize {
        std::mem::take(&mut *self.tasks.lock().unwrap()).len()
    }

    /// The log so far.
    pub fn lines(&self) -> Vec<(Level, String)> {
        self.lines.lock().unwrap().clone()
    }

    /// The log lines of a level.
    pub fn logged(&self, level: Level) -> Vec<String> {
        let lines = self.lines().into_iter();
        lines
            .filter(|(of, _)| *of == level)
            .map(|(_, line)| line)
            .collect()
    }
}

impl Random for TestPlatform {
    fn fill(&self, buffer: &mut [u8]) {
        self.random.fill(buffer);
    }
}

impl Platform for TestPlatform {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.now.load(Ordering::Relaxed))
    }

    fn monotonic_millis(&self) -> u64 {
        self.monotonic.load(Ordering::Relaxed)
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }

    type Wake = tokio::sync::oneshot::Sender<()>;

    fn signal(&self) -> (Self::Wake, impl Future<Output = ()> + Send + use<>) {
        let (wake, signal) = tokio::sync::oneshot::channel();
        (wake, async { drop(signal.await) })
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let mut task: Task = Box::pin(task);
        let wait = self.queueing.load(Ordering::Relaxed);
        if wait || poll_once(task.as_mut()).is_pending() {
            self.tasks.lock().unwrap().push(task);
        }
    }

    fn log_settings(&self) -> LogSettings {
        EVERYTHING
    }

    fn log(&self, event: &Event<'_>) {
        let line = EVERYTHING.line(event, self.now().as_millis());
        let line = line.expect("everything is logged");
        self.lines.lock().unwrap().push((event.level(), line));
    }
}

fn poll_once<F: Future + ?Sized>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// The outcome of a future that has nothing to wait for, as everything over a store in memory.
pub fn ready<F: Future>(future: F) -> F::Output {
    match poll_once(pin!(future)) {
        Poll::Ready(outcome) => outcome,
        Poll::Pending => panic!("this future waits for something"),
    }
}

/// Settings: the defaults but for these.
pub fn config(settings: &[(&str, &str)]) -> Config {
    let lookup = |name: &str| {
        let found = settings.iter().find(|(key, _)| *key == name);
        found.map(|(_, value)| (*value).to_owned())
    };
    Config::parse(&lookup).unwrap()
}

/// A property's settings: this many cases, and no files of past failures; they become named tests.
pub fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}
