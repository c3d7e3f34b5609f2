//! Refreshing a session, and noticing that a token was stolen.

use std::sync::Arc;
use std::time::Duration;

use super::{Refreshed, Result, Service, SessionInfo};
use crate::domain::config::TheftPolicy;
use crate::domain::keyring::KeyRing;
use crate::domain::rotation::{
    Confirmation, RefreshDecision, Refusal, StoredSession, decide_refresh,
};
use crate::domain::secret::Key;
use crate::domain::time::Timestamp;
use crate::domain::token::refresh::{Issue, RefreshToken};
use crate::platform::{Level, Platform};
use crate::store::Store;

/// How many slots a request may see: it ends within four seconds, and a slot lasts one second at least.
const SLOTS_OF_A_REQUEST: usize = 6;

impl<S: Store, P: Platform> Service<S, P> {
    /// Exchanges a refresh token for a child of it.
    ///
    /// # Errors
    /// If the database does not answer, or the keys can't be had. Then the token is as good as before.
    pub async fn refresh(&self, text: &str) -> Result<Refreshed> {
        let ring = self.keys.ring().await?;
        let now = self.platform.now();
        let token = match RefreshToken::verify(text, ring.refresh_keys()) {
            Ok(token) => token,
            Err(error) => {
                self.refused("refresh token", None, &error);
                return Ok(Refreshed::Unauthorised);
            }
        };
        let stored = self.store.find(token.claims.handle.hash(), now).await?;
        match decide_refresh(stored.as_ref(), &token, now) {
            RefreshDecision::Confirm(confirmation) => {
                self.confirm(&ring, &token, confirmation, now).await
            }
            decision => self.settle(&ring, decision, stored, &token, now).await,
        }
    }

    /// Makes the presented child current, then decides from what the row says.
    async fn confirm(
        &self,
        ring: &Arc<KeyRing>,
        token: &RefreshToken,
        confirmation: Confirmation,
        now: Timestamp,
    ) -> Result<Refreshed> {
        let handle = token.claims.handle.hash();
        let stored = self.store.confirm(handle, confirmation, now).await?;
        let decision = decide_refresh(stored.as_ref(), token, now);
        self.settle(ring, decision, stored, token, now).await
    }

    async fn settle(
        &self,
        ring: &Arc<KeyRing>,
        decision: RefreshDecision,
        stored: Option<StoredSession>,
        token: &RefreshToken,
        now: Timestamp,
    ) -> Result<Refreshed> {
        let handle = token.claims.handle;
        match (decision, stored) {
            (RefreshDecision::IssueChild, Some(stored)) => {
                let child = self.child(ring.refresh_key(), token, now);
                Ok(self.hand_out(ring, stored, token, &child, now))
            }
            (RefreshDecision::Theft, Some(stored)) => {
                match self.current_child(ring, token, &stored, now) {
                    Some(child) => Ok(self.hand_out(ring, stored, token, &child, now)),
                    None => self.theft(token, stored).await,
                }
            }
            (RefreshDecision::Refuse(Refusal::AheadOfDatabase), _) => {
                let line = format!(
                    "refresh token refused, session {}: {}",
                    handle.hash().as_str(),
                    Refusal::AheadOfDatabase
                );
                self.platform.log(Level::Warn, &line);
                Ok(Refreshed::Unauthorised)
            }
            (RefreshDecision::Refuse(reason), _) => {
                self.refused("refresh token", Some(handle), &reason);
                Ok(Refreshed::Unauthorised)
            }
            // Only a compare-and-set that met neither parent nor child leaves a confirmation to be made: the
            // session was removed and its handle never comes back.
            (
                RefreshDecision::Confirm(_) | RefreshDecision::IssueChild | RefreshDecision::Theft,
                _,
            ) => {
                self.refused("refresh token", Some(handle), &Refusal::NoSession);
                Ok(Refreshed::Unauthorised)
            }
        }
    }

    fn hand_out(
        &self,
        ring: &KeyRing,
        stored: StoredSession,
        token: &RefreshToken,
        child: &RefreshToken,
        now: Timestamp,
    ) -> Refreshed {
        let session = SessionInfo {
            handle: token.claims.handle,
            user_id: stored.user_id,
            payload: stored.payload,
        };
        Refreshed::Ok(Box::new(self.grant(
            ring,
            session,
            child,
            Some(token.hash()),
            now,
        )))
    }

    /// The child of the token that is current, if it was made in a slot that this request has seen.
    ///
    /// Then this is no theft but a race: another request with the same token was answered first, and its answer used.
    /// Whoever it was gets what the other one got, and a thief among them is seen when they part.
    fn current_child(
        &self,
        ring: &KeyRing,
        token: &RefreshToken,
        stored: &StoredSession,
        started: Timestamp,
    ) -> Option<RefreshToken> {
        let window = self.reuse_window();
        if window.is_zero() {
            return None;
        }
        let now = self.platform.now();
        let slots = std::iter::successors(Some(started), |slot| Some(slot.plus(window)));
        let slots = slots.take_while(|slot| slot.slot_start(window) <= now);
        // While a master key is introduced or changed, another instance may make children with another key.
        slots
            .take(SLOTS_OF_A_REQUEST)
            .flat_map(|slot| ring.refresh_keys().iter().map(move |key| (slot, key)))
            .map(|(slot, key)| self.child(key, token, slot))
            .find(|child| child.double_hash() == stored.current)
    }

    fn child(&self, key: &Key, token: &RefreshToken, now: Timestamp) -> RefreshToken {
        let issue = Issue::at(now, self.reuse_window());
        token.child(issue, self.config.refresh.validity, key, &*self.platform)
    }

    /// The slot in which refreshes agree. An access token of a slot is issued at its start, so no slot is longer
    /// than half the access token's validity.
    fn reuse_window(&self) -> Duration {
        let half = Duration::from_secs(self.config.access.validity.as_secs() / 2);
        self.config.refresh.reuse_window.min(half)
    }

    /// Tells the log, then revokes what the policy says. The session itself goes last: whatever interrupts this,
    /// the theft has been reported or can still be seen.
    async fn theft(&self, token: &RefreshToken, stored: StoredSession) -> Result<Refreshed> {
        let handle = token.claims.handle;
        let policy = self.config.on_theft;
        let line = format!(
            "token theft detected, session {}: a refresh token of generation {} was presented at generation {} \
             ({policy:?})",
            handle.hash().as_str(),
            token.claims.generation.0,
            stored.generation.0,
        );
        self.platform.log(Level::Warn, &line);
        if policy == TheftPolicy::RevokeUser {
            self.store
                .delete_user(&stored.user_id, Some(handle.hash()))
                .await?;
        }
        if policy != TheftPolicy::Report {
            // Not `delete`: a lost answer must not turn a revocation that happened into a failure that hides it.
            self.store.remove(handle.hash()).await?;
        }
        Ok(Refreshed::TheftDetected(handle, stored.user_id))
    }
}
