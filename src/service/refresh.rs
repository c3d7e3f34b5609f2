//! Refreshing a session, and detecting that a token was stolen.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use session_core::domain::config::TheftPolicy;
use session_core::domain::device::challenge::{self, Purpose};
use session_core::domain::json::Json;
use session_core::domain::keys::KeyRing;
use session_core::domain::lifetime::Limits;
use session_core::domain::request_times::RequestTimes;
use session_core::domain::reuse::ChildFactory;
use session_core::domain::revocation::Reason;
use session_core::domain::rotation::{
    Outcome, RefreshDecision, Refusal, decide_confirmed, decide_refresh,
};
use session_core::domain::sealed::seal;
use session_core::domain::secret::SecretString;
use session_core::domain::session::StoredSession;
use session_core::domain::time::Timestamp;
use session_core::domain::token::header::TokenFormat;
use session_core::domain::token::refresh::RefreshToken;
use session_core::log::{Event, TokenKind};
use session_core::platform::Platform;
use session_store::Store;

use super::device::{DeviceGrant, DeviceProof, Kind, Proven};
use super::{Refreshed, Result, Service, TokenOptions};

impl<S: Store, P: Platform> Service<S, P> {
    /// Exchanges a refresh token for a child of it. If the options have anti-CSRF tokens, the one that was issued with
    /// the token must be `shown`; if the session is bound, a proof of its key must come with it. If the token is confirmed,
    /// the `client` is noted.
    ///
    /// # Errors
    /// If the database does not answer, or the keys cannot be loaded. Then the token is as good as before.
    pub async fn refresh(
        &self,
        text: &str,
        shown: Option<&str>,
        client: Option<&Json>,
        proof: Option<DeviceProof<'_>>,
        options: TokenOptions,
    ) -> Result<Refreshed> {
        let ring = self.keys.ring().await?;
        let started = self.platform.now();
        let token = match RefreshToken::verify(text, options.form.protocol(), ring.refresh_keys()) {
            Ok(token) => token,
            Err(error) => {
                self.log_rejected(TokenKind::Refresh, None, &error);
                return Ok(Refreshed::Unauthorised);
            }
        };
        if options.anti_csrf && !is_shown(&token, shown, &ring) {
            let reason = "missing or wrong anti-CSRF token";
            self.log_rejected(TokenKind::Refresh, Some(token.claims.handle), &reason);
            return Ok(Refreshed::Unauthorised);
        }
        let handle = token.claims.handle.hash();
        let stored = self.store.find(handle, started).await?;
        // Before rotation is judged: whoever has a stale copy of the cookies must not put the owner out.
        let proven = stored.as_ref().map_or(Proven::Yes(None), |stored| {
            self.prove(stored, &token, &ring, proof, started)
        });
        let kind = match proven {
            Proven::Yes(kind) => kind,
            Proven::No => {
                let key = ring.refresh_key();
                let challenge = challenge::make(Purpose::Refresh, &token, started, key);
                return Ok(Refreshed::DeviceProofNeeded(challenge));
            }
            Proven::TooLate => {
                let revocation = self.revocation(Reason::SignedOut);
                self.store.revoke(handle, revocation).await?;
                return Ok(Refreshed::Unauthorised);
            }
        };
        let limits = stored
            .as_ref()
            .map_or_else(Limits::default, |stored| stored.limits);
        let idle = self.config.refresh.lifetime.idle;
        // The lifetime of a session with limits of its own tells nothing about the settings.
        let seen = match limits == Limits::default() {
            true => token.claims.lifetime(),
            false => idle,
        };
        let other_validities = self.other_validities.with(seen, idle);
        let factory = self.factory(&ring, &other_validities, limits, options);
        let times = || RequestTimes {
            started,
            now: self.platform.now(),
        };
        let outcome = match decide_refresh(stored, &token, &factory, times()) {
            RefreshDecision::Done(outcome) => outcome,
            RefreshDecision::Confirm(confirmation) => {
                // Under the key of today, so that the session is listed after a change of the master key.
                let sealed = seal(token.claims.handle, ring.refresh_key());
                let stored = self
                    .store
                    .confirm(handle, confirmation, &sealed, client, started);
                let stored = stored.await?;
                decide_confirmed(stored, &token, &factory, times())
            }
        };
        match outcome {
            Outcome::IssueChild(stored) => {
                let child = factory.child(&token, started);
                self.hand_out(&ring, stored, &child, (options.form, kind), started)
                    .await
            }
            Outcome::HandOut(stored, current) => {
                self.hand_out(&ring, stored, &current, (options.form, kind), started)
                    .await
            }
            Outcome::Theft(stored) => self.theft(&token, stored).await,
            Outcome::Refuse(reason) => {
                if reason == Refusal::AheadOfDatabase {
                    self.log(&Event::TokenAheadOfDatabase {
                        session: handle,
                        reason: &reason,
                    });
                } else {
                    self.log_rejected(TokenKind::Refresh, Some(token.claims.handle), &reason);
                }
                Ok(Refreshed::Unauthorised)
            }
        }
    }

    fn factory<'a>(
        &'a self,
        ring: &'a KeyRing,
        other_validities: &'a [Duration],
        limits: Limits,
        options: TokenOptions,
    ) -> ChildFactory<'a> {
        ChildFactory {
            keys: ring.refresh_keys(),
            window: self.reuse_window(limits),
            validity: self.config.refresh.lifetime.idle,
            limits,
            other_validities,
            anti_csrf: options.anti_csrf,
            tolerates_races: options.tolerates_races,
            random: &*self.platform,
        }
    }

    /// The tokens, once the row lives long enough for them.
    async fn hand_out(
        &self,
        ring: &KeyRing,
        stored: StoredSession,
        refresh: &RefreshToken,
        (form, kind): (TokenFormat, Option<Kind>),
        now: Timestamp,
    ) -> Result<Refreshed> {
        let limits = stored.limits;
        let half_idle = limits.half_idle(&self.config.refresh.lifetime);
        if let Some(end) = stored.extension(&refresh.claims, half_idle) {
            let handle = refresh.claims.handle.hash();
            self.store.extend(handle, stored.current, end, now).await?;
        }
        self.log(&Event::SessionRefreshed {
            session: refresh.claims.handle.hash(),
            generation: refresh.claims.generation,
        });
        let next = || challenge::make(Purpose::Refresh, refresh, now, ring.refresh_key());
        let device = DeviceGrant {
            challenge: (kind == Some(Kind::Browser)).then(next),
            key: match kind {
                Some(Kind::Dpop(key)) => Some(key).filter(|_| self.config.binding),
                _ => None,
            },
        };
        let grant = self.grant(ring, &stored, refresh, form, device, now);
        Ok(Refreshed::Ok(Box::new(grant)))
    }

    /// Logs the theft, then revokes what the policy says. The session itself goes last: whatever interrupts this,
    /// the theft has been reported or can still be seen.
    async fn theft(&self, token: &RefreshToken, stored: StoredSession) -> Result<Refreshed> {
        let handle = token.claims.handle;
        let policy = self.config.on_theft;
        self.log(&Event::TokenTheftDetected {
            session: handle.hash(),
            presented: token.claims.generation,
            current: stored.generation,
            policy,
        });
        let revocation = self.revocation(Reason::Theft);
        if policy == TheftPolicy::RevokeUser {
            self.store
                .delete_user(&stored.user_id, Some(handle.hash()), revocation)
                .await?;
        }
        if policy != TheftPolicy::Report {
            self.store.revoke(handle.hash(), revocation).await?;
        }
        Ok(Refreshed::TheftDetected(handle, stored.user_id))
    }
}

/// Whether the anti-CSRF token that was issued with a refresh token is shown, if one was. During the introduction or
/// a change of a master key it may be of either key.
fn is_shown(token: &RefreshToken, shown: Option<&str>, ring: &KeyRing) -> bool {
    let matches = |of: SecretString| shown.is_some_and(|shown| of.matches(shown.as_bytes()));
    let mut keys = ring.refresh_keys().iter();
    !token.claims.anti_csrf || keys.any(|key| token.anti_csrf(key).is_some_and(matches))
}

/// How long refresh tokens of other replicas are good, while a change of `refresh_token_validity` is rolled out: the last
/// two values that this instance has seen besides its own.
#[derive(Debug, Default)]
pub(super) struct OtherValidities(Mutex<Vec<Duration>>);

impl OtherValidities {
    /// Those, and one more that was just seen.
    fn with(&self, seen: Duration, own: Duration) -> Vec<Duration> {
        let mut others = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if seen != own && !others.contains(&seen) {
            others.insert(0, seen);
            others.truncate(2);
        }
        others.clone()
    }
}
