//! The tokens that a login or a refresh hands out.

use std::time::Duration;

use session_core::domain::authentication::Authentication;
use session_core::domain::keys::KeyRing;
use session_core::domain::lifetime::Limits;
use session_core::domain::reuse::ReuseWindow;
use session_core::domain::session::StoredSession;
use session_core::domain::time::Timestamp;
use session_core::domain::token::access::{AccessClaims, OptionalClaims};
use session_core::domain::token::header::TokenFormat;
use session_core::domain::token::refresh::RefreshToken;
use session_core::platform::Platform;
use session_store::Store;

use super::{DeviceGrant, Grant, Service, SessionInfo, Token};

impl<S: Store, P: Platform> Service<S, P> {
    /// The tokens that go with a refresh token of a session that is stored like this.
    pub(super) fn grant(
        &self,
        ring: &KeyRing,
        stored: &StoredSession,
        refresh: &RefreshToken,
        form: TokenFormat,
        device: DeviceGrant,
        now: Timestamp,
    ) -> Grant {
        let session = SessionInfo {
            handle: refresh.claims.handle,
            user_id: stored.user_id.clone(),
            payload: stored.payload.clone(),
            bound: stored.binding.key().is_some(),
        };
        let anti_csrf = refresh.anti_csrf(ring.refresh_key());
        let issued_at = refresh.claims.issued_at;
        let limits = stored.limits;
        // No access token outlives its session.
        let session_left = refresh.claims.expires_at.since(issued_at);
        let validity = self.access_validity(limits).min(session_left);
        let expires_at = match refresh.claims.parent {
            None => issued_at.plus(validity),
            Some(_) => {
                let window = self.reuse_window(limits);
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
            optional: self.optional_claims(form, stored.authentication.as_ref()),
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
            ends_at: limits.ends_at,
            anti_csrf,
            device,
            session,
        }
    }

    /// What the settings let a token of that form say besides.
    pub(super) fn optional_claims(
        &self,
        form: TokenFormat,
        authentication: Option<&Authentication>,
    ) -> OptionalClaims {
        let settings = &self.config.access;
        match form {
            TokenFormat::Cdi(_) => OptionalClaims::default(),
            TokenFormat::Native => OptionalClaims {
                issuer: settings.issuer.clone(),
                audience: settings.audience.clone(),
                authentication: authentication
                    .filter(|_| settings.authentication_claims)
                    .cloned(),
            },
        }
    }

    pub(super) fn access_validity(&self, limits: Limits) -> Duration {
        limits.access_validity(self.config.access.validity, &self.config.refresh.lifetime)
    }

    pub(super) fn reuse_window(&self, limits: Limits) -> ReuseWindow {
        ReuseWindow::new(
            self.config.refresh.reuse_window,
            self.access_validity(limits),
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
