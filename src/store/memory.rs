//! The reference: the store's contract in a few lines of plain Rust, for tests to hold the SQL against.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use session_core::domain::id::{HandleHash, UserId};
use session_core::domain::json::Json;
use session_core::domain::secret::DoubleHash;
use session_core::domain::session::{Confirmation, StoredSession};
use session_core::domain::time::Timestamp;

use session_core::domain::keys::KeyRow;
use session_core::domain::maintenance::LastTick;

use crate::error::Result;
use crate::ports::{BACKLOG_ROWS, BATCH_ROWS, First, KeyStore, MaintenanceStore, SessionStore};
use crate::records::{ListedSession, NewSession, SessionRecord};

/// A store that forgets everything when it is dropped. Its `hook` comes before each operation.
#[derive(Debug, Default)]
pub struct MemoryStore<H = ()> {
    tables: Mutex<Tables>,
    pub(crate) hook: H,
}

/// What happens before each operation of a store in memory: tests count, delay and fail them.
pub trait Hook: Send + Sync + 'static {
    /// Comes before the operation of that name.
    ///
    /// # Errors
    /// Those of the operation, which then does nothing.
    fn before(&self, operation: &'static str) -> impl Future<Output = Result<()>> + Send;
}

/// Nothing happens.
impl Hook for () {
    async fn before(&self, _: &'static str) -> Result<()> {
        Ok(())
    }
}

#[derive(Debug, Default)]
struct Tables {
    sessions: BTreeMap<HandleHash, NewSession>,
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
        self.tables().sessions.clone_from(backup);
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
}

impl<H: Hook> SessionStore for MemoryStore<H> {
    async fn insert(&self, session: &NewSession) -> Result<()> {
        self.begin("insert")
            .await?
            .sessions
            .entry(session.handle)
            .or_insert_with(|| session.clone());
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
            session.stored.expires_at = session.stored.expires_at.max(expires_at);
        }
        Ok(())
    }

    async fn delete(&self, handle: HandleHash, now: Timestamp) -> Result<bool> {
        let mut tables = self.begin("delete").await?;
        let was_live = tables.live(handle, now).is_some();
        if was_live {
            tables.sessions.remove(&handle);
        }
        Ok(was_live)
    }

    async fn remove(&self, handle: HandleHash) -> Result<()> {
        self.begin("remove").await?.sessions.remove(&handle);
        Ok(())
    }

    async fn delete_user(&self, user: &UserId, except: Option<HandleHash>) -> Result<()> {
        self.begin("delete_user")
            .await?
            .sessions
            .retain(|handle, session| session.stored.user_id != *user || Some(*handle) == except);
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
            })
            .take(limit as usize)
            .collect())
    }

    async fn delete_batch(
        &self,
        handles: &[HandleHash],
        now: Timestamp,
    ) -> Result<Vec<HandleHash>> {
        let mut tables = self.begin("delete_batch").await?;
        let mut there = Vec::new();
        for handle in handles {
            if tables.live(*handle, now).is_some() {
                tables.sessions.remove(handle);
                there.push(*handle);
            }
        }
        Ok(there)
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
        let expired: Vec<_> = tables
            .sessions
            .iter()
            .filter(|(_, session)| session.stored.expires_at < before)
            .map(|(handle, _)| *handle)
            .take(BATCH_ROWS as usize)
            .collect();
        for handle in &expired {
            tables.sessions.remove(handle);
        }
        Ok(expired.len() as u64)
    }

    async fn count_expired(&self, before: Timestamp) -> Result<u64> {
        let tables = self.begin("count_expired").await?;
        let expired = |session: &&NewSession| session.stored.expires_at < before;
        let counted = tables
            .sessions
            .values()
            .filter(expired)
            .take(BACKLOG_ROWS as usize);
        Ok(counted.count() as u64)
    }

    async fn estimate_rows(&self) -> Result<u64> {
        Ok(self.begin("estimate_rows").await?.sessions.len() as u64)
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
