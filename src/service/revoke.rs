//! Revoking sessions.

use std::collections::BTreeMap;

use session_core::domain::id::{HandleHash, UserId};
use session_core::domain::protocol::Protocol;
use session_core::domain::revocation::{Reason, Revocation};
use session_core::log::Event;
use session_core::platform::Platform;
use session_store::{BATCH_ROWS, Store};

use super::{Result, Service};

impl<S: Store, P: Platform> Service<S, P> {
    /// Revokes a session. True for exactly one of any number of callers, and only if it was live.
    ///
    /// # Errors
    /// If the database does not answer; the session may be revoked all the same.
    pub async fn revoke(&self, protocol: Protocol, handle: &str) -> Result<bool> {
        match HandleHash::from_caller(protocol, handle) {
            Some(handle) => self.revoke_session(handle).await,
            None => Ok(false),
        }
    }

    /// Revokes the session of this handle, of whichever protocol. As [`Self::revoke`].
    pub(super) async fn revoke_session(&self, handle: HandleHash) -> Result<bool> {
        let revocation = self.revocation(Reason::SignedOut);
        let deleted = self.store.delete(handle, revocation).await?;
        if deleted {
            self.log(&Event::SessionRevoked { session: handle });
        }
        Ok(deleted)
    }

    /// Revokes sessions and returns the handles of those that were live, each to exactly one of any number of callers.
    ///
    /// # Errors
    /// If the database does not answer; some sessions may be revoked all the same.
    pub async fn revoke_many(
        &self,
        protocol: Protocol,
        handles: Vec<String>,
    ) -> Result<Vec<String>> {
        let hash = |handle: String| Some((HandleHash::from_caller(protocol, &handle)?, handle));
        let mut presented: BTreeMap<_, _> = handles.into_iter().filter_map(hash).collect();
        let hashes: Vec<_> = presented.keys().copied().collect();
        let mut revoked = Vec::new();
        for batch in hashes.chunks(BATCH_ROWS as usize) {
            let revocation = self.revocation(Reason::SignedOut);
            let gone = self.store.delete_batch(batch, revocation).await?;
            for session in gone {
                self.log(&Event::SessionRevoked { session });
                revoked.extend(presented.remove(&session));
            }
        }
        Ok(revoked)
    }

    /// Revokes all sessions of a user, of whichever protocol, that were there when the call began, but for the one with the
    /// handle `except`.
    ///
    /// # Errors
    /// If the database does not answer; some sessions may be revoked all the same.
    pub async fn revoke_all(&self, user_id: &UserId, except: Option<&str>) -> Result<()> {
        let revocation = self.revocation(Reason::User);
        let except = except.map(HandleHash::of_text);
        self.store.delete_user(user_id, except, revocation).await?;
        self.log(&Event::UserRevoked);
        Ok(())
    }

    /// One of now.
    pub(super) fn revocation(&self, reason: Reason) -> Revocation {
        let at = self.platform.now();
        Revocation { at, reason }
    }
}
