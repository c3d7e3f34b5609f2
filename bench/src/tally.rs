//! What one window of load saw: how many requests, how long each took, what went wrong.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

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

/// Counts and latencies, in microseconds.
pub(crate) struct Tally {
    window: Window,
    latencies: Histogram<u64>,
    errors: u64,
    /// What the first error said.
    complaint: Option<String>,
    last: Option<Instant>,
}

impl Tally {
    /// Nothing yet.
    pub(crate) fn new(window: Window) -> Self {
        let minute = 60_000_000;
        Self {
            window,
            latencies: Histogram::new_with_max(minute, 3).expect("a minute is a valid range"),
            errors: 0,
            complaint: None,
            last: None,
        }
    }

    /// The window it counts.
    pub(crate) fn window(&self) -> &Window {
        &self.window
    }

    /// Notes a request that was answered well.
    pub(crate) fn answered(&mut self, began: Instant) {
        let now = Instant::now();
        if began >= self.window.from && now <= self.window.until {
            let micros = u64::try_from((now - began).as_micros()).unwrap_or(u64::MAX);
            self.latencies.saturating_record(micros);
            self.last = Some(now);
        }
    }

    /// Notes a request that was not. Errors count even outside of the window.
    pub(crate) fn failed(&mut self, complaint: String) {
        self.errors += 1;
        self.complaint.get_or_insert(complaint);
    }

    /// Adds what another client saw in the same window.
    pub(crate) fn add(&mut self, other: Self) {
        self.latencies
            .add(other.latencies)
            .expect("both have the same range");
        self.errors += other.errors;
        self.last = self.last.max(other.last);
        if let Some(complaint) = other.complaint {
            self.complaint.get_or_insert(complaint);
        }
    }

    /// How many requests were answered well.
    pub(crate) fn requests(&self) -> u64 {
        self.latencies.len()
    }

    /// How many were not.
    pub(crate) fn errors(&self) -> u64 {
        self.errors
    }

    /// What the first error said.
    pub(crate) fn complaint(&self) -> Option<&str> {
        self.complaint.as_deref()
    }

    /// Requests per second, up to the last one: a workload may run out of sessions before time is up.
    pub(crate) fn throughput(&self) -> f64 {
        match self.last {
            Some(last) => self.requests() as f64 / (last - self.window.from).as_secs_f64(),
            None => 0.0,
        }
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
    fn only_requests_inside_of_the_window_count() {
        let now = Instant::now();
        let second = Duration::from_secs(1);
        let mut window = Window::after(Duration::ZERO, 60 * second);
        window.from = now - second;
        let mut tally = Tally::new(window);
        tally.answered(now - 2 * second);
        tally.answered(now - second / 2);
        tally.answered(now);
        assert_eq!(tally.requests(), 2);
        assert!((1.0..2.1).contains(&tally.throughput()));
        assert!((499.0..700.0).contains(&tally.percentile(99.0)));
    }

    #[test]
    fn tallies_add_up_and_keep_the_first_complaint() {
        let window = Window::after(Duration::ZERO, Duration::from_secs(60));
        let (mut first, mut second) = (Tally::new(window.clone()), Tally::new(window));
        second.failed("503".to_owned());
        second.failed("500".to_owned());
        second.answered(Instant::now());
        first.add(second);
        assert_eq!((first.requests(), first.errors()), (1, 2));
        assert_eq!(first.complaint(), Some("503"));
    }
}
