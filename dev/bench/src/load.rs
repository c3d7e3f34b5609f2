//! The one way to drive load: clients of a target that each send one request after the other, for a window.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use bench::{Call, Protocol, Tokens, has_deleted, is_ok};
use bytes::Bytes;
use futures::future::{join_all, try_join_all};
use rand::RngExt as _;

use crate::http_client::HttpClient;
use crate::operation::Operation;
use crate::tally::{Tally, Window};

/// A client that gets an error waits a moment, so that a system in trouble is not flooded.
const AFTER_ERROR: Duration = Duration::from_millis(10);

/// How many clients prepare sessions.
const PREPARERS: usize = 16;

/// What is expected of an operation that has not been measured yet, in requests per second.
const FIRST_GUESS: f64 = 2_000.0;

/// Sessions that a client of the mix keeps for its deletes.
const MIX_KEEPS: usize = 100;

/// One system under load.
pub(crate) struct Target {
    http: HttpClient,
    protocol: Protocol,
    /// Sessions that any client may use; none: each client makes one of its own.
    shared: Vec<Tokens>,
    users: AtomicU64,
    /// Sessions that are used up one by one.
    stock: Mutex<Vec<Tokens>>,
    /// Requests per second, as measured last.
    rates: Mutex<HashMap<(Operation, usize), f64>>,
}

impl Target {
    /// The system at `address`, with the sessions there that any client may use.
    pub(crate) fn new(address: SocketAddr, protocol: Protocol, shared: Vec<Tokens>) -> Arc<Self> {
        Arc::new(Self {
            http: HttpClient::new(address),
            protocol,
            shared,
            users: AtomicU64::new(0),
            stock: Mutex::default(),
            rates: Mutex::default(),
        })
    }

    /// Makes sessions, several at a time.
    pub(crate) async fn sessions(&self, count: usize) -> Result<Vec<Tokens>> {
        let share = count.div_ceil(PREPARERS);
        let made = try_join_all((0..PREPARERS).map(|_| async move {
            let mut made = Vec::with_capacity(share);
            for _ in 0..share {
                made.push(self.session().await?);
            }
            anyhow::Ok(made)
        }));
        Ok(made.await?.concat())
    }

    async fn session(&self) -> Result<Tokens> {
        let call = Call::create(self.protocol, self.users.fetch_add(1, Ordering::Relaxed));
        let reply = self.http.send(call).await?;
        Tokens::read(&reply).with_context(|| String::from_utf8_lossy(&reply).into_owned())
    }

    async fn child(&self, parent: Tokens) -> Result<Tokens> {
        let reply = self.http.send(parent.refresh()).await?;
        Tokens::read(&reply).with_context(|| String::from_utf8_lossy(&reply).into_owned())
    }

    /// Makes the sessions that an operation uses up in that many seconds.
    async fn fill_stock(&self, operation: Operation, clients: usize, seconds: f64) -> Result<()> {
        let rate = self.rates().get(&(operation, clients)).copied();
        let needed = (rate.unwrap_or(FIRST_GUESS) * seconds * 1.2) as usize;
        let stock = match operation {
            Operation::Delete => self.sessions(needed).await?,
            Operation::Confirm => {
                let mut children = Vec::with_capacity(needed);
                let mut parents = self.sessions(needed).await?;
                while !parents.is_empty() {
                    let batch = parents.split_off(parents.len().saturating_sub(PREPARERS));
                    let batch = batch.into_iter().map(|parent| self.child(parent));
                    children.extend(try_join_all(batch).await?);
                }
                children
            }
            _ => Vec::new(),
        };
        *self.stock() = stock;
        Ok(())
    }

    /// Drives one window of load. `began` is called when it begins to count.
    pub(crate) async fn load(
        self: &Arc<Self>,
        operation: Operation,
        clients: usize,
        (warm_up, length): (Duration, Duration),
        began: impl AsyncFnOnce(&Window),
    ) -> Result<Tally> {
        let seconds = (warm_up + length).as_secs_f64();
        let stock = self.fill_stock(operation, clients, seconds).await;
        stock.context("failed to prepare sessions")?;
        // What follows its session through changes can't use one that others use as well.
        let own = match self.shared.is_empty()
            || matches!(operation, Operation::Chain | Operation::Mix)
        {
            true => try_join_all((0..clients).map(|_| self.session())).await?,
            false => Vec::new(),
        };
        let mut own = own.into_iter();
        let window = Window::after(warm_up, length);
        let clients_at_work = (0..clients).map(|_| {
            let client = Client {
                target: Arc::clone(self),
                own: own.next(),
                kept: Vec::new(),
                tally: Tally::new(window.clone()),
            };
            tokio::spawn(client.work(operation))
        });
        let clients_at_work: Vec<_> = clients_at_work.collect();
        tokio::time::sleep_until(window.from.into()).await;
        began(&window).await;
        let mut total = Tally::new(window);
        for tally in join_all(clients_at_work).await {
            total.add(tally.expect("a client does not panic"));
        }
        self.rates()
            .insert((operation, clients), total.throughput());
        Ok(total)
    }

    fn stock(&self) -> MutexGuard<'_, Vec<Tokens>> {
        self.stock.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn rates(&self) -> MutexGuard<'_, HashMap<(Operation, usize), f64>> {
        self.rates.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Client {
    target: Arc<Target>,
    own: Option<Tokens>,
    /// Replies to creates, for later deletes.
    kept: Vec<Bytes>,
    tally: Tally,
}

impl Client {
    /// Works until the window is over, or until there is nothing left to work with.
    async fn work(mut self, operation: Operation) -> Tally {
        while !self.tally.window.is_over() && self.step(operation).await {}
        self.tally
    }

    /// Whether there was something to work with.
    async fn step(&mut self, operation: Operation) -> bool {
        match operation {
            Operation::Create => drop(self.create().await),
            Operation::Verify => drop(self.ask(self.session().verify(), is_ok).await),
            Operation::Refresh => drop(self.ask(self.session().refresh(), is_ok).await),
            Operation::Chain => self.refresh().await,
            Operation::Confirm | Operation::Delete => {
                let taken = self.target.stock().pop();
                match taken {
                    None => return false,
                    Some(tokens) if operation == Operation::Confirm => {
                        self.ask(tokens.verify(), is_ok).await;
                    }
                    Some(tokens) => drop(self.ask(tokens.delete(), has_deleted).await),
                }
            }
            Operation::Read => drop(self.ask(self.session().read_data(), is_ok).await),
            Operation::Write => {
                let call = self.session().write_data(rand::random_range(0..1_000_000));
                self.ask(call, is_ok).await;
            }
            Operation::Mix => self.mix().await,
        }
        true
    }

    /// One of a hundred actions: 5 refresh and confirm, 3 create, 2 delete, the others verify.
    async fn mix(&mut self) {
        match rand::random_range(0..100) {
            0..5 => {
                self.refresh().await;
                // A site's backend does the same: the first use of the child's access token confirms it.
                if let Some(reply) = self.ask(self.session().verify(), is_ok).await
                    && let Some(own) = &mut self.own
                {
                    own.replace_access(&reply);
                }
            }
            5..8 => {
                let reply = self.create().await;
                self.kept.extend(reply);
                self.kept.truncate(MIX_KEEPS);
            }
            8..10 if !self.kept.is_empty() => {
                let session = self.kept.pop().and_then(|reply| Tokens::read(&reply));
                let session = session.expect("it was created");
                self.ask(session.delete(), has_deleted).await;
            }
            _ => drop(self.ask(self.session().verify(), is_ok).await),
        }
    }

    async fn create(&mut self) -> Option<Bytes> {
        let user = self.target.users.fetch_add(1, Ordering::Relaxed);
        self.ask(Call::create(self.target.protocol, user), is_ok)
            .await
    }

    /// Refreshes its own session and holds the child.
    async fn refresh(&mut self) {
        let reply = self.ask(self.session().refresh(), is_ok).await;
        if let Some(child) = reply.and_then(|reply| Tokens::read(&reply)) {
            self.own = Some(child);
        }
    }

    /// The session to use next: its own, or any that is shared.
    fn session(&self) -> &Tokens {
        let shared = &self.target.shared;
        self.own
            .as_ref()
            .unwrap_or_else(|| &shared[rand::rng().random_range(0..shared.len())])
    }

    /// Sends a request that counts. The reply, if it is `good`; else the error is noted.
    async fn ask(&mut self, call: Call, good: fn(&[u8]) -> bool) -> Option<Bytes> {
        let began = Instant::now();
        let complaint = match self.target.http.send(call).await {
            Ok(reply) if good(&reply) => {
                self.tally.answered(began, Instant::now());
                return Some(reply);
            }
            Ok(reply) => String::from_utf8_lossy(&reply).into_owned(),
            Err(error) => format!("{error:#}"),
        };
        self.tally.failed(complaint);
        tokio::time::sleep(AFTER_ERROR).await;
        None
    }
}
