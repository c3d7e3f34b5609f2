//! A store in memory that counts, fails, hangs, or lets something else happen first, as the test wants.

use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use session_core::domain::id::{HandleHash, UserId};
use session_core::domain::json::Json;
use session_core::domain::session::{Confirmation, StoredSession};
use session_core::domain::time::Timestamp;

use crate::memory::MemoryStore;
use crate::{KeyRow, ListedSession, NewSession, Result, SessionRecord, Store, StoreError};

/// How long a call takes to give up on a database that hangs, as the store on SQL does.
pub const HANG: Duration = Duration::from_secs(3);

type Hook = Box<dyn FnOnce() + Send>;

/// A store in memory under watch.
#[derive(Default)]
pub struct WatchedStore {
    inner: MemoryStore,
    watch: Mutex<Watch>,
}

#[derive(Default)]
struct Watch {
    calls: Vec<&'static str>,
    /// The operations that fail; `*` stands for all.
    failing: Vec<&'static str>,
    /// How they fail; without it as if the database were away.
    error: Option<StoreError>,
    hanging: bool,
    slow: bool,
    takes: Duration,
    hooks: Vec<(&'static str, Hook)>,
}

impl WatchedStore {
    fn watch(&self) -> MutexGuard<'_, Watch> {
        self.watch.lock().unwrap()
    }

    /// What it watches.
    pub fn memory(&self) -> &MemoryStore {
        &self.inner
    }

    /// From now on these operations fail (`*`: all); none: everything works again.
    pub fn fail(&self, operations: &[&'static str]) {
        self.watch().failing = operations.to_vec();
    }

    /// From now on every operation fails like this.
    pub fn fail_with(&self, error: StoreError) {
        self.fail(&["*"]);
        self.watch().error = Some(error);
    }

    /// From now on (or no longer) no operation gets an answer.
    pub fn hang(&self, hang: bool) {
        self.watch().hanging = hang;
    }

    /// From now on every operation lets others go first.
    pub fn slow(&self) {
        self.watch().slow = true;
    }

    /// From now on every operation takes so long.
    pub fn takes(&self, duration: Duration) {
        self.watch().takes = duration;
    }

    /// Lets something happen once, right before the next such operation.
    pub fn before(&self, operation: &'static str, hook: impl FnOnce() + Send + 'static) {
        self.watch().hooks.push((operation, Box::new(hook)));
    }

    /// The operations since the last time this was asked.
    pub fn calls(&self) -> Vec<&'static str> {
        std::mem::take(&mut self.watch().calls)
    }

    async fn enter(&self, operation: &'static str) -> Result<&MemoryStore> {
        let hook = {
            let mut watch = self.watch();
            watch.calls.push(operation);
            let at = watch.hooks.iter().position(|(of, _)| *of == operation);
            at.map(|at| watch.hooks.remove(at).1)
        };
        if let Some(hook) = hook {
            hook();
        }
        let (hanging, failing, slow, takes) = {
            let watch = self.watch();
            let failing = watch
                .failing
                .iter()
                .any(|of| *of == operation || *of == "*");
            (watch.hanging, failing, watch.slow, watch.takes)
        };
        if slow {
            tokio::task::yield_now().await;
        }
        if hanging {
            tokio::time::sleep(HANG).await;
        }
        if !takes.is_zero() {
            tokio::time::sleep(takes).await;
        }
        if hanging || failing {
            let error = self.watch().error.clone();
            let away = || StoreError::Unavailable("the test says so".to_owned());
            return Err(error.unwrap_or_else(away));
        }
        Ok(&self.inner)
    }
}

impl Store for WatchedStore {
    async fn insert(&self, session: &NewSession) -> Result<()> {
        self.enter("insert").await?.insert(session).await
    }

    async fn find(&self, handle: HandleHash, now: Timestamp) -> Result<Option<StoredSession>> {
        self.enter("find").await?.find(handle, now).await
    }

    async fn confirm(
        &self,
        handle: HandleHash,
        confirmation: Confirmation,
        now: Timestamp,
    ) -> Result<Option<StoredSession>> {
        let inner = self.enter("confirm").await?;
        inner.confirm(handle, confirmation, now).await
    }

    async fn delete(&self, handle: HandleHash, now: Timestamp) -> Result<bool> {
        self.enter("delete").await?.delete(handle, now).await
    }

    async fn remove(&self, handle: HandleHash) -> Result<()> {
        self.enter("remove").await?.remove(handle).await
    }

    async fn delete_user(&self, user: &UserId, except: Option<HandleHash>) -> Result<()> {
        let inner = self.enter("delete_user").await?;
        inner.delete_user(user, except).await
    }

    async fn read_data(&self, handle: HandleHash, now: Timestamp) -> Result<Option<Option<Json>>> {
        self.enter("read_data").await?.read_data(handle, now).await
    }

    async fn write_data(
        &self,
        handle: HandleHash,
        data: Option<&Json>,
        now: Timestamp,
    ) -> Result<bool> {
        let inner = self.enter("write_data").await?;
        inner.write_data(handle, data, now).await
    }

    async fn record(&self, handle: HandleHash, now: Timestamp) -> Result<Option<SessionRecord>> {
        self.enter("record").await?.record(handle, now).await
    }

    async fn write_payload(
        &self,
        handle: HandleHash,
        payload: Option<&Json>,
        now: Timestamp,
    ) -> Result<Option<StoredSession>> {
        let inner = self.enter("write_payload").await?;
        inner.write_payload(handle, payload, now).await
    }

    async fn list_user(
        &self,
        user: &UserId,
        after: Option<HandleHash>,
        limit: u64,
        now: Timestamp,
    ) -> Result<Vec<ListedSession>> {
        let inner = self.enter("list_user").await?;
        inner.list_user(user, after, limit, now).await
    }

    async fn delete_batch(
        &self,
        handles: &[HandleHash],
        now: Timestamp,
    ) -> Result<Vec<HandleHash>> {
        let inner = self.enter("delete_batch").await?;
        inner.delete_batch(handles, now).await
    }

    async fn keys(&self) -> Result<Vec<KeyRow>> {
        self.enter("keys").await?.keys().await
    }

    async fn add_keys(&self, rows: &[KeyRow]) -> Result<()> {
        self.enter("add_keys").await?.add_keys(rows).await
    }

    async fn put_key(&self, row: &KeyRow) -> Result<()> {
        self.enter("put_key").await?.put_key(row).await
    }

    async fn estimate_rows(&self) -> Result<u64> {
        self.enter("estimate_rows").await?.estimate_rows().await
    }

    async fn remove_key(&self, name: &str) -> Result<()> {
        self.enter("remove_key").await?.remove_key(name).await
    }

    async fn remove_expired(&self, before: Timestamp) -> Result<u64> {
        self.enter("remove_expired")
            .await?
            .remove_expired(before)
            .await
    }

    async fn count_expired(&self, before: Timestamp) -> Result<u64> {
        self.enter("count_expired")
            .await?
            .count_expired(before)
            .await
    }
}
