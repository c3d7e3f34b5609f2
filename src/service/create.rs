//! Creating a session.

use session_core::domain::device::Binding;
use session_core::domain::device::challenge::{self, Purpose};
use session_core::domain::id::{Generation, SessionHandle, UserId};
use session_core::domain::json::Json;
use session_core::domain::sealed::seal;
use session_core::domain::session::StoredSession;
use session_core::domain::time::Timestamp;
use session_core::domain::token::refresh::RefreshToken;
use session_core::log::Event;
use session_core::platform::Platform;
use session_store::{NewSession, Store};

use super::{DeviceGrant, Grant, NewBinding, Result, Service, SessionInfo, TokenOptions};

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
        binding: NewBinding,
        options: TokenOptions,
    ) -> Result<Grant> {
        let ring = self.keys.ring().await?;
        let now = self.platform.now();
        let handle = SessionHandle::generate(&*self.platform).for_protocol(options.form.protocol());
        let issued_at = Timestamp::from_secs(now.as_secs());
        let validity = self.config.refresh.validity;
        let token = RefreshToken::first(
            handle,
            options.anti_csrf,
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
            binding: match binding {
                NewBinding::None | NewBinding::Offered => Binding::Unbound,
                NewBinding::Required => Binding::Required,
                NewBinding::To(key) => Binding::Bound(key),
            },
        };
        let session = NewSession {
            handle: handle.hash(),
            stored,
            data,
            created_at: now,
            sealed: Some(seal(handle, ring.refresh_key())),
        };
        self.store.insert(&session).await?;
        self.log(&Event::SessionCreated {
            session: session.handle,
        });
        let info = SessionInfo {
            handle,
            user_id,
            payload,
            bound: matches!(binding, NewBinding::To(_)),
        };
        let device = match binding {
            NewBinding::None => DeviceGrant::default(),
            NewBinding::Offered | NewBinding::Required => DeviceGrant {
                challenge: Some(challenge::make(
                    Purpose::Bind,
                    &token,
                    now,
                    ring.refresh_key(),
                )),
                ..DeviceGrant::default()
            },
            NewBinding::To(key) => {
                self.log(&Event::DeviceBound {
                    session: session.handle,
                });
                DeviceGrant {
                    key: Some(key.thumbprint()),
                    challenge: None,
                }
            }
        };
        Ok(self.grant(&ring, info, &token, options.form, device, now))
    }
}
