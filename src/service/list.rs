//! A user's sessions.

use session_core::domain::id::{HandleHash, SessionHandle, UserId};
use session_core::domain::protocol::Protocol;
use session_core::domain::sealed::unseal;
use session_core::domain::time::Timestamp;
use session_core::platform::Platform;
use session_store::{BATCH_ROWS, Store};

use super::{Result, Service};

/// One session of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Which session.
    pub handle: SessionHandle,
    /// When it was made; the epoch if that is not known.
    pub created_at: Timestamp,
    /// When it expires.
    pub expires_at: Timestamp,
}

/// A part of a list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// Sessions of the callers who asked. There may be fewer than were asked for, and still more to come.
    pub sessions: Vec<Listed>,
    /// Where the next part begins, if there may be one.
    pub next: Option<HandleHash>,
}

impl<S: Store, P: Platform> Service<S, P> {
    /// Lists live sessions of a user, `after` one, out of at most `limit` rows. Those from before their handles
    /// were kept are left out.
    ///
    /// # Errors
    /// If the database does not answer, or the keys cannot be loaded.
    pub async fn list(
        &self,
        protocol: Protocol,
        user_id: &UserId,
        after: Option<HandleHash>,
        limit: u64,
    ) -> Result<Page> {
        let ring = self.keys.ring().await?;
        let now = self.platform.now();
        let rows = self.store.list_user(user_id, after, limit, now).await?;
        let next = rows.last().map(|row| row.handle);
        let is_full = rows.len() as u64 == limit;
        let sessions = rows.into_iter().filter_map(|row| {
            Some(Listed {
                handle: unseal(&row.sealed, row.handle, protocol, ring.refresh_keys())?,
                created_at: row.created_at,
                expires_at: row.expires_at,
            })
        });
        Ok(Page {
            sessions: sessions.collect(),
            next: next.filter(|_| is_full),
        })
    }

    /// The handles of all live sessions of a user.
    ///
    /// # Errors
    /// If the database does not answer, or the keys cannot be loaded.
    pub async fn list_all(
        &self,
        protocol: Protocol,
        user_id: &UserId,
    ) -> Result<Vec<SessionHandle>> {
        let (mut handles, mut after) = (Vec::new(), None);
        loop {
            let page = self.list(protocol, user_id, after, BATCH_ROWS).await?;
            handles.extend(page.sessions.into_iter().map(|session| session.handle));
            match page.next {
                None => return Ok(handles),
                next => after = next,
            }
        }
    }
}
