//! The connections of one component instance: few, kept, shared fairly, never let go at the wrong moment.
//!
//! Spin has no pool: every open is a new connection and login. And it has one deadly rule: to drop a connection
//! while another open of the same instance is pending hangs the server. So connections are kept; opens go one at
//! a time; a connection that can't be used again is parked, and let go only when no open is pending.
//!
//! An instance has one connection until there is a queue, or nothing moves: to wait for one that comes back takes
//! less time than to open another, and instances are many (Spin starts a new one after 128 requests) where a server's
//! connections are few. When nothing is under way, all but one go; not at once, since the next crowd wants them.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::db::{Connection, Connector, DbError, Kind, Row, Statement, Value};
use crate::platform::Platform;
use crate::sync::{Permit, Semaphore};

/// How many operations wait before there is a second connection; four times as many before a third, and so on.
/// Two keep the database busy; each further one costs an open for every 128 requests.
const QUEUE: usize = 3;

/// How long a connection is kept after the last one was added, in milliseconds, though nothing is under way.
const KEEP_MILLIS: u64 = 1_000;

/// After how long without a lease's begin or end there is another connection, in milliseconds, however short the queue:
/// a statement that waits for a row's lock should not hold up those that don't.
const STANDSTILL_MILLIS: u64 = 50;

/// A bounded, fair pool.
pub struct Pool<C: Connector, P: Platform> {
    connector: C,
    platform: Arc<P>,
    limit: usize,
    /// Whether connections beyond the first go when nothing is under way.
    shrinks: bool,
    /// One for each connection that there may be now.
    permits: Semaphore<P>,
    /// Has one permit: opens go one at a time.
    opening: Semaphore<P>,
    state: Mutex<State<C::Connection>>,
}

struct State<T> {
    idle: Vec<T>,
    parked: Vec<T>,
    pending_opens: usize,
    /// How many connections there may be now.
    size: usize,
    /// How many leases there are.
    lent: usize,
    /// When the last one began or ended, on the monotonic clock.
    moved_at: u64,
    /// When the last connection was added, on the monotonic clock.
    grown_at: u64,
}

/// A connection for the time of one operation.
pub struct Lease<'a, C: Connector, P: Platform> {
    pool: &'a Pool<C, P>,
    /// Taken out only when the lease ends.
    connection: Option<C::Connection>,
    /// Whether it served before; then it may have died since.
    kept: bool,
    /// Whether it may serve again: not while a statement is under way, for that may be given up.
    usable: bool,
    _permit: Permit<'a, P>,
}

impl<C: Connector, P: Platform> Pool<C, P> {
    /// A pool of at most `limit` connections (at least 1).
    pub fn new(connector: C, limit: usize, platform: Arc<P>) -> Self {
        Self {
            connector,
            limit,
            shrinks: true,
            permits: Semaphore::new(1, Arc::clone(&platform)),
            opening: Semaphore::new(1, Arc::clone(&platform)),
            platform,
            state: Mutex::new(State {
                idle: Vec::new(),
                parked: Vec::new(),
                pending_opens: 0,
                size: 1,
                lent: 0,
                moved_at: 0,
                grown_at: 0,
            }),
        }
    }

    /// A pool that has all its connections from the start, and keeps them.
    #[cfg(test)]
    pub(crate) fn eager(connector: C, limit: usize, platform: Arc<P>) -> Self {
        let pool = Self::new(connector, limit, platform);
        for _ in 1..limit {
            pool.state().size += 1;
            pool.permits.grow();
        }
        Self {
            shrinks: false,
            ..pool
        }
    }

    /// What opens its connections.
    pub fn connector(&self) -> &C {
        &self.connector
    }

    /// Waits for a turn and gives a connection: a kept one, else a new one; with `fresh` always a new one.
    ///
    /// # Errors
    /// If a connection must be opened and can't be.
    pub async fn lease(&self, fresh: bool) -> Result<Lease<'_, C, P>, DbError> {
        self.grow_if_needed();
        let permit = self.permits.acquire().await;
        let kept = if fresh { None } else { self.state().idle.pop() };
        if let Some(connection) = kept {
            return Ok(self.lend(connection, true, permit));
        }
        let turn = self.opening.acquire().await;
        // While this one waited for its turn, another lease may have ended.
        let kept = if fresh { None } else { self.state().idle.pop() };
        if let Some(connection) = kept {
            return Ok(self.lend(connection, true, permit));
        }
        if fresh {
            // A kept one gives way, so that there are never more than the limit. No open is pending: it is our turn.
            let gives_way = self.state().idle.pop();
            drop(gives_way);
        }
        let pending = PendingOpen::begin(self);
        let opened = self.connector.open().await;
        drop(pending);
        drop(turn);
        Ok(self.lend(opened?, false, permit))
    }

    fn lend<'a>(
        &'a self,
        connection: C::Connection,
        kept: bool,
        permit: Permit<'a, P>,
    ) -> Lease<'a, C, P> {
        let now = self.platform.monotonic_millis();
        let mut state = self.state();
        state.lent += 1;
        state.moved_at = now;
        drop(state);
        Lease {
            pool: self,
            connection: Some(connection),
            kept,
            usable: true,
            _permit: permit,
        }
    }

    /// Adds a connection if those that there may be are too few for the queue, or all of them stand still.
    fn grow_if_needed(&self) {
        if self.permits.has_free() {
            return;
        }
        let (waiting, now) = (self.permits.waiting(), self.platform.monotonic_millis());
        let mut state = self.state();
        let stands_still = now.saturating_sub(state.moved_at) >= STANDSTILL_MILLIS;
        let needed = waiting >= QUEUE * state.size.pow(2) || stands_still;
        if state.size < self.limit && needed {
            state.size += 1;
            state.moved_at = now;
            state.grown_at = now;
            drop(state);
            self.permits.grow();
        }
    }

    /// Keeps one connection and parks the others, when nothing is under way.
    fn shrink_when_idle(&self) {
        let mut state = self.state();
        let kept = state.moved_at.saturating_sub(state.grown_at) < KEEP_MILLIS;
        let idle = state.lent == 0 && state.pending_opens == 0;
        if self.shrinks && idle && !kept && state.size > 1 {
            // The permit of the lease that just ended is still out.
            state.size -= self.permits.shrink();
            let surplus = state.idle.len().saturating_sub(1);
            let surplus = state.idle.drain(..surplus).collect::<Vec<_>>();
            state.parked.extend(surplus);
        }
    }

    /// Lets parked connections go if that is safe now.
    fn let_go(&self) {
        let mut state = self.state();
        if state.pending_opens == 0 {
            let parked = std::mem::take(&mut state.parked);
            // Unlock first: dropping a connection calls the runtime.
            drop(state);
            drop(parked);
        }
    }

    fn state(&self) -> MutexGuard<'_, State<C::Connection>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<C: Connector, P: Platform> Lease<'_, C, P> {
    /// Whether the connection served before; then an error may only mean that it died meanwhile.
    pub fn was_kept(&self) -> bool {
        self.kept
    }

    /// The connection, to ask what it knows of itself.
    pub fn connection(&self) -> &C::Connection {
        self.connection.as_ref().expect("taken only by drop")
    }

    /// Runs statements one after the other and returns the rows of the last.
    ///
    /// # Errors
    /// The first error; later statements are not run.
    pub async fn run(&mut self, statements: &[Statement<'_>]) -> Result<Vec<Row>, DbError> {
        let mut rows = Vec::new();
        for statement in statements {
            rows = self
                .step(statement.sql, statement.kind, statement.params.clone())
                .await?;
        }
        Ok(rows)
    }

    async fn step(
        &mut self,
        sql: &str,
        kind: Kind,
        params: Vec<Value>,
    ) -> Result<Vec<Row>, DbError> {
        let connection = self.connection.as_ref().expect("taken only by drop");
        self.usable = false;
        let outcome = match kind {
            Kind::Query => connection.query(sql, params).await,
            Kind::Row => connection.query_row(sql, params).await,
            Kind::Execute => connection.execute(sql, params).await.map(|()| Vec::new()),
        };
        self.usable = match &outcome {
            Ok(_) => true,
            Err(error) => error.leaves_connection_usable(),
        };
        outcome
    }
}

impl<C: Connector, P: Platform> Drop for Lease<'_, C, P> {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            let now = self.pool.platform.monotonic_millis();
            let mut state = self.pool.state();
            state.lent -= 1;
            state.moved_at = now;
            if self.usable {
                state.idle.push(connection);
            } else {
                state.parked.push(connection);
            }
        }
        self.pool.shrink_when_idle();
        self.pool.let_go();
    }
}

/// Counts an open as pending, also when it is given up.
struct PendingOpen<'a, C: Connector, P: Platform>(&'a Pool<C, P>);

impl<'a, C: Connector, P: Platform> PendingOpen<'a, C, P> {
    fn begin(pool: &'a Pool<C, P>) -> Self {
        pool.state().pending_opens += 1;
        Self(pool)
    }
}

impl<C: Connector, P: Platform> Drop for PendingOpen<'_, C, P> {
    fn drop(&mut self) {
        self.0.state().pending_opens -= 1;
        self.0.let_go();
    }
}

#[cfg(test)]
#[path = "pool_tests.rs"]
mod tests;
