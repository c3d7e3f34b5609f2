//! The use cases: what each endpoint does, over a store and a platform, without HTTP.

#![warn(clippy::disallowed_methods)]

mod counters;
mod create;
mod data;
mod device;
mod feed;
mod grant;
mod kept;
mod key_changes;
mod key_set;
mod keys;
mod list;
pub mod maintenance;
mod metrics;
mod payload;
mod ready;
mod reauthenticate;
mod refresh;
mod revoke;
mod revoke_by_token;
mod session_limit;
mod verify;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use session_core::domain::config::Config;
use session_core::domain::id::{SessionHandle, UserId};
use session_core::domain::json::Json;
use session_core::domain::keys::KeyTableError;
use session_core::domain::secret::SecretString;
use session_core::domain::time::Timestamp;
use session_core::domain::token::header::TokenFormat;
use session_core::log::{Event, TokenKind};
use session_core::platform::Platform;
use session_store::{Store, StoreError};

pub use self::counters::Counters;
pub use self::create::Login;
pub use self::device::{DeviceGrant, DeviceProof, Dpop, NewBinding};
pub use self::feed::{RevocationPage, RevokedUntil};
pub use self::list::{Listed, Page};
pub use self::reauthenticate::Reauthenticated;
pub use self::verify::{Check, CheckLevel};

use self::feed::FeedReader;
use self::kept::Kept;
use self::keys::KeyCache;
pub use self::metrics::Metrics;
use self::refresh::OtherValidities;

/// The session service of one deployment.
pub struct Service<S, P: Platform> {
    store: Arc<S>,
    platform: Arc<P>,
    config: Arc<Config>,
    keys: KeyCache<S, P>,
    feed: FeedReader<S, P>,
    readiness: Kept<Result<()>, P>,
    status: Kept<Result<()>, P>,
    key_set: Kept<Result<Arc<str>>, P>,
    metrics: Kept<Arc<Metrics>, P>,
    other_validities: OtherValidities,
    counters: Mutex<Counters>,
}

/// The options of a caller for the tokens that it receives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenOptions {
    /// How access tokens are written.
    pub form: TokenFormat,
    /// Whether to issue an anti-CSRF token with them.
    pub anti_csrf: bool,
    /// Whether the loser of a race of refreshes gets the winner's child instead of a report of theft.
    pub tolerates_races: bool,
}

impl TokenOptions {
    /// Those of the native API.
    pub const NATIVE: Self = Self {
        form: TokenFormat::Native,
        anti_csrf: false,
        tolerates_races: true,
    };
}

/// A token as it is handed out.
#[derive(Clone, PartialEq, Eq)]
pub struct Token {
    /// Its text.
    pub value: String,
    /// When it was issued.
    pub issued: Timestamp,
    /// It is good before this.
    pub expires: Timestamp,
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Token(expires {:?})", self.expires)
    }
}

/// What callers see of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionInfo {
    /// Its handle.
    pub handle: SessionHandle,
    /// Its user.
    pub user_id: UserId,
    /// Its `jwtPayload`, if it has one.
    pub payload: Option<Json>,
    /// Whether it is bound to a device: for a check, whether a proof was needed and was right.
    pub bound: bool,
}

/// A session with the three tokens that a login or a refresh hands out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// The session.
    pub session: SessionInfo,
    /// To be checked by [`Service::verify`].
    pub access: Token,
    /// For [`Service::refresh`].
    pub refresh: Token,
    /// Goes with the refresh token; readable by the site's scripts.
    pub id_refresh: Token,
    /// When the session ends, refreshed or not.
    pub ends_at: Option<Timestamp>,
    /// Must accompany the other two, if it was requested.
    pub anti_csrf: Option<SecretString>,
    /// What it says of the session's device.
    pub device: DeviceGrant,
}

/// The answer about an access token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verified {
    /// The session is live; a new access token if the caller must replace its own.
    Ok(SessionInfo, Option<Token>),
    /// The session is live, but its user was authenticated longer ago than the caller asks for, or nobody knows when. As of
    /// [`Self::Ok`].
    Reauthenticate(SessionInfo, Option<Token>),
    /// The token names a key, and no proof of that key came with it.
    DeviceProofNeeded,
    /// The session is gone.
    Unauthorised,
    /// The caller has to refresh the session.
    TryRefreshToken,
}

/// The answer about a refresh token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refreshed {
    /// A child of the token.
    Ok(Box<Grant>),
    /// The session is bound, and no right and fresh proof of its key came with the token: the challenge to sign.
    DeviceProofNeeded(String),
    /// The token is invalid, or its session is gone.
    Unauthorised,
    /// Two parties hold tokens of the session.
    TheftDetected(SessionHandle, UserId),
}

/// Why a use case failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ServiceError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The user has as many sessions as one may have.
    #[error("the user has too many sessions")]
    TooManySessions,
    /// The settings contradict the database.
    #[error("{0}")]
    Misconfigured(String),
}

impl From<KeyTableError> for ServiceError {
    fn from(error: KeyTableError) -> Self {
        Self::Misconfigured(error.to_string())
    }
}

/// The result of a use case.
pub type Result<T> = std::result::Result<T, ServiceError>;

impl<S: Store, P: Platform> Service<S, P> {
    /// A service; `key_file` is what [`session_core::domain::config::AccessSettings::key_path`] holds, at least 32 bytes.
    pub fn new(store: Arc<S>, platform: Arc<P>, config: Config, key_file: Option<&[u8]>) -> Self {
        let config = Arc::new(config);
        let (s, p, c) = (
            Arc::clone(&store),
            Arc::clone(&platform),
            Arc::clone(&config),
        );
        let feed = FeedReader::new(Arc::clone(&s), Arc::clone(&p), &config);
        let keys = KeyCache::new(s, p, c, key_file);
        Self {
            keys,
            feed,
            readiness: Kept::new(ready::MAX_AGE, &platform),
            status: Kept::new(ready::MAX_AGE, &platform),
            key_set: Kept::new(key_set::MAX_AGE, &platform),
            metrics: Kept::new(metrics::MAX_AGE, &platform),
            counters: Mutex::default(),
            store,
            platform,
            config,
            other_validities: OtherValidities::default(),
        }
    }

    /// Whether access tokens are checked with keys that do not come from the database: a master key's or a key file.
    pub fn has_own_keys(&self) -> bool {
        self.keys.has_own()
    }

    /// The settings.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The platform that it runs on.
    pub fn platform(&self) -> &Arc<P> {
        &self.platform
    }

    /// What this instance has done so far.
    pub fn counters(&self) -> Counters {
        self.lock_counters().clone()
    }

    /// Counts a request that failed, by the stable code of its error.
    pub fn count_error(&self, code: &'static str) {
        *self.lock_counters().errors.entry(code).or_default() += 1;
    }

    fn lock_counters(&self) -> MutexGuard<'_, Counters> {
        self.counters.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts an event and writes it to the log.
    fn log(&self, event: &Event<'_>) {
        self.lock_counters().count(event);
        self.platform.log(event);
    }

    /// Logs why a token was rejected. Callers do not learn the reason.
    fn log_rejected(
        &self,
        token: TokenKind,
        handle: Option<SessionHandle>,
        reason: &dyn std::fmt::Display,
    ) {
        self.platform.log(&Event::TokenRefused {
            token,
            session: handle.map(|handle| handle.hash()),
            reason,
        });
    }
}

/// The outcome of `work`, or an error if it takes longer than `patience`.
async fn within<T>(
    platform: &impl Platform,
    patience: Duration,
    work: impl Future<Output = Result<T>>,
) -> Result<T> {
    tokio::select! {
        biased;
        outcome = work => outcome,
        () = platform.sleep(patience) => {
            Err(StoreError::Unavailable(format!("no answer within {patience:?}")).into())
        }
    }
}

#[cfg(test)]
mod tests;
