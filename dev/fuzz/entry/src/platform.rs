//! A platform on which everything repeats: the clock stands, randomness has a seed, waiting takes no time.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use session_core::domain::secret::Random;
use session_core::domain::time::Timestamp;
use session_core::log::{Event, Format, Level, LogSettings};
use session_core::platform::Platform;

/// More polls than any answer needs.
const MAX_POLLS: usize = 1_000_000;

/// See the module.
#[derive(Debug)]
pub struct FixedPlatform(Mutex<State>);

#[derive(Debug)]
struct State {
    now: Timestamp,
    random: u64,
    log: Vec<String>,
}

impl FixedPlatform {
    /// A platform at a time of day.
    pub fn new(now: Timestamp, seed: u64) -> Self {
        Self(Mutex::new(State {
            now,
            random: seed,
            log: Vec::new(),
        }))
    }

    /// The lines that were logged.
    pub fn log_lines(&self) -> Vec<String> {
        self.with(|state| state.log.clone())
    }

    fn with<T>(&self, f: impl FnOnce(&mut State) -> T) -> T {
        f(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Random for FixedPlatform {
    fn fill(&self, buffer: &mut [u8]) {
        self.with(|state| {
            for chunk in buffer.chunks_mut(8) {
                chunk.copy_from_slice(&split_mix(&mut state.random).to_be_bytes()[..chunk.len()]);
            }
        });
    }
}

/// The generator SplitMix64.
fn split_mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

impl Platform for FixedPlatform {
    fn now(&self) -> Timestamp {
        self.with(|state| state.now)
    }

    fn monotonic_millis(&self) -> u64 {
        self.now().as_millis()
    }

    /// Ends only when what it may be the deadline of had many turns.
    async fn sleep(&self, _: Duration) {
        let mut turns = 0..1_000;
        poll_fn(|_| match turns.next() {
            Some(_) => Poll::Pending,
            None => Poll::Ready(()),
        })
        .await;
    }

    type Wake = Arc<()>;

    fn signal(&self) -> (Arc<()>, impl Future<Output = ()> + Send + use<>) {
        let wake = Arc::new(());
        let waiting = Arc::downgrade(&wake);
        // Nobody needs to be woken: [`block_on`] asks again and again.
        let dropped = poll_fn(move |_| match waiting.strong_count() {
            0 => Poll::Ready(()),
            _ => Poll::Pending,
        });
        (wake, dropped)
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        block_on(task);
    }

    fn log(&self, event: &Event<'_>) {
        let everything = LogSettings {
            format: Format::Json,
            level: Level::Debug,
        };
        let line = everything.line(event, self.now().as_millis());
        self.with(|state| state.log.extend(line));
    }
}

/// Runs a future that never waits for anything outside itself.
///
/// # Panics
/// If it does.
pub fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    for _ in 0..MAX_POLLS {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
    }
    panic!("no answer after {MAX_POLLS} polls");
}
