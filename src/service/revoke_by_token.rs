//! Revoking the session that a token names, whether or not the token has expired: people log out late, too.

use session_core::domain::protocol::Protocol;
use session_core::domain::token::refresh::RefreshToken;
use session_core::log::TokenKind;
use session_core::platform::Platform;
use session_store::Store;

use super::{Result, Service};

impl<S: Store, P: Platform> Service<S, P> {
    /// Revokes the session of an access token that this service has signed. As [`Self::revoke`]; none if the signature
    /// cannot be verified, also because the key has been removed since
    /// ([`session_core::domain::keys::PRUNE_MARGIN`] after its last token has expired).
    ///
    /// # Errors
    /// If the database does not answer, or the keys cannot be loaded; the session may be revoked all the same.
    pub async fn revoke_by_access_token(
        &self,
        protocol: Protocol,
        token: &str,
    ) -> Result<Option<bool>> {
        let now = self.platform.now();
        match self.authenticate(token, protocol, now).await? {
            Ok((claims, _)) => self.revoke_session(claims.handle.hash()).await.map(Some),
            Err(error) => {
                self.log_rejected(TokenKind::Access, None, &error);
                Ok(None)
            }
        }
    }

    /// Revokes the session of any of its refresh tokens, a replaced one included. As [`Self::revoke`]; none if the token
    /// is not one of this service.
    ///
    /// # Errors
    /// As [`Self::revoke_by_access_token`].
    pub async fn revoke_by_refresh_token(
        &self,
        protocol: Protocol,
        token: &str,
    ) -> Result<Option<bool>> {
        let ring = self.keys.ring().await?;
        match RefreshToken::verify(token, protocol, ring.refresh_keys()) {
            Ok(token) => {
                let handle = token.claims.handle.hash();
                self.revoke_session(handle).await.map(Some)
            }
            Err(error) => {
                self.log_rejected(TokenKind::Refresh, None, &error);
                Ok(None)
            }
        }
    }
}
