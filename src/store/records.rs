//! What is stored and read of a session.

use session_core::domain::id::HandleHash;
use session_core::domain::json::Json;
use session_core::domain::session::StoredSession;
use session_core::domain::time::Timestamp;

/// A session that is to be stored.
#[derive(Clone, Debug)]
pub struct NewSession {
    /// Its primary key.
    pub handle: HandleHash,
    /// What a refresh reads of it.
    pub stored: StoredSession,
    /// The session data; none is not the same as `null`.
    pub data: Option<Json>,
    /// When it was made.
    pub created_at: Timestamp,
    /// Where the session is used, as the site says.
    pub client: Option<Json>,
    /// Its handle, sealed ([`session_core::domain::sealed`]); none in rows that can't be listed.
    pub sealed: Option<String>,
}

/// All that the database knows of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionRecord {
    /// What a refresh reads of it.
    pub stored: StoredSession,
    /// The session data.
    pub data: Option<Json>,
    /// When it was made; the epoch if that was before the column was there.
    pub created_at: Timestamp,
    /// Where it is used, as the site says.
    pub client: Option<Json>,
}

/// One of a user's sessions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedSession {
    /// Its primary key.
    pub handle: HandleHash,
    /// Its handle, sealed; none in rows from before handles were.
    pub sealed: Option<String>,
    /// When it was made; the epoch if that was before the column was there.
    pub created_at: Timestamp,
    /// Whether it is bound to a device.
    pub bound: bool,
    /// When it expires.
    pub expires_at: Timestamp,
    /// When it ends, refreshed or not.
    pub ends_at: Option<Timestamp>,
    /// When its current refresh token was issued; none if that was before the column was there.
    pub last_active_at: Option<Timestamp>,
    /// Where it is used, as the site says.
    pub client: Option<Json>,
}
