//! A fresh login in a session (step-up): it goes on as a new one.

use session_core::domain::authentication::Authentication;
use session_core::domain::id::Generation;
use session_core::domain::revocation::Reason;
use session_core::domain::rotation::Refusal;
use session_core::domain::sealed::seal;
use session_core::domain::session::StoredSession;
use session_core::domain::time::Timestamp;
use session_core::log::{Event, TokenKind};
use session_core::platform::Platform;
use session_store::{NewSession, Store};

use super::{Dpop, Grant, NewBinding, Result, Service, TokenOptions};

/// The answer to a fresh login.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reauthenticated {
    /// The new session.
    Ok(Box<Grant>),
    /// The session is gone.
    Unauthorised,
    /// The caller has to refresh the session.
    TryRefreshToken,
    /// The token names a key, and no right proof of that key came with it.
    DeviceProofNeeded,
}

impl<S: Store, P: Platform> Service<S, P> {
    /// Puts a new session in the place of an access token's, with all that it has but the new `authentication`, and revokes
    /// the old one: whoever copied a token of that does not get the higher level (ASVS 5.0 7.2.4).
    ///
    /// Of any number of callers one gets the new session. The token's refresh token must be the current one, or its child.
    ///
    /// The new one is bound as this login says, not as the old one was: its refresh token is another, which no key of a browser
    /// has signed for. A token that names a key is taken with a DPoP proof of that key only.
    ///
    /// # Errors
    /// If the database does not answer, or the keys cannot be loaded; the old session may be revoked all the same.
    pub async fn reauthenticate(
        &self,
        token: &str,
        authentication: Authentication,
        device: (NewBinding, Option<Dpop<'_>>),
        options: TokenOptions,
    ) -> Result<Reauthenticated> {
        let now = self.platform.now();
        let protocol = options.form.protocol();
        let Some((claims, _)) = self.authenticate_now(token, protocol, now).await? else {
            return Ok(Reauthenticated::TryRefreshToken);
        };
        let (binding, dpop) = device;
        if !self.has_proof(&claims, token, dpop, now) {
            return Ok(Reauthenticated::DeviceProofNeeded);
        }
        let old = claims.handle.hash();
        let Some(record) = self.store.record(old, now).await? else {
            self.log_rejected(TokenKind::Access, Some(claims.handle), &Refusal::NoSession);
            return Ok(Reauthenticated::Unauthorised);
        };
        // A child need not be confirmed in a row that goes at once.
        let confirmable = claims.parent.map(|parent| parent.double());
        if ![Some(claims.refresh), confirmable].contains(&Some(record.stored.current)) {
            let reason = "another refresh token of the session is current";
            self.log_rejected(TokenKind::Access, Some(claims.handle), &reason);
            return Ok(Reauthenticated::TryRefreshToken);
        }
        let ring = self.keys.ring().await?;
        let issued_at = Timestamp::from_secs(now.as_secs());
        let limits = record.stored.limits;
        let (handle, refresh) = self.first_token(&ring, limits, options, issued_at);
        let session = NewSession {
            handle: handle.hash(),
            stored: StoredSession {
                current: refresh.double_hash(),
                generation: Generation::FIRST,
                expires_at: refresh.claims.expires_at,
                issued_at: Some(issued_at),
                authentication: Some(authentication),
                binding: binding.stored(),
                ..record.stored
            },
            data: record.data,
            created_at: record.created_at,
            client: record.client,
            sealed: Some(seal(handle, ring.refresh_key())),
        };
        self.store.insert(&session).await?;
        let revocation = self.revocation(Reason::Reauthenticated);
        let revoked = self.store.delete(old, revocation).await;
        if revoked != Ok(true) {
            // Somebody else has revoked the old one, or nobody knows: nobody gets the new one.
            self.store.revoke(session.handle, revocation).await.ok();
            revoked?;
            self.log_rejected(TokenKind::Access, Some(claims.handle), &Refusal::NoSession);
            return Ok(Reauthenticated::Unauthorised);
        }
        self.log(&Event::SessionReauthenticated {
            session: session.handle,
            replaced: old,
        });
        let device = self.new_device(binding, &refresh, &ring, now);
        let grant = self.grant(&ring, &session.stored, &refresh, options.form, device, now);
        Ok(Reauthenticated::Ok(Box::new(grant)))
    }
}
