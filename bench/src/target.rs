//! Where load goes to: an address, and the sessions that exist there.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;

use crate::api::{self, Tokens};
use crate::connection::Connection;
use crate::operation::Operation;
use crate::seeded::SeededTable;

/// Replies to creates are kept up to this many, for later deletes.
const KEPT: usize = 50_000;

/// How many clients prepare sessions.
const PREPARERS: usize = 16;

/// What is expected of an operation that has not been measured yet, in requests per second.
const FIRST_GUESS: f64 = 2_000.0;

/// One system under load.
pub(crate) struct Target {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    /// Sessions that were put into its table beforehand; none: each client makes one of its own.
    pub(crate) table: Option<SeededTable>,
    users: AtomicU64,
    stock: Mutex<Stock>,
}

#[derive(Default)]
struct Stock {
    /// Replies to creates: sessions that nobody uses.
    created: Vec<Bytes>,
    /// Tokens of refreshes that nobody has confirmed.
    children: Vec<Tokens>,
    /// Requests per second, as measured last.
    rates: HashMap<(Operation, usize), f64>,
}

impl Target {
    /// A system at `address` without sessions.
    pub(crate) fn new(address: SocketAddr, table: Option<SeededTable>) -> Arc<Self> {
        Arc::new(Self {
            address,
            table,
            users: AtomicU64::new(0),
            stock: Mutex::default(),
        })
    }

    /// The number of a user who has no session yet.
    pub(crate) fn next_user(&self) -> u64 {
        self.users.fetch_add(1, Ordering::Relaxed)
    }

    /// Keeps a session for later.
    pub(crate) fn keep(&self, created: Bytes) {
        let mut stock = self.stock();
        if stock.created.len() < KEPT {
            stock.created.push(created);
        }
    }

    /// A session that nobody uses.
    pub(crate) fn take(&self) -> Option<Tokens> {
        let created = self.stock().created.pop()?;
        Tokens::read(&created).ok()
    }

    /// The tokens of a refresh that nobody has confirmed.
    pub(crate) fn take_child(&self) -> Option<Tokens> {
        self.stock().children.pop()
    }

    /// Notes how fast an operation was, so that enough is prepared for it the next time.
    pub(crate) fn note_rate(&self, operation: Operation, clients: usize, rate: f64) {
        self.stock().rates.insert((operation, clients), rate);
    }

    /// Makes the sessions that an operation uses up in that many seconds.
    pub(crate) async fn prepare(
        self: &Arc<Self>,
        operation: Operation,
        clients: usize,
        seconds: f64,
    ) -> Result<()> {
        let rate = self.stock().rates.get(&(operation, clients)).copied();
        let needed = (rate.unwrap_or(FIRST_GUESS) * seconds * 1.2) as usize;
        match operation {
            Operation::Confirm => self.make_children(needed).await,
            Operation::Delete => self.make_sessions(needed).await,
            _ => Ok(()),
        }
    }

    async fn make_sessions(self: &Arc<Self>, needed: usize) -> Result<()> {
        self.in_parallel(async |target, connection| {
            while target.stock().created.len() < needed.min(KEPT) {
                let reply = connection.send(api::create(target.next_user())).await?;
                target.keep(reply);
            }
            Ok(())
        })
        .await
        .context("failed to create sessions")
    }

    async fn make_children(self: &Arc<Self>, needed: usize) -> Result<()> {
        self.in_parallel(async |target, connection| {
            while target.stock().children.len() < needed {
                let parent = match target.take() {
                    Some(tokens) => tokens,
                    None => Tokens::read(&connection.send(api::create(target.next_user())).await?)?,
                };
                let reply = connection.send(parent.refresh()).await?;
                let child = Tokens::read(&reply)?;
                target.stock().children.push(child);
            }
            Ok(())
        })
        .await
        .context("failed to refresh sessions")
    }

    async fn in_parallel(
        self: &Arc<Self>,
        work: impl AsyncFn(&Self, &mut Connection) -> Result<()>,
    ) -> Result<()> {
        let work = &work;
        let workers = (0..PREPARERS).map(|_| async move {
            let mut connection = Connection::new(self.address);
            work(self, &mut connection).await
        });
        let outcomes = futures::future::join_all(workers).await;
        outcomes.into_iter().collect()
    }

    /// A session of a client's own.
    pub(crate) async fn own_session(&self, connection: &mut Connection) -> Result<Tokens> {
        let reply = connection.send(api::create(self.next_user())).await?;
        ensure!(
            api::is_ok(&reply),
            "no session was created: {}",
            String::from_utf8_lossy(&reply)
        );
        Tokens::read(&reply)
    }

    fn stock(&self) -> MutexGuard<'_, Stock> {
        self.stock.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
