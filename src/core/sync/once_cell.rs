//! A value that an instance's first request makes and the others wait for, each of them for a limited time.

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use super::Semaphore;
use crate::platform::Platform;

/// A value that is made once.
pub struct OnceCell<T, P: Platform> {
    value: OnceLock<T>,
    /// Has one permit, held by whoever makes the value.
    making: Semaphore<P>,
    platform: Arc<P>,
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
            platform,
        }
    }

    /// The value: the one that is there, the one that another request is making, or else the one that `make` gives.
    ///
    /// # Errors
    /// If `make` gives none, or nobody has made one `within` so long, waiting for others included. Nothing is kept
    /// then: the next one tries again.
    pub async fn get_or_init(
        &self,
        within: Duration,
        make: impl Future<Output = Option<T>>,
    ) -> Result<&T, InitError> {
        if let Some(value) = self.value.get() {
            return Ok(value);
        }
        let made = async {
            let _turn = self.making.acquire().await;
            if let Some(value) = self.value.get() {
                return Ok(value);
            }
            let value = make.await.ok_or(InitError::Failed)?;
            Ok(self.value.get_or_init(|| value))
        };
        tokio::select! {
            biased;
            made = made => made,
            () = self.platform.sleep(within) => Err(InitError::TimedOut),
        }
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

    /// Whoever is third in line does not wait three times as long.
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
    async fn a_failure_is_not_kept() {
        let cell = cell();
        let failed = cell.get_or_init(LIMIT, ready(None)).await;
        assert_eq!(failed, Err(InitError::Failed));
        assert_eq!(cell.get_or_init(LIMIT, ready(Some(7))).await, Ok(&7));
    }
}
