//! Where sessions and keys are kept: the contract, a reference in memory, and SQL.

#![warn(clippy::disallowed_methods)]

pub mod db;
#[cfg(any(test, feature = "memory"))]
pub mod memory;
pub mod pool;
pub mod spin;
pub mod sql;
#[cfg(any(test, feature = "testing"))]
pub mod testing;

pub use session_core::domain::keys::KeyRow;

use session_core::domain::id::{HandleHash, UserId};
use session_core::domain::json::Json;
use session_core::domain::session::{Confirmation, StoredSession};
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
    /// Its handle, covered (``session_core::domain::sealed``); none in rows that can't be listed.
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
}

/// One of a user's sessions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedSession {
    /// Its primary key.
    pub handle: HandleHash,
    /// Its handle, covered.
    pub sealed: String,
    /// When it was made; the epoch if that was before the column was there.
    pub created_at: Timestamp,
    /// When it expires.
    pub expires_at: Timestamp,
}

/// Why the store did not do it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The database can't be reached, refuses, or took too long. The change may or may not have happened;
    /// to try again is safe.
    #[error("the database is unavailable: {0}")]
    Unavailable(String),
    /// The database's settings allow no statement of this size; nothing happened, and to try again is no use.
    #[error("too large for the database: {0}")]
    TooLarge(String),
    /// The database takes no changes; nothing happened, and to try again is safe.
    #[error("the database is read-only")]
    ReadOnly,
    /// The tables are missing or lack columns, and could not be repaired.
    #[error("{0}")]
    Schema(String),
    /// A row holds what this service never writes.
    #[error("table {table}, column {column}: {problem}")]
    Corrupt {
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
        /// What is wrong with it, without its value.
        problem: &'static str,
    },
}

/// The result of a store operation.
pub type Result<T> = std::result::Result<T, StoreError>;

/// Keeps sessions and keys.
///
/// Every operation on one row is atomic, and every operation is safe to repeat. A session that has expired at the given `now` is as
/// one that does not exist, whether or not its row is still there; no operation revives it. User ids compare byte
/// for byte. An operation may take as long as the database does: whoever asks sets a deadline, and may give it up at any
/// time. Only [`Store::delete_user`], which may take long, notices by itself when the database hangs.
pub trait Store: Send + Sync + 'static {
    /// Stores a new session. To insert the same handle again changes nothing and succeeds.
    fn insert(&self, session: &NewSession) -> impl Future<Output = Result<()>> + Send;

    /// Reads a session.
    fn find(
        &self,
        handle: HandleHash,
        now: Timestamp,
    ) -> impl Future<Output = Result<Option<StoredSession>>> + Send;

    /// Makes the child current if its parent is (compare-and-set), then reads the session.
    fn confirm(
        &self,
        handle: HandleHash,
        confirmation: Confirmation,
        now: Timestamp,
    ) -> impl Future<Output = Result<Option<StoredSession>>> + Send;

    /// Removes a session. True for exactly one of any number of callers, and only if there was one.
    fn delete(
        &self,
        handle: HandleHash,
        now: Timestamp,
    ) -> impl Future<Output = Result<bool>> + Send;

    /// Removes a session, whether or not it has expired. Unlike [`Store::delete`] it does not tell if there was one.
    fn remove(&self, handle: HandleHash) -> impl Future<Output = Result<()>> + Send;

    /// Removes all sessions of a user that existed when the call began, `except` one, in batches. Those made meanwhile
    /// may go, too: by which clock they are younger, nobody can tell.
    fn delete_user(
        &self,
        user: &UserId,
        except: Option<HandleHash>,
    ) -> impl Future<Output = Result<()>> + Send;

    /// Reads a session's data: none if there is no session, `Some(None)` if it has no data.
    fn read_data(
        &self,
        handle: HandleHash,
        now: Timestamp,
    ) -> impl Future<Output = Result<Option<Option<Json>>>> + Send;

    /// Replaces a session's data. False if there is no session.
    fn write_data(
        &self,
        handle: HandleHash,
        data: Option<&Json>,
        now: Timestamp,
    ) -> impl Future<Output = Result<bool>> + Send;

    /// Reads all of a session.
    fn record(
        &self,
        handle: HandleHash,
        now: Timestamp,
    ) -> impl Future<Output = Result<Option<SessionRecord>>> + Send;

    /// Replaces a session's payload, then reads the session.
    fn write_payload(
        &self,
        handle: HandleHash,
        payload: Option<&Json>,
        now: Timestamp,
    ) -> impl Future<Output = Result<Option<StoredSession>>> + Send;

    /// Reads those of a user's sessions whose rows have a covered handle, in the order of their primary keys: at most
    /// `limit` of those `after` one.
    fn list_user(
        &self,
        user: &UserId,
        after: Option<HandleHash>,
        limit: u64,
        now: Timestamp,
    ) -> impl Future<Output = Result<Vec<ListedSession>>> + Send;

    /// Removes up to a batch of sessions and tells which of them were there. Callers that remove the same one at the same
    /// time may be told so both.
    fn delete_batch(
        &self,
        handles: &[HandleHash],
        now: Timestamp,
    ) -> impl Future<Output = Result<Vec<HandleHash>>> + Send;

    /// Reads all rows of the key table.
    fn keys(&self) -> impl Future<Output = Result<Vec<KeyRow>>> + Send;

    /// Adds rows to the key table; a name that is there already keeps its row.
    fn add_keys(&self, rows: &[KeyRow]) -> impl Future<Output = Result<()>> + Send;

    /// Puts a row into the key table, in place of one of that name if there is one.
    fn put_key(&self, row: &KeyRow) -> impl Future<Output = Result<()>> + Send;

    /// Removes a row of the key table, if it is there.
    fn remove_key(&self, name: &str) -> impl Future<Output = Result<()>> + Send;

    /// Removes up to a batch of the sessions that expired before `before`, and tells how many.
    fn remove_expired(&self, before: Timestamp) -> impl Future<Output = Result<u64>> + Send;

    /// About how many rows of sessions there are; SQLite counts them up to 100,000, MySQL tells its own estimate.
    fn estimate_rows(&self) -> impl Future<Output = Result<u64>> + Send;

    /// Counts the sessions that expired before `before`, up to [`BACKLOG_ROWS`].
    fn count_expired(&self, before: Timestamp) -> impl Future<Output = Result<u64>> + Send;
}

/// How many sessions one statement removes or lists at most.
pub const BATCH_ROWS: u64 = 1000;

/// How many expired sessions are counted at most, so that a count is soon over however many there are.
pub const BACKLOG_ROWS: u64 = 100_000;
