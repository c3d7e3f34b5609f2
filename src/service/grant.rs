//! The tokens that a login or a refresh hands out.

use session_core::domain::keys::KeyRing;
use session_core::domain::reuse::ReuseWindow;
use session_core::domain::time::Timestamp;
use session_core::domain::token::access::AccessClaims;
use session_core::domain::token::header::TokenFormat;
use session_core::domain::token::refresh::RefreshToken;
use session_core::platform::Platform;
use session_store::Store;

use super::{DeviceGrant, Grant, Service, SessionInfo, Token};

impl<S: Store, P: Platform> Service<S, P> {
    /// The tokens that go with a refresh token.
    pub(super) fn grant(
        &self,
        ring: &KeyRing,
        session: SessionInfo,
        refresh: &RefreshToken,
        form: TokenFormat,
        device: DeviceGrant,
        now: Timestamp,
    ) -> Grant {
        let anti_csrf = refresh.anti_csrf(ring.refresh_key());
        let issued_at = refresh.claims.issued_at;
        // No access token outlives its session.
        let session_left = refresh.claims.expires_at.since(issued_at);
        let validity = self.config.access.validity.min(session_left);
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
            key: device.key,
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
            device,
            session,
        }
    }

    pub(super) fn reuse_window(&self) -> ReuseWindow {
        ReuseWindow::new(
            self.config.refresh.reuse_window,
            self.config.access.validity,
        )
    }

    /// A token of these claims, signed with the key of its class.
    pub(super) fn access_token(
        &self,
        claims: &AccessClaims,
        ring: &KeyRing,
        form: TokenFormat,
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
