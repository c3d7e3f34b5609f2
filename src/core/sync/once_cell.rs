//! A value that an instance's first request makes for a limited time, and the others wait for.
//!
//! Those that wait share the outcome, and so need no timer of their own: a timer is several turns with the host, and up
//! to fifteen requests wait when an instance starts.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use super::Semaphore;
use crate::platform::Platform;

/// A value that is made once.
pub struct OnceCell<T, P: Platform> {
    value: OnceLock<T>,
    /// Has one permit, held by the request that makes the value.
    making: Semaphore<P>,
    failures: Mutex<Failures>,
    platform: Arc<P>,
}

/// The attempts that failed.
#[derive(Clone, Copy, Default)]
struct Failures {
    count: u64,
    last: Option<InitError>,
}

/// Why there is no value yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InitError {
    /// It could not be made.
    Failed,
    /// It was not made in time.
    TimedOut,
}

impl<T, P: Platform> OnceCell<T, P> {
    /// Without a value.
    pub fn new(platform: Arc<P>) -> Self {
        Self {
            value: OnceLock::new(),
            making: Semaphore::new(1, Arc::clone(&platform)),
            failures: Mutex::default(),
            platform,
        }
    }

    /// The value: the one that is there, the one that another request is making, or else the one that `make` gives
    /// `within` so long.
    ///
    /// # Errors
    /// If `make` gives none or takes too long, or that of the request that this one waited for did. Nothing is kept then:
    /// the next request tries again.
    pub async fn get_or_init(
        &self,
        within: Duration,
        make: impl Future<Output = Option<T>>,
    ) -> Result<&T, InitError> {
        if let Some(value) = self.value.get() {
            return Ok(value);
        }
        let before = self.failures().count;
        let _turn = self.making.acquire().await;
        if let Some(value) = self.value.get() {
            return Ok(value);
        }
        let Failures { count, last } = *self.failures();
        if let Some(error) = last.filter(|_| count != before) {
            return Err(error);
        }
        let made = tokio::select! {
            biased;
            made = make => made.ok_or(InitError::Failed),
            () = self.platform.sleep(within) => Err(InitError::TimedOut),
        };
        match made {
            Ok(value) => Ok(self.value.get_or_init(|| value)),
            Err(error) => {
                let mut failures = self.failures();
                failures.count += 1;
                failures.last = Some(error);
                Err(error)
            }
        }
    }

    fn failures(&self) -> MutexGuard<'_, Failures> {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T, P: Platform> fmt::Debug for OnceCell<T, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OnceCell(..)")
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};
    use std::sync::atomic::{AtomicU32, Ordering};

    use tokio::time::{Instant, sleep};

    use super::*;
    use crate::testing::TestPlatform;

    const LIMIT: Duration = Duration::from_secs(3);

    fn cell() -> OnceCell<u32, TestPlatform> {
        OnceCell::new(TestPlatform::new(1))
    }

    #[tokio::test(start_paused = true)]
    async fn one_makes_it_and_all_have_it() {
        let (cell, calls) = (cell(), AtomicU32::new(0));
        let get = || {
            cell.get_or_init(LIMIT, async {
                sleep(Duration::from_secs(1)).await;
                Some(calls.fetch_add(1, Ordering::Relaxed))
            })
        };
        let (one, two, three) = tokio::join!(get(), get(), get());
        assert_eq!((one, two, three), (Ok(&0), Ok(&0), Ok(&0)));
        assert_eq!(get().await, Ok(&0));
        assert_eq!(calls.into_inner(), 1);
    }

    /// The third in line does not wait three times as long.
    #[tokio::test(start_paused = true)]
    async fn nobody_waits_longer_than_the_limit() {
        let (cell, started) = (cell(), Instant::now());
        let get = || cell.get_or_init(LIMIT, pending());
        let outcomes = tokio::join!(get(), get(), get());
        let late = Err(InitError::TimedOut);
        assert_eq!(outcomes, (late, late, late));
        assert_eq!(started.elapsed(), LIMIT);
        assert_eq!(cell.get_or_init(LIMIT, ready(Some(7))).await, Ok(&7));
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_that_gives_up_leaves_it_to_the_next() {
        let cell = cell();
        let first =
            async { tokio::time::timeout(LIMIT / 2, cell.get_or_init(LIMIT, pending())).await };
        let (given_up, made) = tokio::join!(first, cell.get_or_init(LIMIT, ready(Some(7))));
        assert!(given_up.is_err());
        assert_eq!(made, Ok(&7));
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_is_not_kept() {
        let cell = cell();
        let failed = cell.get_or_init(LIMIT, ready(None)).await;
        assert_eq!(failed, Err(InitError::Failed));
        assert_eq!(cell.get_or_init(LIMIT, ready(Some(7))).await, Ok(&7));
    }
}
