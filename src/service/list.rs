//! A user's sessions.

use std::time::Duration;

use session_core::domain::id::{HandleHash, SessionHandle, UserId};
use session_core::domain::json::Json;
use session_core::domain::protocol::Protocol;
use session_core::domain::sealed::unseal;
use session_core::domain::time::{Timestamp, millis};
use session_core::platform::Platform;
use session_store::{BATCH_ROWS, Store};

use super::{Result, Service};

/// How long to go on reading rows for one page.
const PATIENCE: Duration = Duration::from_secs(2);

/// One session of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Which session; none if the row does not tell it, or under a key that is no longer known.
    pub handle: Option<SessionHandle>,
    /// When it was made; the epoch if that is not known.
    pub created_at: Timestamp,
    /// Whether it is bound to a device.
    pub bound: bool,
    /// When it expires.
    pub expires_at: Timestamp,
    /// When it ends, refreshed or not.
    pub ends_at: Option<Timestamp>,
    /// When its current refresh token was issued, so to one access token's life precise; none if that was before it was
    /// noted.
    pub last_active_at: Option<Timestamp>,
    /// Where it is used, as the site says.
    pub client: Option<Json>,
}

/// A part of a list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// Sessions of the callers' protocol. There may be fewer than were asked for, and still more to come.
    pub sessions: Vec<Listed>,
    /// Where the next part begins, if there may be one.
    pub next: Option<HandleHash>,
}

impl<S: Store, P: Platform> Service<S, P> {
    /// Lists up to `limit` live sessions of a user, `after` one, from as many rows as it takes or as can be read in
    /// [`PATIENCE`]. Of which protocol one is whose handle can't be unsealed, nobody knows: it is in every list.
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
        let started = self.platform.monotonic_millis();
        let mut page = Page {
            sessions: Vec::new(),
            next: after,
        };
        // Usually all rows are the caller's; where they are not, few are.
        let mut rows_at_once = limit.min(BATCH_ROWS);
        loop {
            let rows = self.store.list_user(user_id, page.next, rows_at_once, now);
            let rows = rows.await?;
            let is_last = (rows.len() as u64) < rows_at_once;
            let count = rows.len();
            for (index, row) in rows.into_iter().enumerate() {
                page.next = Some(row.handle);
                let sealed = row.sealed.as_deref();
                let keys = ring.refresh_keys();
                let handle = sealed.and_then(|sealed| unseal(sealed, row.handle, keys));
                if handle.is_none_or(|handle| handle.protocol() == protocol) {
                    page.sessions.push(Listed {
                        handle,
                        created_at: row.created_at,
                        expires_at: row.expires_at,
                        ends_at: row.ends_at,
                        // Tokens have whole seconds, rows have milliseconds.
                        last_active_at: row
                            .last_active_at
                            .max(row.last_active_at.and(Some(row.created_at))),
                        client: row.client,
                        bound: row.bound,
                    });
                }
                if page.sessions.len() as u64 == limit && index + 1 < count {
                    return Ok(page);
                }
            }
            if is_last {
                page.next = None;
                return Ok(page);
            }
            let took = self.platform.monotonic_millis().saturating_sub(started);
            if page.sessions.len() as u64 == limit || took >= millis(PATIENCE) {
                return Ok(page);
            }
            rows_at_once = BATCH_ROWS;
        }
    }

    /// The handles of all live sessions of a user whose handles are known.
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
            handles.extend(page.sessions.into_iter().filter_map(|it| it.handle));
            match page.next {
                None => return Ok(handles),
                next => after = next,
            }
        }
    }
}
