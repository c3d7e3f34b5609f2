//! Checking an access token.

use super::{Result, Service, SessionInfo, Token, Verified};
use crate::domain::rotation::{AccessDecision, Confirmation, Refusal, decide_access};
use crate::domain::secret::SingleHash;
use crate::domain::time::Timestamp;
use crate::domain::token::access::{AccessClaims, AccessTokenError};
use crate::platform::Platform;
use crate::store::Store;

impl<S: Store, P: Platform> Service<S, P> {
    /// Checks an access token, and confirms the refresh token that came with it if that has not been done.
    ///
    /// # Errors
    /// If the database is needed and does not answer, or the keys can't be had.
    pub async fn verify(&self, token: &str) -> Result<Verified> {
        let now = self.platform.now();
        let claims = match self.check(token, now).await? {
            Ok(claims) => claims,
            Err(error) => {
                self.refused("access token", None, &error);
                return Ok(Verified::TryRefreshToken);
            }
        };
        match claims.parent {
            None => self.verify_plain(claims, now).await,
            Some(parent) => self.verify_child(claims, parent, now).await,
        }
    }

    /// Checks signature and times, with keys loaded anew (now and then) if the token's is not among them.
    async fn check(
        &self,
        token: &str,
        now: Timestamp,
    ) -> Result<std::result::Result<AccessClaims, AccessTokenError>> {
        let keys = self.keys.access().await?;
        let outcome = AccessClaims::verify(token, now, |kid| keys.named(kid, now));
        if !matches!(&outcome, Err(AccessTokenError::UnknownKey(_))) {
            return Ok(outcome);
        }
        match self.keys.reload_for_unknown_key().await? {
            Some(keys) => Ok(AccessClaims::verify(token, now, |kid| keys.named(kid, now))),
            None => Ok(outcome),
        }
    }

    async fn verify_plain(&self, claims: AccessClaims, now: Timestamp) -> Result<Verified> {
        if self.config.access.blacklisting
            && self.store.find(claims.handle.hash(), now).await?.is_none()
        {
            self.refused("access token", Some(claims.handle), &Refusal::NoSession);
            return Ok(Verified::Unauthorised);
        }
        Ok(Verified::Ok(info(claims), None))
    }

    /// A token with a parent reads the row, and so needs no more to be sure that the session is there.
    async fn verify_child(
        &self,
        claims: AccessClaims,
        parent: SingleHash,
        now: Timestamp,
    ) -> Result<Verified> {
        let confirmation = Confirmation {
            parent: parent.double(),
            child: claims.refresh,
            expires_at: claims.issued_at.plus(self.config.refresh.validity),
        };
        let stored = self
            .store
            .confirm(claims.handle.hash(), confirmation, now)
            .await?;
        match decide_access(stored.as_ref(), &claims, now) {
            AccessDecision::Replace => {
                let ring = self.keys.ring().await?;
                let claims = AccessClaims {
                    parent: None,
                    ..claims
                };
                let value = claims.sign(&ring.access.signing(now));
                let token = Token {
                    value,
                    expires: claims.expires_at,
                };
                Ok(Verified::Ok(info(claims), Some(token)))
            }
            AccessDecision::TryRefresh => {
                let reason = "another refresh token of the session is current";
                self.refused("access token", Some(claims.handle), &reason);
                Ok(Verified::TryRefreshToken)
            }
            AccessDecision::Refuse => {
                self.refused("access token", Some(claims.handle), &Refusal::NoSession);
                Ok(Verified::Unauthorised)
            }
        }
    }
}

fn info(claims: AccessClaims) -> SessionInfo {
    SessionInfo {
        handle: claims.handle,
        user_id: claims.user_id,
        payload: claims.payload,
    }
}
