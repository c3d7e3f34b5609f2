//! The ports: what the service asks of a database. Each is implemented twice, in memory and on SQL.
//!
//! Every operation on one row is atomic, and every operation is safe to repeat. An operation may take as long as the
//! database does: the caller sets a deadline, and may give the operation up at any time. Only
//! [`SessionStore::delete_user`] and [`SessionStore::delete_batch`], which may take long, notice by themselves when the
//! database hangs.

use session_core::domain::device::DeviceKey;
use session_core::domain::id::{HandleHash, UserId};
use session_core::domain::json::Json;
use session_core::domain::keys::KeyRow;
use session_core::domain::maintenance::LastTick;
use session_core::domain::revocation::{Revocation, Revoked};
use session_core::domain::secret::DoubleHash;
use session_core::domain::session::{Confirmation, StoredSession};
use session_core::domain::time::Timestamp;

use crate::error::Result;
use crate::records::{ListedSession, NewSession, SessionRecord};

/// How many sessions one statement revokes, removes or lists at most.
pub const BATCH_ROWS: u64 = 1000;

/// How many expired sessions are counted at most, so that a count is soon over however many there are.
pub const BACKLOG_ROWS: u64 = 100_000;

/// Of how many rows of sessions those that are bound are counted.
pub const SAMPLE_ROWS: u64 = 10_000;
/// In which order a user's sessions come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum First {
    /// The oldest first.
    Oldest,
    /// The newest first.
    Newest,
}

/// Keeps sessions.
///
/// A session that has expired at the given `now`, or was revoked, is as one that does not exist, whether or not its row
/// is still there; no operation revives it. User ids compare byte for byte.
pub trait SessionStore: Send + Sync + 'static {
    /// Stores a new session. To insert the same handle again changes nothing and succeeds.
    fn insert(&self, session: &NewSession) -> impl Future<Output = Result<()>> + Send;

    /// Reads a session.
    fn find(
        &self,
        handle: HandleHash,
        now: Timestamp,
    ) -> impl Future<Output = Result<Option<StoredSession>>> + Send;

    /// If the child's parent is current, makes the child current, and replaces the sealed handle and, if one is given, the
    /// `client` (compare-and-set); then reads the session.
    fn confirm(
        &self,
        handle: HandleHash,
        confirmation: Confirmation,
        sealed: &str,
        client: Option<&Json>,
        now: Timestamp,
    ) -> impl Future<Output = Result<Option<StoredSession>>> + Send;

    /// Binds a session to a key, if it is bound to none and `current` is its current refresh token (compare-and-set), then
    /// reads the session.
    fn bind(
        &self,
        handle: HandleHash,
        current: DoubleHash,
        key: DeviceKey,
        now: Timestamp,
    ) -> impl Future<Output = Result<Option<StoredSession>>> + Send;

    /// Lets the session expire then, if it would earlier and that token is current. It need not tell if it did.
    fn extend(
        &self,
        handle: HandleHash,
        current: DoubleHash,
        expires_at: Timestamp,
        now: Timestamp,
    ) -> impl Future<Output = Result<()>> + Send;

    /// Revokes a session that is live. True for exactly one of any number of callers, and only if there was one.
    fn delete(
        &self,
        handle: HandleHash,
        revocation: Revocation,
    ) -> impl Future<Output = Result<bool>> + Send;

    /// Revokes a session, whether or not it has expired. Unlike [`SessionStore::delete`] it does not tell if there was
    /// one.
    fn revoke(
        &self,
        handle: HandleHash,
        revocation: Revocation,
    ) -> impl Future<Output = Result<()>> + Send;

    /// Revokes all sessions of a user that existed when the call began, `except` one, in batches. Those made meanwhile
    /// may go, too: by which clock they are younger, nobody can tell.
    fn delete_user(
        &self,
        user: &UserId,
        except: Option<HandleHash>,
        revocation: Revocation,
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

    /// The keys of a user's sessions by age, up to `limit` of them after the first `skip`. Of two that were made at the same
    /// time the one with the lesser key is the older.
    fn by_age(
        &self,
        user: &UserId,
        first: First,
        skip: u64,
        limit: u64,
        now: Timestamp,
    ) -> impl Future<Output = Result<Vec<HandleHash>>> + Send;

    /// Reads a user's sessions, in the order of their primary keys: at most
    /// `limit` of those `after` one.
    fn list_user(
        &self,
        user: &UserId,
        after: Option<HandleHash>,
        limit: u64,
        now: Timestamp,
    ) -> impl Future<Output = Result<Vec<ListedSession>>> + Send;

    /// Revokes up to [`BATCH_ROWS`] sessions and tells which of them were live, each to exactly one caller.
    fn delete_batch(
        &self,
        handles: &[HandleHash],
        revocation: Revocation,
    ) -> impl Future<Output = Result<Vec<HandleHash>>> + Send;

    /// Reads up to `limit` (at most [`BATCH_ROWS`]) of the sessions revoked before `before` and at or after `from` (of
    /// those revoked at that very time, the ones whose keys come after the one given), in the order of time and key.
    fn revocations(
        &self,
        from: (Timestamp, Option<HandleHash>),
        before: Timestamp,
        limit: u64,
    ) -> impl Future<Output = Result<Vec<Revoked>>> + Send;
}

/// Keeps the deployment's keys.
pub trait KeyStore: Send + Sync + 'static {
    /// Reads all keys.
    fn keys(&self) -> impl Future<Output = Result<Vec<KeyRow>>> + Send;

    /// Adds keys; a name that is there already keeps its row.
    fn add_keys(&self, rows: &[KeyRow]) -> impl Future<Output = Result<()>> + Send;

    /// Removes a key, if it is there.
    fn remove_key(&self, name: &str) -> impl Future<Output = Result<()>> + Send;
}

/// What the scheduled tick, readiness and metrics ask.
pub trait MaintenanceStore: Send + Sync + 'static {
    /// Removes up to [`BATCH_ROWS`] of the sessions that expired before `before`, and tells how many. One that was revoked
    /// counts as one that expired an hour before.
    fn remove_expired(&self, before: Timestamp) -> impl Future<Output = Result<u64>> + Send;

    /// Counts the sessions that [`MaintenanceStore::remove_expired`] would remove, up to [`BACKLOG_ROWS`].
    fn count_expired(&self, before: Timestamp) -> impl Future<Output = Result<u64>> + Send;

    /// About how many rows of sessions there are; SQLite counts them up to [`BACKLOG_ROWS`], MySQL gives its own estimate.
    fn estimate_rows(&self) -> impl Future<Output = Result<u64>> + Send;

    /// Counts the bound sessions among [`SAMPLE_ROWS`] rows: those with the first keys, which are hashes.
    fn count_bound(&self) -> impl Future<Output = Result<u64>> + Send;

    /// Records how a tick went, in place of the one before it.
    fn record_tick(&self, tick: &LastTick) -> impl Future<Output = Result<()>> + Send;

    /// Reads how the last tick went; none before the first.
    fn last_tick(&self) -> impl Future<Output = Result<Option<LastTick>>> + Send;

    /// Stores and removes a session that has expired: fails where a login would, because the database is read-only or
    /// its table of sessions cannot be used.
    fn check_writable(&self) -> impl Future<Output = Result<()>> + Send;
}

/// A database that does all of it.
pub trait Store: SessionStore + KeyStore + MaintenanceStore {}

impl<S: SessionStore + KeyStore + MaintenanceStore> Store for S {}
