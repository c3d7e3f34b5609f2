//! Revoking sessions.

use super::{Result, Service};
use crate::domain::id::{HandleHash, UserId};
use crate::platform::Platform;
use crate::store::Store;

impl<S: Store, P: Platform> Service<S, P> {
    /// Revokes a session. True for exactly one of any number of callers, and only if it was live.
    ///
    /// # Errors
    /// If the database does not answer; the session may be revoked all the same.
    pub async fn revoke(&self, handle: &str) -> Result<bool> {
        let handle = HandleHash::of_text(handle);
        Ok(self.store.delete(handle, self.platform.now()).await?)
    }

    /// Revokes all sessions of a user that were there when the call began.
    ///
    /// # Errors
    /// If the database does not answer; some sessions may be revoked all the same.
    pub async fn revoke_all(&self, user_id: &UserId) -> Result<()> {
        Ok(self.store.delete_user(user_id, None).await?)
    }
}
