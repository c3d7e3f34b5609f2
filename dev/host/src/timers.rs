//! The monotonic clock of guests and the timers that follow it, which can be slower than real ones: on a busy machine a
//! test that is not about a deadline then meets none.

use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use wasmtime::component::{Linker, Resource};
use wasmtime_wasi::HostMonotonicClock;
use wasmtime_wasi::clocks::WasiClocksView;
use wasmtime_wasi::p2::DynPollable;
use wasmtime_wasi::p2::bindings::clocks::monotonic_clock::Host as _;

use crate::guest::Guest;

/// A monotonic clock, so many times slower than the real one.
pub(crate) struct SlowClock {
    start: Instant,
    times: NonZeroU32,
}

impl SlowClock {
    /// A clock that begins now.
    pub(crate) fn new(times: NonZeroU32) -> Self {
        Self {
            start: Instant::now(),
            times,
        }
    }
}

impl HostMonotonicClock for SlowClock {
    fn resolution(&self) -> u64 {
        1
    }

    fn now(&self) -> u64 {
        nanos(self.start.elapsed() / self.times.get())
    }
}

/// Puts timers on that clock in the place of wasmtime's, which are real ones.
pub(crate) fn add_to_linker(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    linker.allow_shadowing(true);
    let mut clock = linker.instance("wasi:clocks/monotonic-clock@0.2.12")?;
    clock.func_wrap("subscribe-duration", |mut store, (duration,): (u64,)| {
        subscribe(store.data_mut(), duration)
    })?;
    clock.func_wrap("subscribe-instant", |mut store, (instant,): (u64,)| {
        let guest = store.data_mut();
        let now = guest.clocks().now()?;
        subscribe(guest, instant.saturating_sub(now))
    })?;
    let mut clock = linker.instance("wasi:clocks/monotonic-clock@0.3.0")?;
    clock.func_wrap_concurrent("wait-for", |store, (duration,): (u64,)| {
        Box::pin(async move {
            let duration = store.with(|mut store| real(store.data_mut(), duration));
            sleep(duration).await
        })
    })?;
    clock.func_wrap_concurrent("wait-until", |store, (instant,): (u64,)| {
        Box::pin(async move {
            let duration = store.with(|mut store| {
                let guest = store.data_mut();
                let now = guest.clocks().now()?;
                wasmtime::error::Ok(real(guest, instant.saturating_sub(now)))
            });
            sleep(duration?).await
        })
    })?;
    linker.allow_shadowing(false);
    Ok(())
}

fn subscribe(guest: &mut Guest, duration: u64) -> wasmtime::Result<(Resource<DynPollable>,)> {
    let duration = nanos(real(guest, duration));
    Ok((guest.clocks().subscribe_duration(duration)?,))
}

async fn sleep(duration: Duration) -> wasmtime::Result<()> {
    if !duration.is_zero() {
        tokio::time::sleep(duration).await;
    }
    Ok(())
}

/// How long a timer takes that a guest sets to so many nanoseconds.
fn real(guest: &Guest, nanos: u64) -> Duration {
    let app = &guest.instance.app;
    if nanos > 0 {
        app.test_controls.stats.timer();
    }
    Duration::from_nanos(nanos).saturating_mul(app.slow_timers.get())
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
