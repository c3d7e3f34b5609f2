//! The use cases: what each endpoint does, over a store and a platform. HTTP is not known here.

#![warn(clippy::disallowed_methods)]

mod create;
mod data;
mod grant;
mod key_set;
mod keys;
mod list;
mod maintain;
pub mod maintenance;
mod metrics;
mod payload;
mod ready;
mod refresh;
mod revoke;
mod revoke_by_token;
mod verify;

use std::sync::{Arc, Mutex};

use session_core::domain::config::Config;
use session_core::domain::id::{SessionHandle, UserId};
use session_core::domain::json::Json;
use session_core::domain::secret::SecretString;
use session_core::domain::time::Timestamp;
use session_core::domain::token::header::TokenFormat;
use session_core::log::{Event, TokenKind};
use session_core::platform::Platform;
use session_store::{Store, StoreError};

pub use self::list::{Listed, Page};
pub use self::verify::{Check, CheckLevel};

use self::key_set::LastKeySet;
use self::keys::KeyCache;
pub use self::metrics::Metrics;
use self::ready::Readiness;

/// The session service of one deployment.
pub struct Service<S, P: Platform> {
    store: Arc<S>,
    platform: Arc<P>,
    config: Arc<Config>,
    keys: KeyCache<S, P>,
    readiness: Readiness<P>,
    last_key_set: LastKeySet,
    /// With the monotonic time at which they were asked for.
    metrics: Mutex<Option<(u64, Arc<Metrics>)>>,
}

/// What a caller asks of the tokens that it is to get.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenOptions {
    /// How access tokens are written.
    pub form: TokenFormat,
    /// Whether an anti-CSRF token comes with them.
    pub anti_csrf: bool,
    /// Whether a refresh that comes after its twin's child was used gets that child, too.
    pub tolerates_races: bool,
}

impl TokenOptions {
    /// The only ones of the native API.
    pub const NATIVE: Self = Self {
        form: TokenFormat::Native,
        anti_csrf: false,
        tolerates_races: true,
    };
}

/// A token as callers get it.
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

/// What callers learn of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionInfo {
    /// Which session.
    pub handle: SessionHandle,
    /// Whose.
    pub user_id: UserId,
    /// Its `jwtPayload`, if it has one.
    pub payload: Option<Json>,
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
    /// Has to come with the other two, if it was asked for.
    pub anti_csrf: Option<SecretString>,
}

/// The answer about an access token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verified {
    /// The session is good; a new access token if the caller must replace its own.
    Ok(SessionInfo, Option<Token>),
    /// The session is gone.
    Unauthorised,
    /// Refresh.
    TryRefreshToken,
}

/// The answer about a refresh token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refreshed {
    /// A child of the token.
    Ok(Box<Grant>),
    /// The token is good for nothing.
    Unauthorised,
    /// Two parties hold tokens of the session.
    TheftDetected(SessionHandle, UserId),
}

/// Why a question could not be answered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ServiceError {
    /// The store did not do it.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The settings don't fit what is in the database.
    #[error("{0}")]
    Misconfigured(String),
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
        let keys = KeyCache::new(s, p, c, key_file);
        let readiness = Readiness::new(Arc::clone(&platform));
        Self {
            store,
            platform,
            config,
            keys,
            readiness,
            last_key_set: LastKeySet::default(),
            metrics: Mutex::default(),
        }
    }

    /// The settings.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// What it runs on.
    pub fn platform(&self) -> &Arc<P> {
        &self.platform
    }

    /// Notes why a token was refused; callers are not told.
    fn refused(
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

#[cfg(test)]
mod tests;
