//! Creating a session.

use session_core::domain::authentication::Authentication;
use session_core::domain::config::SessionLimit;
use session_core::domain::id::{Generation, SessionHandle, UserId};
use session_core::domain::json::Json;
use session_core::domain::keys::KeyRing;
use session_core::domain::lifetime::{Limits, RequestedLifetime};
use session_core::domain::protocol::Protocol;
use session_core::domain::revocation::Reason;
use session_core::domain::sealed::seal;
use session_core::domain::session::StoredSession;
use session_core::domain::time::Timestamp;
use session_core::domain::token::refresh::RefreshToken;
use session_core::log::Event;
use session_core::platform::Platform;
use session_store::{NewSession, Store};

use super::{Grant, NewBinding, Result, Service, TokenOptions};

/// What a login says of its session.
#[derive(Clone, Debug)]
pub struct Login {
    /// Whose session it is.
    pub user_id: UserId,
    /// What its access tokens carry.
    pub payload: Option<Json>,
    /// What is kept with it.
    pub data: Option<Json>,
    /// How long it lives, checked by [`LifetimePolicy::check`](session_core::domain::lifetime::LifetimePolicy::check).
    pub lifetime: RequestedLifetime,
    /// Where it is used, as the site says.
    pub client: Option<Json>,
    /// When and how the user was authenticated.
    pub authentication: Option<Authentication>,
    /// Whether it is bound to a device.
    pub binding: NewBinding,
}

impl<S: Store, P: Platform> Service<S, P> {
    /// Creates a session of the callers whose tokens have that form.
    ///
    /// # Errors
    /// If it could not be stored.
    pub async fn create(&self, login: Login, options: TokenOptions) -> Result<Grant> {
        let Login {
            user_id,
            payload,
            data,
            lifetime,
            client,
            authentication,
            binding,
        } = login;
        let ring = self.keys.ring().await?;
        let now = self.platform.now();
        let issued_at = Timestamp::from_secs(now.as_secs());
        let limits = self.config.refresh.lifetime.limits(lifetime, issued_at);
        let (handle, token) = self.first_token(&ring, limits, options, issued_at);
        let stored = StoredSession {
            user_id,
            current: token.double_hash(),
            generation: Generation::FIRST,
            expires_at: token.claims.expires_at,
            limits,
            issued_at: Some(issued_at),
            authentication,
            payload,
            binding: binding.stored(),
        };
        let session = NewSession {
            handle: handle.hash(),
            stored,
            data,
            created_at: now,
            client,
            sealed: Some(seal(handle, ring.refresh_key())),
        };
        self.store.insert(&session).await?;
        if let Some(limit) = self.config.session_limit {
            let refuses = limit.refuses && handle.protocol() == Protocol::Native;
            let limit = SessionLimit { refuses, ..limit };
            if let Err(error) = self.keep_limit(&session, limit, now).await {
                // Nobody will have its tokens. If it stays it ends as one that is not used.
                let revocation = self.revocation(Reason::Limit);
                self.store.revoke(session.handle, revocation).await.ok();
                return Err(error);
            }
        }
        self.log(&Event::SessionCreated {
            session: session.handle,
        });
        let device = self.new_device(binding, &token, &ring, now);
        Ok(self.grant(&ring, &session.stored, &token, options.form, device, now))
    }
    /// A new session's handle and first refresh token.
    pub(super) fn first_token(
        &self,
        ring: &KeyRing,
        limits: Limits,
        options: TokenOptions,
        issued_at: Timestamp,
    ) -> (SessionHandle, RefreshToken) {
        let handle = SessionHandle::generate(&*self.platform).for_protocol(options.form.protocol());
        let token = RefreshToken::first(
            handle,
            options.anti_csrf,
            issued_at,
            limits.end(issued_at, self.config.refresh.lifetime.idle),
            ring.refresh_key(),
            &*self.platform,
        );
        (handle, token)
    }
}
