//! Checking an access token.

use session_core::domain::protocol::Protocol;
use session_core::domain::rotation::{AccessDecision, Refusal, confirm_access, decide_access};
use session_core::domain::secret::SecretString;
use session_core::domain::session::{Confirmation, StoredSession};
use session_core::domain::time::Timestamp;
use session_core::domain::token::access::{AccessClaims, AccessTokenError};
use session_core::domain::token::header::TokenFormat;
use session_core::log::TokenKind;
use session_core::platform::Platform;
use session_store::Store;

use super::{Result, Service, SessionInfo, Verified};

/// How an access token is to be checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Check<'a> {
    /// Whose caller asks.
    pub protocol: Protocol,
    /// What a token without a parent is held level.
    pub level: CheckLevel,
    /// The anti-CSRF token that came with it, if one has to.
    pub anti_csrf: Option<Option<&'a str>>,
}

/// What is looked at besides the token itself. A token with a parent reads the row anyway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckLevel {
    /// Nothing: the token is good until it expires.
    Token,
    /// The session must be live.
    Session,
    /// The session must be live; if its payload has changed, the token is replaced.
    Payload,
}

impl Check<'_> {
    /// One for the native API.
    pub fn native(blacklisting: bool) -> Self {
        Self {
            protocol: Protocol::Native,
            level: match blacklisting {
                true => CheckLevel::Session,
                false => CheckLevel::Token,
            },
            anti_csrf: None,
        }
    }
}

/// What is known of an access token whose signature is ours.
pub(super) type Authenticated = std::result::Result<(AccessClaims, TokenFormat), AccessTokenError>;

impl<S: Store, P: Platform> Service<S, P> {
    /// Checks an access token, and confirms the refresh token that came with it if that has not been done.
    ///
    /// # Errors
    /// If the database is needed and does not answer, or the keys can't be had.
    pub async fn verify(&self, token: &str, check: Check<'_>) -> Result<Verified> {
        let now = self.platform.now();
        let authentic = self.authenticate(token, check.protocol, now).await?;
        let outcome = authentic.and_then(|(claims, form)| {
            claims.check_times(now)?;
            Ok((claims, form))
        });
        let (claims, form) = match outcome {
            Ok(authentic) => authentic,
            Err(error) => {
                self.refused(TokenKind::Access, None, &error);
                return Ok(Verified::TryRefreshToken);
            }
        };
        if let Some(shown) = check.anti_csrf
            && !is_shown(claims.anti_csrf.as_ref(), shown)
        {
            let reason = "without the anti-CSRF token that came with it";
            self.refused(TokenKind::Access, Some(claims.handle), &reason);
            return Ok(Verified::TryRefreshToken);
        }
        let confirmation = confirm_access(&claims, self.config.refresh.validity);
        match (confirmation, check.level) {
            (None, CheckLevel::Token) => Ok(Verified::Ok(info(claims), None)),
            (None, level) => self.verify_plain(claims, form, level, now).await,
            (Some(confirmation), _) => self.verify_child(claims, form, confirmation, now).await,
        }
    }

    /// Checks all but the times, with keys loaded anew (now and then) if the token's is not among them.
    pub(super) async fn authenticate(
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
        level: CheckLevel,
        now: Timestamp,
    ) -> Result<Verified> {
        match self.store.find(claims.handle.hash(), now).await? {
            Some(stored) if level == CheckLevel::Session || stored.payload == claims.payload => {
                Ok(Verified::Ok(info(claims), None))
            }
            stored => self.reissue(stored, claims, form, now).await,
        }
    }

    /// A token with a parent reads the row, and so needs no more to be sure that the session is there.
    async fn verify_child(
        &self,
        claims: AccessClaims,
        form: TokenFormat,
        confirmation: Confirmation,
        now: Timestamp,
    ) -> Result<Verified> {
        let handle = claims.handle.hash();
        let stored = self.store.confirm(handle, confirmation, now).await?;
        self.reissue(stored, claims, form, now).await
    }

    /// Replaces a token whose refresh token is current by one without a parent and with the payload that is stored.
    async fn reissue(
        &self,
        stored: Option<StoredSession>,
        claims: AccessClaims,
        form: TokenFormat,
        now: Timestamp,
    ) -> Result<Verified> {
        match decide_access(stored, &claims, now) {
            AccessDecision::Replace(stored) => {
                let ring = self.keys.ring().await?;
                let claims = AccessClaims {
                    parent: None,
                    payload: stored.payload,
                    ..claims
                };
                let token = self.access_token(&claims, &ring, form, now);
                Ok(Verified::Ok(info(claims), Some(token)))
            }
            AccessDecision::TryRefresh => {
                let reason = "another refresh token of the session is current";
                self.refused(TokenKind::Access, Some(claims.handle), &reason);
                Ok(Verified::TryRefreshToken)
            }
            AccessDecision::Refuse => {
                self.refused(TokenKind::Access, Some(claims.handle), &Refusal::NoSession);
                Ok(Verified::Unauthorised)
            }
        }
    }
}

fn is_shown(of: Option<&SecretString>, shown: Option<&str>) -> bool {
    of.zip(shown)
        .is_some_and(|(of, shown)| of.matches(shown.as_bytes()))
}

pub(super) fn info(claims: AccessClaims) -> SessionInfo {
    SessionInfo {
        handle: claims.handle,
        user_id: claims.user_id,
        payload: claims.payload,
    }
}
