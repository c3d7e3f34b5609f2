//! The reference: the store's contract in a few lines of plain Rust, for tests to hold the SQL against.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use session_core::domain::device::{Binding, DeviceKey};
use session_core::domain::id::{HandleHash, UserId};
use session_core::domain::json::Json;
use session_core::domain::secret::DoubleHash;
use session_core::domain::session::{Confirmation, StoredSession};
use session_core::domain::time::Timestamp;

use session_core::domain::keys::KeyRow;
use session_core::domain::maintenance::LastTick;
use session_core::domain::revocation::{Revocation, Revoked};

use crate::error::Result;
use crate::hook::Hook;
use crate::ports::{
    BACKLOG_ROWS, BATCH_ROWS, First, KeyStore, MaintenanceStore, SAMPLE_ROWS, SessionStore,
};
use crate::records::{ListedSession, NewSession, SessionRecord};

/// A store that forgets everything when it is dropped. Its `hook` comes before each operation.
#[derive(Debug, Default)]
pub struct MemoryStore<H = ()> {
    tables: Mutex<Tables>,
    pub(crate) hook: H,
}

#[derive(Debug, Default)]
struct Tables {
    sessions: BTreeMap<HandleHash, NewSession>,
    revoked: BTreeMap<HandleHash, Revocation>,
    keys: BTreeMap<String, KeyRow>,
    last_tick: Option<LastTick>,
}

impl<H> MemoryStore<H> {
    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Its sessions, expired ones, too: a backup.
    pub fn sessions(&self) -> BTreeMap<HandleHash, NewSession> {
        self.tables().sessions.clone()
    }

    /// Restores a backup.
    pub fn replace_sessions(&self, backup: &BTreeMap<HandleHash, NewSession>) {
        let mut tables = self.tables();
        tables.sessions.clone_from(backup);
        tables.revoked.clear();
    }
}

impl<H: Hook> MemoryStore<H> {
    async fn begin(&self, operation: &'static str) -> Result<MutexGuard<'_, Tables>> {
        self.hook.before(operation).await?;
        Ok(self.tables())
    }
}

impl Tables {
    fn live(&mut self, handle: HandleHash, now: Timestamp) -> Option<&mut NewSession> {
        self.sessions
            .get_mut(&handle)
            .filter(|session| session.stored.is_live(now))
    }

    fn stored(&mut self, handle: HandleHash, now: Timestamp) -> Option<StoredSession> {
        self.live(handle, now).map(|session| session.stored.clone())
    }

    /// Leaves a tombstone of a session, if there is one.
    fn revoke(&mut self, handle: HandleHash, revocation: Revocation) {
        if self.sessions.remove(&handle).is_some() {
            self.revoked.insert(handle, revocation);
        }
    }

    /// As [`Self::revoke`], if the session is live. Whether it was.
    fn revoke_live(&mut self, handle: HandleHash, revocation: Revocation) -> bool {
        let was_live = self.live(handle, revocation.at).is_some();
        if was_live {
            self.revoke(handle, revocation);
        }
        was_live
    }

    /// The sessions, revoked ones among them, that expired before a time.
    fn expired(&self, before: Timestamp) -> impl Iterator<Item = HandleHash> {
        let sessions = self.sessions.iter();
        let sessions = sessions.map(|(handle, session)| (handle, session.stored.expires_at));
        let revoked = self.revoked.iter();
        let revoked = revoked.map(|(handle, revocation)| (handle, revocation.expires_at()));
        let all = sessions.chain(revoked);
        all.filter(move |(_, expires_at)| *expires_at < before)
            .map(|(handle, _)| *handle)
    }
}

impl<H: Hook> SessionStore for MemoryStore<H> {
    async fn insert(&self, session: &NewSession) -> Result<()> {
        let mut tables = self.begin("insert").await?;
        if !tables.revoked.contains_key(&session.handle) {
            let entry = tables.sessions.entry(session.handle);
            entry.or_insert_with(|| session.clone());
        }
        Ok(())
    }

    async fn find(&self, handle: HandleHash, now: Timestamp) -> Result<Option<StoredSession>> {
        Ok(self.begin("find").await?.stored(handle, now))
    }

    async fn confirm(
        &self,
        handle: HandleHash,
        confirmation: Confirmation,
        sealed: &str,
        client: Option<&Json>,
        now: Timestamp,
    ) -> Result<Option<StoredSession>> {
        let mut tables = self.begin("confirm").await?;
        if let Some(session) = tables.live(handle, now)
            && session.stored.current == confirmation.parent
        {
            session.stored.confirm(confirmation);
            session.sealed = Some(sealed.to_owned());
            if let Some(client) = client {
                session.client = Some(client.clone());
            }
        }
        Ok(tables.stored(handle, now))
    }

    async fn bind(
        &self,
        handle: HandleHash,
        current: DoubleHash,
        key: DeviceKey,
        now: Timestamp,
    ) -> Result<Option<StoredSession>> {
        let mut tables = self.begin("bind").await?;
        if let Some(session) = tables.live(handle, now)
            && session.stored.current == current
            && session.stored.binding.key().is_none()
        {
            session.stored.binding = Binding::Bound(key);
        }
        Ok(tables.stored(handle, now))
    }

    async fn extend(
        &self,
        handle: HandleHash,
        current: DoubleHash,
        expires_at: Timestamp,
        now: Timestamp,
    ) -> Result<()> {
        let mut tables = self.begin("extend").await?;
        if let Some(session) = tables.live(handle, now)
            && session.stored.current == current
        {
            let end = session.stored.limits.clamp(expires_at);
            session.stored.expires_at = session.stored.expires_at.max(end);
        }
        Ok(())
    }

    async fn delete(&self, handle: HandleHash, revocation: Revocation) -> Result<bool> {
        let mut tables = self.begin("delete").await?;
        Ok(tables.revoke_live(handle, revocation))
    }

    async fn revoke(&self, handle: HandleHash, revocation: Revocation) -> Result<()> {
        self.begin("revoke").await?.revoke(handle, revocation);
        Ok(())
    }

    async fn delete_user(
        &self,
        user: &UserId,
        except: Option<HandleHash>,
        revocation: Revocation,
    ) -> Result<()> {
        let mut tables = self.begin("delete_user").await?;
        let sessions = tables.sessions.iter();
        let is_theirs = |handle: &HandleHash, session: &NewSession| {
            session.stored.user_id == *user && Some(*handle) != except
        };
        let theirs: Vec<_> = sessions
            .filter(|(handle, session)| is_theirs(handle, session))
            .map(|(handle, _)| *handle)
            .collect();
        for handle in theirs {
            tables.revoke(handle, revocation);
        }
        Ok(())
    }

    async fn read_data(&self, handle: HandleHash, now: Timestamp) -> Result<Option<Option<Json>>> {
        Ok(self
            .begin("read_data")
            .await?
            .live(handle, now)
            .map(|session| session.data.clone()))
    }

    async fn write_data(
        &self,
        handle: HandleHash,
        data: Option<&Json>,
        now: Timestamp,
    ) -> Result<bool> {
        let mut tables = self.begin("write_data").await?;
        let session = tables.live(handle, now);
        Ok(session
            .map(|session| session.data = data.cloned())
            .is_some())
    }

    async fn record(&self, handle: HandleHash, now: Timestamp) -> Result<Option<SessionRecord>> {
        Ok(self
            .begin("record")
            .await?
            .live(handle, now)
            .map(|session| SessionRecord {
                stored: session.stored.clone(),
                data: session.data.clone(),
                created_at: session.created_at,
                client: session.client.clone(),
            }))
    }

    async fn write_payload(
        &self,
        handle: HandleHash,
        payload: Option<&Json>,
        now: Timestamp,
    ) -> Result<Option<StoredSession>> {
        let mut tables = self.begin("write_payload").await?;
        if let Some(session) = tables.live(handle, now) {
            session.stored.payload = payload.cloned();
        }
        Ok(tables.stored(handle, now))
    }

    async fn by_age(
        &self,
        user: &UserId,
        first: First,
        skip: u64,
        limit: u64,
        now: Timestamp,
    ) -> Result<Vec<HandleHash>> {
        let tables = self.begin("by_age").await?;
        let sessions = tables.sessions.values();
        let mut keys: Vec<_> = sessions
            .filter(|session| session.stored.user_id == *user && session.stored.is_live(now))
            .map(|session| (session.created_at, session.handle))
            .collect();
        keys.sort_unstable();
        if first == First::Newest {
            keys.reverse();
        }
        let keys = keys.into_iter().map(|(_, handle)| handle);
        Ok(keys.skip(skip as usize).take(limit as usize).collect())
    }

    async fn list_user(
        &self,
        user: &UserId,
        after: Option<HandleHash>,
        limit: u64,
        now: Timestamp,
    ) -> Result<Vec<ListedSession>> {
        let tables = self.begin("list_user").await?;
        let sessions = tables.sessions.values();
        Ok(sessions
            .filter(|session| session.stored.user_id == *user && session.stored.is_live(now))
            .filter(|session| after.is_none_or(|after| session.handle > after))
            .map(|session| ListedSession {
                handle: session.handle,
                sealed: session.sealed.clone(),
                created_at: session.created_at,
                expires_at: session.stored.expires_at,
                ends_at: session.stored.limits.ends_at,
                last_active_at: session.stored.issued_at,
                client: session.client.clone(),
                bound: session.stored.binding.key().is_some(),
            })
            .take(limit as usize)
            .collect())
    }

    async fn delete_batch(
        &self,
        handles: &[HandleHash],
        revocation: Revocation,
    ) -> Result<Vec<HandleHash>> {
        let mut tables = self.begin("delete_batch").await?;
        let handles = handles.iter().copied();
        let revoked = handles.filter(|handle| tables.revoke_live(*handle, revocation));
        Ok(revoked.collect())
    }

    async fn revocations(
        &self,
        (from, after): (Timestamp, Option<HandleHash>),
        before: Timestamp,
        limit: u64,
    ) -> Result<Vec<Revoked>> {
        let tables = self.begin("revocations").await?;
        let revoked = tables.revoked.iter();
        let mut revoked: Vec<_> = revoked
            .map(|(&handle, &revocation)| Revoked { handle, revocation })
            .filter(|it| (it.revocation.at, Some(it.handle)) > (from, after))
            .filter(|it| it.revocation.at < before)
            .collect();
        revoked.sort_unstable_by_key(|it| (it.revocation.at, it.handle));
        revoked.truncate(limit as usize);
        Ok(revoked)
    }
}

impl<H: Hook> KeyStore for MemoryStore<H> {
    async fn keys(&self) -> Result<Vec<KeyRow>> {
        Ok(self.begin("keys").await?.keys.values().cloned().collect())
    }

    async fn add_keys(&self, rows: &[KeyRow]) -> Result<()> {
        let mut tables = self.begin("add_keys").await?;
        for row in rows {
            tables
                .keys
                .entry(row.name.clone())
                .or_insert_with(|| row.clone());
        }
        Ok(())
    }

    async fn remove_key(&self, name: &str) -> Result<()> {
        self.begin("remove_key").await?.keys.remove(name);
        Ok(())
    }
}

impl<H: Hook> MaintenanceStore for MemoryStore<H> {
    async fn remove_expired(&self, before: Timestamp) -> Result<u64> {
        let mut tables = self.begin("remove_expired").await?;
        let expired: Vec<_> = tables.expired(before).take(BATCH_ROWS as usize).collect();
        for handle in &expired {
            tables.sessions.remove(handle);
            tables.revoked.remove(handle);
        }
        Ok(expired.len() as u64)
    }

    async fn count_expired(&self, before: Timestamp) -> Result<u64> {
        let tables = self.begin("count_expired").await?;
        let counted = tables.expired(before).take(BACKLOG_ROWS as usize);
        Ok(counted.count() as u64)
    }

    async fn estimate_rows(&self) -> Result<u64> {
        let tables = self.begin("estimate_rows").await?;
        Ok((tables.sessions.len() + tables.revoked.len()) as u64)
    }

    async fn count_bound(&self) -> Result<u64> {
        let tables = self.begin("count_bound").await?;
        let sample = tables.sessions.values().take(SAMPLE_ROWS as usize);
        let bound = sample.filter(|session| session.stored.binding.key().is_some());
        Ok(bound.count() as u64)
    }

    async fn record_tick(&self, tick: &LastTick) -> Result<()> {
        self.begin("record_tick").await?.last_tick = Some(*tick);
        Ok(())
    }

    async fn last_tick(&self) -> Result<Option<LastTick>> {
        Ok(self.begin("last_tick").await?.last_tick)
    }

    async fn check_writable(&self) -> Result<()> {
        self.begin("check_writable").await.map(drop)
    }
}
