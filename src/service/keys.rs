//! The keys of this instance: loaded once, read again every minute, and kept for as long as the database is away.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use session_core::domain::config::Config;
use session_core::domain::keys::{
    AccessKeys, CACHE_TIME, KEY_SET_LAG, KeyRing, MasterKey, PUBLISH_LEAD, Planner,
};
use session_core::domain::time::Timestamp;
use session_core::log::Event;
use session_core::platform::Platform;
use session_core::sync::Semaphore;
use session_store::{KeyStore, StoreError};

use super::{Result, ServiceError, key_changes};

/// How long to wait before another access token with an unknown key may cause a read of the database.
const UNKNOWN_KEY_PAUSE: Duration = Duration::from_secs(5);

/// How long to wait after a failed load before the next.
const FAILURE_PAUSE: Duration = Duration::from_secs(5);

/// How long a load may take.
const LOAD_DEADLINE: Duration = Duration::from_millis(1900);

/// The keys of this instance.
pub(super) struct KeyCache<S, P: Platform>(Arc<Inner<S, P>>);

struct Inner<S, P: Platform> {
    store: Arc<S>,
    platform: Arc<P>,
    config: Arc<Config>,
    /// Access-token keys that do not come from the database.
    own: Option<AccessKeys>,
    /// The operator's key file, as `own`.
    file: Option<AccessKeys>,
    state: Mutex<State>,
    /// Has one permit, held by the request that loads.
    loading: Semaphore<P>,
}

#[derive(Default)]
struct State {
    loaded: Option<Loaded>,
    /// How many loads have ended.
    loads: u64,
    /// When the last one ended, on the monotonic clock, in milliseconds.
    last_load: Option<u64>,
    /// How it failed, if it did.
    last_error: Option<ServiceError>,
    /// Whether a background task is loading.
    in_background: bool,
}

#[derive(Clone)]
struct Loaded {
    ring: Arc<KeyRing>,
    at: Timestamp,
}

impl<S: KeyStore, P: Platform> KeyCache<S, P> {
    pub(super) fn new(
        store: Arc<S>,
        platform: Arc<P>,
        config: Arc<Config>,
        key_file: Option<&[u8]>,
    ) -> Self {
        let file = key_file.map(AccessKeys::file);
        // None while the database's keys sign: then they are loaded before anything is checked.
        let derived =
            AccessKeys::derived(&config.master_keys, config.access.rotation, &[], None, None);
        let refresh: Vec<_> = config
            .master_keys
            .all()
            .iter()
            .map(MasterKey::refresh_key)
            .collect();
        let own = file
            .clone()
            .or(derived)
            .map(|keys| keys.and_static(&refresh));
        let (state, loading) = (Mutex::default(), Semaphore::new(1, Arc::clone(&platform)));
        Self(Arc::new(Inner {
            store,
            platform,
            config,
            own,
            file,
            state,
            loading,
        }))
    }

    /// Whether access tokens can be checked without the database.
    pub(super) fn has_own(&self) -> bool {
        self.0.own.is_some()
    }

    /// The keys to check access tokens with. With a master key or a key file they need no database; if the last load
    /// failed a moment ago, no request waits for another.
    pub(super) async fn access(&self) -> Result<AccessKeys> {
        let loaded = self.0.state().loaded.clone();
        let Some(loaded) = loaded else {
            return match &self.0.own {
                Some(own) => Ok(own.clone()),
                None => Ok(self.0.load_within_deadline().await?.access.clone()),
            };
        };
        // Keys from before a master key only become fewer: no request waits for the database because of them.
        let waits = self.0.own.is_none() && self.0.state().last_error.is_none();
        match self.0.staleness(loaded.at) {
            Staleness::Overdue if waits => Ok(self.ring().await?.access.clone()),
            Staleness::Fresh => Ok(loaded.ring.access.clone()),
            Staleness::Due | Staleness::Overdue => {
                self.load_in_background();
                Ok(loaded.ring.access.clone())
            }
        }
    }

    /// The keys to publish: all that a check would accept. They are read before they are published first, and again before
    /// [`KEY_SET_LAG`] has passed; while the database is away those in memory count, and those of a master key.
    pub(super) async fn published(&self) -> Result<AccessKeys> {
        let now = self.0.platform.now();
        let loaded = self.0.state().loaded.as_ref().map(|loaded| loaded.at);
        let is_old = |at: Timestamp| now < at || now >= at.plus(KEY_SET_LAG);
        let is_due = loaded.is_none_or(|at| self.0.own.is_none() && is_old(at));
        if is_due && !self.0.failed_just_now() {
            match self.0.load_within_deadline().await {
                Err(error @ ServiceError::Misconfigured(_)) => return Err(error),
                // A key file is one of several keys, and the others come from the database.
                Err(error) if loaded.is_none() && self.0.config.master_keys.is_empty() => {
                    return Err(error);
                }
                Err(_) | Ok(_) => {}
            }
        }
        self.access().await
    }

    /// All keys, those that sign included.
    pub(super) async fn ring(&self) -> Result<Arc<KeyRing>> {
        let Some(loaded) = self.0.state().loaded.clone() else {
            return self.0.load_within_deadline().await;
        };
        match self.0.staleness(loaded.at) {
            Staleness::Fresh => Ok(loaded.ring),
            Staleness::Due => {
                self.load_in_background();
                Ok(loaded.ring)
            }
            // Too old to sign with, unless the database is away: then better than nothing.
            Staleness::Overdue => match self.0.load_within_deadline().await {
                Ok(ring) => Ok(ring),
                Err(error @ ServiceError::Misconfigured(_)) => Err(error),
                Err(_) => Ok(loaded.ring),
            },
        }
    }

    /// The keys in the database as of at most [`UNKNOWN_KEY_PAUSE`] ago; `None` if it does not answer.
    pub(super) async fn reload_for_unknown_key(&self) -> Result<Option<AccessKeys>> {
        if self.0.loaded_within(UNKNOWN_KEY_PAUSE) {
            // Perhaps a load in the background ended since the caller got its keys.
            let state = self.0.state();
            return Ok(state
                .loaded
                .as_ref()
                .map(|loaded| loaded.ring.access.clone()));
        }
        match self.0.load_within_deadline().await {
            Ok(ring) => Ok(Some(ring.access.clone())),
            Err(error @ ServiceError::Misconfigured(_)) => Err(error),
            Err(_) => Ok(None),
        }
    }

    fn load_in_background(&self) {
        let mut state = self.0.state();
        if !std::mem::replace(&mut state.in_background, true) {
            drop(state);
            let reload = BackgroundReload(Arc::clone(&self.0));
            self.0.platform.spawn(async move {
                // A failure is in the log; the keys in memory stay in use.
                drop(reload.0.load_within_deadline().await);
                drop(reload);
            });
        }
    }
}

/// A load in the background; over when dropped, also with a task that the runtime gave up.
struct BackgroundReload<S: KeyStore, P: Platform>(Arc<Inner<S, P>>);

impl<S: KeyStore, P: Platform> Drop for BackgroundReload<S, P> {
    fn drop(&mut self) {
        self.0.state().in_background = false;
    }
}

enum Staleness {
    Fresh,
    Due,
    Overdue,
}

impl<S: KeyStore, P: Platform> Inner<S, P> {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn staleness(&self, at: Timestamp) -> Staleness {
        let now = self.platform.now();
        if at <= now && now < at.plus(CACHE_TIME) {
            return Staleness::Fresh;
        }
        // While the database is away a request that has keys does not wait for it.
        if self.failed_just_now() {
            Staleness::Fresh
        } else if at <= now && now < at.plus(PUBLISH_LEAD) {
            Staleness::Due
        } else {
            Staleness::Overdue
        }
    }

    fn failed_just_now(&self) -> bool {
        let failing = self.state().last_error.is_some();
        failing && self.loaded_within(FAILURE_PAUSE)
    }

    fn loaded_within(&self, pause: Duration) -> bool {
        let now = self.platform.monotonic_millis();
        let last = self.state().last_load;
        last.is_some_and(|last| u128::from(now.saturating_sub(last)) < pause.as_millis())
    }

    /// Loads the keys, or waits for another request that does, and shares its outcome. Those that wait have no timer: up to
    /// fifteen do when an instance starts.
    async fn load_within_deadline(&self) -> Result<Arc<KeyRing>> {
        let before = self.state().loads;
        let _turn = self.loading.acquire().await;
        if let Some(outcome) = self.ended_since(before) {
            return outcome;
        }
        // In a box: rustc does not work out the layout of futures that are nested any deeper.
        let load = Box::pin(self.load());
        tokio::select! {
            biased;
            ring = load => ring,
            () = self.platform.sleep(LOAD_DEADLINE) => {
                let text = format!("the keys were not loaded within {LOAD_DEADLINE:?}");
                self.ended(Err(StoreError::Unavailable(text).into()))
            }
        }
    }

    /// The outcome of the last load, if one has ended since `before` had.
    fn ended_since(&self, before: u64) -> Option<Result<Arc<KeyRing>>> {
        let state = self.state();
        if state.loads == before {
            return None;
        }
        match (&state.last_error, &state.loaded) {
            (Some(error), _) => Some(Err(error.clone())),
            (None, loaded) => loaded.as_ref().map(|loaded| Ok(Arc::clone(&loaded.ring))),
        }
    }

    /// Loads the keys; the caller holds the permit.
    async fn load(&self) -> Result<Arc<KeyRing>> {
        let outcome = self.read_and_rotate().await.inspect_err(|error| {
            self.platform.log(&Event::KeysNotLoaded { reason: error });
        });
        self.ended(outcome.map(Arc::new))
    }

    fn ended(&self, outcome: Result<Arc<KeyRing>>) -> Result<Arc<KeyRing>> {
        let mut state = self.state();
        state.loads += 1;
        state.last_load = Some(self.platform.monotonic_millis());
        state.last_error = outcome.as_ref().err().cloned();
        match &outcome {
            Ok(ring) => {
                state.loaded = Some(Loaded {
                    ring: Arc::clone(ring),
                    at: self.platform.now(),
                });
            }
            // The database answered that these keys are not, or no longer, the deployment's.
            Err(ServiceError::Misconfigured(_)) => state.loaded = None,
            Err(_) => {}
        }
        outcome
    }

    async fn read_and_rotate(&self) -> Result<KeyRing> {
        let (store, platform) = (&*self.store, &*self.platform);
        let applied = key_changes::apply(store, platform, &self.config, Planner::Request).await?;
        if let Some((row, _)) = &applied.published {
            platform.log(&Event::SigningKeyPublished { key: &row.name });
        }
        // The keys at hand are good; that the next one could not be published must not stop them.
        if let Some((key, reason)) = &applied.failed {
            platform.log(&Event::SigningKeyNotPublished { key, reason });
        }
        let ring = applied
            .table
            .ring(&self.config, self.file.as_ref(), platform.now());
        Ok(ring?)
    }
}

impl<S, P: Platform> fmt::Debug for KeyCache<S, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyCache(..)")
    }
}
