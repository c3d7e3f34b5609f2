//! Creating a session.

use super::{Grant, Result, Service, SessionInfo, Token};
use crate::domain::id::{Generation, SessionHandle, UserId};
use crate::domain::json::Json;
use crate::domain::keys::KeyRing;
use crate::domain::rotation::StoredSession;
use crate::domain::time::Timestamp;
use crate::domain::token::access::AccessClaims;
use crate::domain::token::refresh::RefreshToken;
use crate::platform::Platform;
use crate::store::{NewSession, Store};

impl<S: Store, P: Platform> Service<S, P> {
    /// Creates a session.
    ///
    /// # Errors
    /// If it could not be stored.
    pub async fn create(
        &self,
        user_id: UserId,
        payload: Option<Json>,
        data: Option<Json>,
    ) -> Result<Grant> {
        let ring = self.keys.ring().await?;
        let now = self.platform.now();
        let handle = SessionHandle::generate(&*self.platform);
        let issued_at = Timestamp::from_secs(now.as_secs());
        let validity = self.config.refresh.validity;
        let token = RefreshToken::first(
            handle,
            issued_at,
            validity,
            ring.refresh_key(),
            &*self.platform,
        );
        let stored = StoredSession {
            user_id: user_id.clone(),
            current: token.double_hash(),
            generation: Generation::FIRST,
            expires_at: token.claims.expires_at,
            payload: payload.clone(),
        };
        let session = NewSession {
            handle: handle.hash(),
            stored,
            data,
            created_at: now,
        };
        self.store.insert(&session).await?;
        let info = SessionInfo {
            handle,
            user_id,
            payload,
        };
        Ok(self.grant(&ring, info, &token, now))
    }

    /// The tokens that go with a refresh token.
    pub(super) fn grant(
        &self,
        ring: &KeyRing,
        session: SessionInfo,
        refresh: &RefreshToken,
        now: Timestamp,
    ) -> Grant {
        let claims = AccessClaims {
            user_id: session.user_id.clone(),
            handle: session.handle,
            issued_at: refresh.claims.issued_at,
            expires_at: refresh.claims.issued_at.plus(self.config.access.validity),
            refresh: refresh.double_hash(),
            parent: refresh.claims.parent,
            payload: session.payload.clone(),
        };
        let expires = refresh.claims.expires_at;
        Grant {
            access: Token {
                value: claims.sign(&ring.access.signing(now)),
                expires: claims.expires_at,
            },
            refresh: Token {
                value: refresh.reveal().to_owned(),
                expires,
            },
            id_refresh: Token {
                value: refresh.id(ring.refresh_key()),
                expires,
            },
            session,
        }
    }
}
