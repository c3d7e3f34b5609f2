//! Time, randomness and tasks on WASI 0.2.

use std::future::poll_fn;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use session_core::domain::secret::Random;
use session_core::domain::time::Timestamp;
use session_core::log::LogSettings;
use session_core::platform::Platform;
use spin_executor::{CancelOnDropToken, push_waker, push_waker_and_get_token};
use wasi::clocks::monotonic_clock;

use crate::{clock, log};

/// How old an instance is before a timer of its can be due, in milliseconds.
const YOUNG_MILLIS: u64 = 1_000;

/// Lets a timer end what it limits before the next call blocks.
pub(super) async fn look_at_timers() {
    if clock::monotonic_millis() < YOUNG_MILLIS {
        return;
    }
    let mut looked = false;
    poll_fn(|context| {
        if std::mem::replace(&mut looked, true) {
            return Poll::Ready(());
        }
        push_waker(
            monotonic_clock::subscribe_duration(0),
            context.waker().clone(),
        );
        Poll::Pending
    })
    .await;
}

/// The runtime that the component lives in.
pub struct Spin;

impl Random for Spin {
    fn fill(&self, buffer: &mut [u8]) {
        clock::fill(buffer);
    }
}

impl Platform for Spin {
    const BLOCKING: bool = true;

    fn log_settings(&self) -> LogSettings {
        log::settings()
    }

    fn now(&self) -> Timestamp {
        clock::now()
    }

    fn monotonic_millis(&self) -> u64 {
        clock::monotonic_millis()
    }

    async fn sleep(&self, duration: Duration) {
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        let end = monotonic_clock::now().saturating_add(nanos);
        // Kept until the end, so that giving up takes the timer away.
        let mut _timer: Option<CancelOnDropToken> = None;
        poll_fn(|context| {
            if monotonic_clock::now() >= end {
                return Poll::Ready(());
            }
            let pollable = monotonic_clock::subscribe_instant(end);
            _timer = Some(push_waker_and_get_token(pollable, context.waker().clone()).into());
            Poll::Pending
        })
        .await;
    }

    type Wake = ();

    /// Nobody ever waits for another task here: there is one.
    fn signal(&self) -> ((), impl Future<Output = ()> + Send + use<>) {
        ((), std::future::ready(()))
    }

    /// Runs as much of the task as blocks; what waits for a timer is given up, as all else when the instance ends.
    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let mut context = Context::from_waker(Waker::noop());
        let _ = pin!(task).poll(&mut context).is_ready();
    }
}
