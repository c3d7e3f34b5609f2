//! The load generator: a number of clients, each sending its next request when the one before is answered.
//!
//! What they send is in `workload`.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use bytes::Bytes;

use crate::api::{self, Tokens};
use crate::connection::{Call, Connection};
use crate::operation::Operation;
use crate::random::Random;
use crate::tally::{Tally, Window};
use crate::target::Target;

/// A client that gets an error waits a moment, so that a system in trouble is not flooded.
const AFTER_ERROR: Duration = Duration::from_millis(10);

/// Clients that have what they need, but have not begun.
pub(crate) struct Clients {
    clients: Vec<Idle>,
    work: Work,
}

/// What clients do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Work {
    /// An operation of the API.
    Operation(Operation),
    /// Requests to the bare component.
    Bare,
}

struct Idle {
    target: Arc<Target>,
    connection: Connection,
    own: Option<Tokens>,
    random: Random,
}

impl Clients {
    /// Makes clients for one window of work.
    pub(crate) async fn prepare(target: &Arc<Target>, work: Work, count: usize) -> Result<Self> {
        let mut clients = Vec::with_capacity(count);
        for _ in 0..count {
            let client = Idle::new(target, work).await;
            clients.push(client.context("failed to prepare a client")?);
        }
        Ok(Self { clients, work })
    }

    /// Lets them work until the window is over.
    pub(crate) async fn run(self, window: Window) -> Tally {
        let work = self.work;
        let tasks: Vec<_> = self
            .clients
            .into_iter()
            .map(|idle| {
                let tally = Tally::new(window.clone());
                tokio::spawn(async move {
                    let mut client = Client { idle, tally };
                    client.work(work).await;
                    client.tally
                })
            })
            .collect();
        let mut total = Tally::new(window);
        for task in tasks {
            total.add(task.await.expect("a client does not panic"));
        }
        total
    }
}

impl Idle {
    async fn new(target: &Arc<Target>, work: Work) -> Result<Self> {
        let mut connection = Connection::new(target.address);
        let needs_own = match work {
            Work::Bare => false,
            // What follows its session through changes can't use one that others use as well.
            Work::Operation(Operation::Chain | Operation::Mix) => true,
            Work::Operation(_) => target.table.is_none(),
        };
        let own = match needs_own {
            true => Some(target.own_session(&mut connection).await?),
            false => None,
        };
        Ok(Self {
            target: Arc::clone(target),
            connection,
            own,
            random: Random::seeded(target.next_user()),
        })
    }
}

/// A client at work.
pub(crate) struct Client {
    idle: Idle,
    tally: Tally,
}

impl Client {
    /// The system that it talks to.
    pub(crate) fn target(&self) -> &Target {
        &self.idle.target
    }

    /// Its random numbers.
    pub(crate) fn random(&self) -> &Random {
        &self.idle.random
    }

    /// Whether it should stop.
    pub(crate) fn is_over(&self) -> bool {
        self.tally.window().is_over()
    }

    /// The session to use next: its own, or any of the target's table.
    pub(crate) fn session(&self) -> Cow<'_, Tokens> {
        match (&self.idle.own, &self.idle.target.table) {
            (Some(own), _) => Cow::Borrowed(own),
            (None, Some(table)) => Cow::Owned(table.any(&self.idle.random)),
            (None, None) => unreachable!("without a table every client has a session of its own"),
        }
    }

    /// Replaces its own session's tokens.
    pub(crate) fn hold(&mut self, tokens: Tokens) {
        self.idle.own = Some(tokens);
    }

    /// Sends a request that counts. The reply, if it says OK; else the error is noted.
    pub(crate) async fn ask(&mut self, call: Call) -> Option<Bytes> {
        self.ask_for(call, api::is_ok).await
    }

    /// Sends a request that counts. The reply, if it is `good`; else the error is noted.
    pub(crate) async fn ask_for(&mut self, call: Call, good: fn(&[u8]) -> bool) -> Option<Bytes> {
        let began = Instant::now();
        let complaint = match self.idle.connection.send(call).await {
            Ok(reply) if good(&reply) => {
                self.tally.answered(began);
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
