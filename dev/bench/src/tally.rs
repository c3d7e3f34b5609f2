//! What one window of load saw: how many requests, how long each took, what went wrong.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

/// A minute in microseconds; no request takes as long.
const LONGEST: u64 = 60_000_000;

/// The window in which requests count.
#[derive(Clone)]
pub(crate) struct Window {
    /// Requests that begin before it are warm-up.
    pub(crate) from: Instant,
    /// Requests that end after it don't count.
    until: Instant,
    stopped: Arc<AtomicBool>,
}

impl Window {
    /// A window that begins after a warm-up from now on.
    pub(crate) fn after(warm_up: Duration, length: Duration) -> Self {
        let from = Instant::now() + warm_up;
        Self {
            from,
            until: from + length,
            stopped: Arc::default(),
        }
    }

    /// Ends it before its time.
    pub(crate) fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }

    /// Whether it is over.
    pub(crate) fn is_over(&self) -> bool {
        Instant::now() >= self.until || self.stopped.load(Ordering::Relaxed)
    }
}

/// What clients saw in a window.
pub(crate) struct Tally {
    /// When requests count.
    pub(crate) window: Window,
    /// In microseconds.
    latencies: Histogram<u64>,
    last: Option<Instant>,
    /// Requests that were not answered as they should, even outside of the window.
    pub(crate) errors: u64,
    /// What the first of those errors said.
    pub(crate) complaint: Option<String>,
}

impl Tally {
    /// Nothing yet.
    pub(crate) fn new(window: Window) -> Self {
        Self {
            window,
            latencies: Histogram::new_with_bounds(1, LONGEST, 3).expect("the bounds are possible"),
            last: None,
            errors: 0,
            complaint: None,
        }
    }

    /// Notes a request that was answered well.
    pub(crate) fn answered(&mut self, began: Instant, ended: Instant) {
        if began >= self.window.from && ended <= self.window.until {
            let micros = u64::try_from((ended - began).as_micros()).unwrap_or(u64::MAX);
            self.latencies.saturating_record(micros);
            self.last = Some(ended);
        }
    }

    /// Notes a request that was not.
    pub(crate) fn failed(&mut self, complaint: String) {
        self.errors += 1;
        self.complaint.get_or_insert(complaint);
    }

    /// Adds what another client saw in the same window.
    pub(crate) fn add(&mut self, other: Self) {
        let sum = self.latencies.add(other.latencies);
        sum.expect("both have the same range");
        self.errors += other.errors;
        self.last = self.last.max(other.last);
        self.complaint = self.complaint.take().or(other.complaint);
    }

    /// How many requests were answered well.
    pub(crate) fn requests(&self) -> u64 {
        self.latencies.len()
    }

    /// Requests per second, up to the last one: clients may run out of sessions before time is up.
    pub(crate) fn throughput(&self) -> f64 {
        let length = self
            .last
            .map(|last| (last - self.window.from).as_secs_f64());
        length.map_or(0.0, |seconds| self.requests() as f64 / seconds)
    }

    /// The latency that this share of the requests stayed below, in milliseconds.
    pub(crate) fn percentile(&self, percent: f64) -> f64 {
        self.latencies.value_at_percentile(percent) as f64 / 1000.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_requests_inside_of_the_window_count_and_the_first_complaint_stays() {
        let second = Duration::from_secs(1);
        let window = Window::after(second, 60 * second);
        let at = |seconds: f64| window.from + Duration::from_secs_f64(seconds) - second;
        let mut tally = Tally::new(window.clone());
        tally.answered(at(0.5), at(1.5));
        tally.answered(at(2.0), at(2.5));
        tally.answered(at(60.5), at(61.5));
        let mut other = Tally::new(window.clone());
        other.answered(at(4.0), at(5.0));
        other.failed("503".to_owned());
        other.failed("500".to_owned());
        tally.add(other);
        assert_eq!((tally.requests(), tally.errors), (2, 2));
        assert_eq!(tally.complaint.as_deref(), Some("503"));
        assert_eq!(tally.throughput(), 0.5);
        assert_eq!(tally.percentile(50.0).round(), 500.0);
        assert_eq!(tally.percentile(99.0).round(), 1000.0);
    }
}
