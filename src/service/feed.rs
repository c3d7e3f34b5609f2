//! What was revoked lately: the feed for those who check access tokens by themselves, and this instance's own reading of it.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use session_core::domain::config::Config;
use session_core::domain::feed::{AHEAD, Cursor, Feed, Step, read_from};
use session_core::domain::id::HandleHash;
use session_core::domain::revocation::{REVOCATION_MAX_VALIDITY, Reason};
use session_core::domain::time::Timestamp;
use session_core::log::Event;
use session_core::platform::Platform;
use session_core::sync::Semaphore;
use session_store::{BATCH_ROWS, SessionStore, Store};

use super::{Result, Service, ServiceError, within};

/// How long checks wait for a read. So long, and half a second more, a token may be good after a revocation that came
/// right after a database was away.
const READ_PATIENCE: Duration = Duration::from_millis(900);

/// How many pages, and of how many rows, a check waits for; more are read in the background.
const READ_PAGES: (usize, u64) = (10, BATCH_ROWS);

/// The same for an instance's first check.
const FIRST_PAGE: (usize, u64) = (1, 100);

/// How long each page of a read in the background may take.
const PAGE_PATIENCE: Duration = Duration::from_secs(10);

/// A page of the feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevocationPage {
    /// Sessions that were revoked.
    pub revocations: Vec<RevokedUntil>,
    /// Where the next page begins, if there is one.
    pub next: Option<Cursor>,
    /// The time of this read, for the next one to continue from.
    pub now: Timestamp,
}

/// A session that was revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RevokedUntil {
    /// Its row's key.
    pub handle: HandleHash,
    /// When its last access token has expired.
    pub until: Timestamp,
    /// Why it was revoked.
    pub reason: Reason,
}

impl<S: Store, P: Platform> Service<S, P> {
    /// A page of the revocations whose access tokens may still be good: `after` the last page, or else from a little
    /// before `since`, or else all.
    ///
    /// # Errors
    /// If the database does not answer, or access tokens are good for longer than revocations are kept.
    pub async fn revocations(
        &self,
        since: Option<Timestamp>,
        after: Option<Cursor>,
    ) -> Result<RevocationPage> {
        let validity = self.config.access.validity;
        if validity > REVOCATION_MAX_VALIDITY {
            let problem = "revocations are kept for access_token_validity of up to 86400 seconds";
            return Err(ServiceError::Misconfigured(problem.to_owned()));
        }
        let now = self.platform.now();
        let from = match after {
            Some(cursor) => (cursor.at, Some(cursor.handle)),
            None => (read_from(since, now, validity), None),
        };
        let before = now.plus(AHEAD);
        let rows = self.store.revocations(from, before, BATCH_ROWS).await?;
        let next = rows
            .get(BATCH_ROWS as usize - 1)
            .map(|last| (last.revocation.at, last.handle));
        let of = |row: session_core::domain::revocation::Revoked| RevokedUntil {
            handle: row.handle,
            until: row.revocation.until(validity),
            reason: row.revocation.reason,
        };
        Ok(RevocationPage {
            revocations: rows.into_iter().map(of).collect(),
            next: next.map(|(at, handle)| Cursor { at, handle }),
            now,
        })
    }
}

/// This instance's reading of the feed.
pub(super) struct FeedReader<S, P: Platform>(Arc<Inner<S, P>>);

struct Inner<S, P: Platform> {
    store: Arc<S>,
    platform: Arc<P>,
    validity: Duration,
    state: Mutex<State>,
    /// Has one permit, held by the check that reads for all.
    reading: Semaphore<P>,
}

struct State {
    feed: Feed,
    in_background: bool,
}

impl<S: SessionStore, P: Platform> FeedReader<S, P> {
    pub(super) fn new(store: Arc<S>, platform: Arc<P>, config: &Config) -> Self {
        let access = &config.access;
        let feed = Feed::new(access.validity, access.max_staleness);
        let (reading, in_background) = (Semaphore::new(1, Arc::clone(&platform)), false);
        Self(Arc::new(Inner {
            store,
            platform,
            validity: access.validity,
            state: Mutex::new(State {
                feed,
                in_background,
            }),
            reading,
        }))
    }

    /// Whether a session is known not to have been revoked. If not, the database has to say.
    pub(super) async fn knows_as_live(&self, handle: HandleHash) -> bool {
        // An instance for each request has nothing in memory.
        if P::BLOCKING {
            return false;
        }
        let inner = &*self.0;
        loop {
            match inner.step() {
                Step::Memory => return !inner.state().feed.may_be_revoked(handle),
                Step::AskDatabase => return false,
                Step::AskDatabaseAndLoad => {
                    self.load_in_background();
                    return false;
                }
                step @ (Step::Read | Step::ReadPage) => {
                    let _turn = inner.reading.acquire().await;
                    // Perhaps another check has read meanwhile.
                    if inner.step() == step && Box::pin(inner.read(step)).await {
                        return !inner.state().feed.may_be_revoked(handle);
                    }
                }
            }
        }
    }

    fn load_in_background(&self) {
        let mut state = self.0.state();
        if !std::mem::replace(&mut state.in_background, true) {
            drop(state);
            let load = BackgroundLoad(Arc::clone(&self.0));
            self.0.platform.spawn(async move {
                load.0.load().await;
                drop(load);
            });
        }
    }
}

/// A load in the background; over when dropped, also with a task that the runtime gave up.
struct BackgroundLoad<S, P: Platform>(Arc<Inner<S, P>>);

impl<S, P: Platform> Drop for BackgroundLoad<S, P> {
    fn drop(&mut self) {
        self.0.state().in_background = false;
    }
}

impl<S, P: Platform> Inner<S, P> {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn times(&self) -> (u64, Timestamp) {
        (self.platform.monotonic_millis(), self.platform.now())
    }

    fn step(&self) -> Step {
        let (monotonic, now) = self.times();
        self.state().feed.step(monotonic, now)
    }
}

impl<S: SessionStore, P: Platform> Inner<S, P> {
    /// Reads what is new, or a page; whether what is in memory is as of now.
    async fn read(&self, step: Step) -> bool {
        let (began, since) = (self.times(), self.state().feed.since());
        let mut found = Vec::new();
        let most = match step {
            Step::ReadPage => FIRST_PAGE,
            _ => READ_PAGES,
        };
        let pages = self.pages(began.1, since, most, &mut found);
        match within(&*self.platform, READ_PATIENCE, pages).await {
            Ok(true) => {
                self.state().feed.has_read(began, &found);
                return true;
            }
            Ok(false) if step == Step::ReadPage => self.state().feed.found_long(),
            Ok(false) => self.state().feed.forget(),
            Err(error) => self.failed(&error),
        }
        false
    }

    /// Reads everything.
    async fn load(&self) {
        let began = self.times();
        let mut found = Vec::new();
        let everything = (usize::MAX, BATCH_ROWS);
        match self.pages(began.1, None, everything, &mut found).await {
            Ok(_) => self.state().feed.has_read(began, &found),
            Err(error) => self.failed(&error),
        }
    }

    fn failed(&self, reason: &ServiceError) {
        self.platform.log(&Event::RevocationsNotRead { reason });
        let now = self.platform.monotonic_millis();
        self.state().feed.has_failed(now);
    }

    /// Reads up to so many pages; whether that was all.
    async fn pages(
        &self,
        now: Timestamp,
        since: Option<Timestamp>,
        (pages, rows): (usize, u64),
        found: &mut Vec<HandleHash>,
    ) -> Result<bool> {
        let before = now.plus(AHEAD);
        let mut from = (read_from(since, now, self.validity), None);
        for _ in 0..pages {
            let page = async { Ok(self.store.revocations(from, before, rows).await?) };
            let page = within(&*self.platform, PAGE_PATIENCE, page).await?;
            found.extend(page.iter().map(|row| row.handle));
            match page.get(rows as usize - 1) {
                Some(last) => from = (last.revocation.at, Some(last.handle)),
                None => return Ok(true),
            }
        }
        Ok(false)
    }
}

impl<S, P: Platform> fmt::Debug for FeedReader<S, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FeedReader(..)")
    }
}
