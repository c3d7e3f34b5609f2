//! Checking an access token.

use std::time::Duration;

use session_core::domain::authentication::Authentication;
use session_core::domain::config::Blacklisting;
use session_core::domain::json::Json;
use session_core::domain::protocol::Protocol;
use session_core::domain::rotation::{AccessDecision, Refusal, confirm_access, decide_access};
use session_core::domain::sealed::seal;
use session_core::domain::secret::SecretString;
use session_core::domain::session::{Confirmation, StoredSession};
use session_core::domain::time::Timestamp;
use session_core::domain::token::access::{AccessClaims, AccessTokenError};
use session_core::domain::token::header::TokenFormat;
use session_core::log::TokenKind;
use session_core::platform::Platform;
use session_store::Store;

use super::{Dpop, Result, Service, SessionInfo, Token, Verified};

/// How to check an access token.
#[derive(Clone, Copy, Debug)]
pub struct Check<'a> {
    /// The protocol of the caller.
    pub protocol: Protocol,
    /// What to compare a token without a parent with.
    pub level: CheckLevel,
    /// The anti-CSRF token that came with it, if one is required.
    pub anti_csrf: Option<Option<&'a str>>,
    /// The DPoP proof that came with it.
    pub dpop: Option<Dpop<'a>>,
    /// Where the session is used: noted if the token is confirmed.
    pub client: Option<&'a Json>,
    /// How long ago the user may have been authenticated; none: nobody asks.
    pub max_authentication_age: Option<Duration>,
}

/// What to check besides the token itself. For a token with a parent the row is read anyway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckLevel {
    /// Nothing: the token is good until it expires.
    Token,
    /// The session must not be among those that were revoked, as of a second ago.
    Feed,
    /// The session must be live.
    Session,
    /// The session must be live; if its payload has changed, the token is replaced.
    Payload,
}

impl Check<'_> {
    /// One for the native API.
    pub fn native(blacklisting: Blacklisting) -> Self {
        Self {
            protocol: Protocol::Native,
            level: match blacklisting {
                Blacklisting::Off => CheckLevel::Token,
                Blacklisting::EachCheck => CheckLevel::Session,
                Blacklisting::Feed => CheckLevel::Feed,
            },
            anti_csrf: None,
            client: None,
            max_authentication_age: None,
            dpop: None,
        }
    }
}

/// The claims and the format of an access token, if it was signed by this deployment.
pub(super) type Authenticated = std::result::Result<(AccessClaims, TokenFormat), AccessTokenError>;

impl<S: Store, P: Platform> Service<S, P> {
    /// Checks an access token, and confirms the refresh token that came with it if that has not been done.
    ///
    /// # Errors
    /// If the database is needed and does not answer, or the keys cannot be loaded.
    pub async fn verify(&self, token: &str, check: Check<'_>) -> Result<Verified> {
        let now = self.platform.now();
        let authentic = self.authenticate_now(token, check.protocol, now).await?;
        let Some((claims, form)) = authentic else {
            return Ok(Verified::TryRefreshToken);
        };
        if let Some(shown) = check.anti_csrf
            && !is_shown(claims.anti_csrf.as_ref(), shown)
        {
            let reason = "missing or wrong anti-CSRF token";
            self.log_rejected(TokenKind::Access, Some(claims.handle), &reason);
            return Ok(Verified::TryRefreshToken);
        }
        if !self.has_proof(&claims, token, check.dpop, now) {
            return Ok(Verified::DeviceProofNeeded);
        }
        let confirmation = confirm_access(&claims, self.config.refresh.lifetime.idle);
        match (confirmation, check.level) {
            (None, CheckLevel::Token) => Ok(good(claims, None, None, &check, now)),
            (None, CheckLevel::Feed) if self.feed.knows_as_live(claims.handle.hash()).await => {
                Ok(good(claims, None, None, &check, now))
            }
            (None, _) => self.verify_plain(claims, form, &check, now).await,
            (Some(confirmation), _) => {
                self.verify_child(claims, form, confirmation, &check, now)
                    .await
            }
        }
    }

    /// Checks all that the token itself tells; none, and a line in the log, if it is not good.
    pub(super) async fn authenticate_now(
        &self,
        token: &str,
        protocol: Protocol,
        now: Timestamp,
    ) -> Result<Option<(AccessClaims, TokenFormat)>> {
        let authentic = self.authenticate(token, protocol, now).await?;
        let outcome = authentic.and_then(|(claims, form)| {
            claims.check_times(now)?;
            Ok((claims, form))
        });
        match outcome {
            Ok(authentic) => Ok(Some(authentic)),
            Err(error) => {
                self.log_rejected(TokenKind::Access, None, &error);
                Ok(None)
            }
        }
    }

    /// Checks all but the times. If the token's key is unknown the keys are loaded again, at most once in 5 s.
    pub(super) async fn authenticate(
        &self,
        token: &str,
        protocol: Protocol,
        now: Timestamp,
    ) -> Result<Authenticated> {
        let settings = &self.config.access;
        let (issuer, audience) = (settings.issuer.as_deref(), settings.audience.as_deref());
        let outcome = self.authenticate_signature(token, protocol, now).await?;
        Ok(outcome.and_then(|(claims, form)| {
            claims.check_names(issuer, audience)?;
            Ok((claims, form))
        }))
    }

    async fn authenticate_signature(
        &self,
        token: &str,
        protocol: Protocol,
        now: Timestamp,
    ) -> Result<Authenticated> {
        let keys = self.keys.access().await?;
        let outcome =
            AccessClaims::authenticate(token, protocol, |class, name| keys.named(class, name, now));
        if !matches!(&outcome, Err(AccessTokenError::UnknownKey(_))) {
            return Ok(outcome);
        }
        match self.keys.reload_for_unknown_key().await? {
            Some(keys) => Ok(AccessClaims::authenticate(
                token,
                protocol,
                |class, name| keys.named(class, name, now),
            )),
            None => Ok(outcome),
        }
    }

    async fn verify_plain(
        &self,
        claims: AccessClaims,
        form: TokenFormat,
        check: &Check<'_>,
        now: Timestamp,
    ) -> Result<Verified> {
        let level = check.level;
        match self.store.find(claims.handle.hash(), now).await? {
            Some(stored) if level != CheckLevel::Payload || stored.payload == claims.payload => {
                Ok(good(claims, None, stored.authentication, check, now))
            }
            stored => self.reissue(stored, claims, form, check, now).await,
        }
    }

    /// Confirms the refresh token. That reads the row, so whether the session is live is known as well.
    async fn verify_child(
        &self,
        claims: AccessClaims,
        form: TokenFormat,
        confirmation: Confirmation,
        check: &Check<'_>,
        now: Timestamp,
    ) -> Result<Verified> {
        let handle = claims.handle.hash();
        let ring = self.keys.ring().await?;
        let sealed = seal(claims.handle, ring.refresh_key());
        let stored = self
            .store
            .confirm(handle, confirmation, &sealed, check.client, now);
        let stored = stored.await?;
        self.reissue(stored, claims, form, check, now).await
    }

    /// Replaces a token whose refresh token is current by one without a parent and with the payload that is stored.
    async fn reissue(
        &self,
        stored: Option<StoredSession>,
        claims: AccessClaims,
        form: TokenFormat,
        check: &Check<'_>,
        now: Timestamp,
    ) -> Result<Verified> {
        match decide_access(stored, &claims, now) {
            AccessDecision::Replace(stored) => {
                let ring = self.keys.ring().await?;
                let claims = AccessClaims {
                    parent: None,
                    optional: self.optional_claims(form, stored.authentication.as_ref()),
                    payload: stored.payload,
                    ..claims
                };
                let token = self.access_token(&claims, &ring, form, now);
                Ok(good(claims, Some(token), stored.authentication, check, now))
            }
            AccessDecision::TryRefresh => {
                let reason = "another refresh token of the session is current";
                self.log_rejected(TokenKind::Access, Some(claims.handle), &reason);
                Ok(Verified::TryRefreshToken)
            }
            AccessDecision::Refuse => {
                self.log_rejected(TokenKind::Access, Some(claims.handle), &Refusal::NoSession);
                Ok(Verified::Unauthorised)
            }
        }
    }
}

fn is_shown(of: Option<&SecretString>, shown: Option<&str>) -> bool {
    of.zip(shown)
        .is_some_and(|(of, shown)| of.matches(shown.as_bytes()))
}

/// The answer about a good token, of a session whose row says that of its user's authentication if it was read. The token
/// says the same, unless it is from before the setting.
fn good(
    claims: AccessClaims,
    replacement: Option<Token>,
    stored: Option<Authentication>,
    check: &Check<'_>,
    now: Timestamp,
) -> Verified {
    let authentication = stored.or_else(|| claims.optional.authentication.clone());
    let is_fresh = |age| authentication.is_some_and(|it: Authentication| it.is_fresh(age, now));
    match check.max_authentication_age {
        Some(age) if !is_fresh(age) => Verified::Reauthenticate(info(claims), replacement),
        _ => Verified::Ok(info(claims), replacement),
    }
}

pub(super) fn info(claims: AccessClaims) -> SessionInfo {
    SessionInfo {
        bound: claims.key.is_some(),
        handle: claims.handle,
        user_id: claims.user_id,
        payload: claims.payload,
    }
}
