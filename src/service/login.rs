//! Creating a session.

use session_core::domain::id::{Generation, SessionHandle, UserId};
use session_core::domain::json::Json;
use session_core::domain::keys::KeyRing;
use session_core::domain::rotation::StoredSession;
use session_core::domain::sealed::seal;
use session_core::domain::time::Timestamp;
use session_core::domain::token::access::AccessClaims;
use session_core::domain::token::header::Form;
use session_core::domain::token::refresh::RefreshToken;
use session_core::log::Event;
use session_core::platform::Platform;
use session_store::{NewSession, Store};

use super::{Grant, Result, Service, SessionInfo, Terms, Token};

impl<S: Store, P: Platform> Service<S, P> {
    /// Creates a session of the callers whose tokens have that form.
    ///
    /// # Errors
    /// If it could not be stored.
    pub async fn create(
        &self,
        user_id: UserId,
        payload: Option<Json>,
        data: Option<Json>,
        terms: Terms,
    ) -> Result<Grant> {
        let ring = self.keys.ring().await?;
        let now = self.platform.now();
        let handle = SessionHandle::generate(&*self.platform).of(terms.form.protocol());
        let issued_at = Timestamp::from_secs(now.as_secs());
        let validity = self.config.refresh.validity;
        let token = RefreshToken::first(
            handle,
            terms.anti_csrf,
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
            sealed: Some(seal(handle, ring.refresh_key())),
        };
        self.store.insert(&session).await?;
        self.platform.log(&Event::SessionCreated {
            session: session.handle,
        });
        let info = SessionInfo {
            handle,
            user_id,
            payload,
        };
        Ok(self.grant(&ring, info, &token, terms.form, now))
    }

    /// The tokens that go with a refresh token.
    pub(super) fn grant(
        &self,
        ring: &KeyRing,
        session: SessionInfo,
        refresh: &RefreshToken,
        form: Form,
        now: Timestamp,
    ) -> Grant {
        let anti_csrf = refresh.anti_csrf(ring.refresh_key());
        let (issued_at, validity) = (refresh.claims.issued_at, self.config.access.validity);
        let expires_at = match refresh.claims.parent {
            None => issued_at.plus(validity),
            Some(_) => {
                let window = self.reuse_window();
                window.access_expiry(issued_at, validity, &*self.platform)
            }
        };
        let claims = AccessClaims {
            user_id: session.user_id.clone(),
            handle: session.handle,
            issued_at,
            expires_at,
            refresh: refresh.double_hash(),
            parent: refresh.claims.parent,
            anti_csrf: anti_csrf.clone(),
            payload: session.payload.clone(),
        };
        let (issued, expires) = (claims.issued_at, refresh.claims.expires_at);
        Grant {
            access: self.access_token(&claims, ring, form, now),
            refresh: Token {
                value: refresh.reveal().to_owned(),
                issued,
                expires,
            },
            id_refresh: Token {
                value: refresh.id(ring.refresh_key()),
                issued,
                expires,
            },
            anti_csrf,
            session,
        }
    }

    /// A token of these claims, signed with the key of its class.
    pub(super) fn access_token(
        &self,
        claims: &AccessClaims,
        ring: &KeyRing,
        form: Form,
        now: Timestamp,
    ) -> Token {
        let key = ring.access.signing(form.class(), now);
        Token {
            value: claims.sign(&key, self.config.access.algorithm, form),
            issued: claims.issued_at,
            expires: claims.expires_at,
        }
    }
}
