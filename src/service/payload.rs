//! Payloads: what access tokens carry for a site, changed while a session lives.

use session_core::domain::id::HandleHash;
use session_core::domain::json::Json;
use session_core::domain::protocol::Protocol;
use session_core::domain::rotation::Refusal;
use session_core::domain::token::access::AccessClaims;
use session_core::log::TokenKind;
use session_core::platform::Platform;
use session_store::Store;

use super::verify::info;
use super::{Result, Service, SessionInfo, Token};

impl<S: Store, P: Platform> Service<S, P> {
    /// Replaces a session's payload; the next refresh or confirmation carries it. False if there is no session.
    ///
    /// # Errors
    /// If the database does not answer; the payload may be replaced all the same.
    pub async fn write_payload(
        &self,
        protocol: Protocol,
        handle: &str,
        payload: Option<&Json>,
    ) -> Result<bool> {
        let Some(handle) = HandleHash::from_caller(protocol, handle) else {
            return Ok(false);
        };
        let now = self.platform.now();
        let stored = self.store.write_payload(handle, payload, now).await?;
        Ok(stored.is_some())
    }

    /// Replaces the payload of an access token's session, if one is given, and returns a token that carries the stored
    /// payload. An expired token is accepted, and not replaced. `None` if the token is invalid or its session is gone.
    ///
    /// # Errors
    /// If the database does not answer, or the keys cannot be loaded.
    pub async fn regenerate(
        &self,
        protocol: Protocol,
        token: &str,
        payload: Option<&Json>,
    ) -> Result<Option<(SessionInfo, Option<Token>)>> {
        let now = self.platform.now();
        let (claims, form) = match self.authenticate(token, protocol, now).await? {
            Ok(authentic) => authentic,
            Err(error) => {
                self.log_rejected(TokenKind::Access, None, &error);
                return Ok(None);
            }
        };
        let handle = claims.handle.hash();
        let stored = match payload {
            Some(_) => self.store.write_payload(handle, payload, now).await?,
            None => self.store.find(handle, now).await?,
        };
        let Some(stored) = stored else {
            self.log_rejected(TokenKind::Access, Some(claims.handle), &Refusal::NoSession);
            return Ok(None);
        };
        let claims = AccessClaims {
            payload: stored.payload,
            ..claims
        };
        let token = match claims.check_times(now) {
            Ok(()) => {
                let ring = self.keys.ring().await?;
                Some(self.access_token(&claims, &ring, form, now))
            }
            Err(_) => None,
        };
        Ok(Some((info(claims), token)))
    }
}
