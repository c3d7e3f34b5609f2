//! The connections of one component instance: few, kept, shared fairly, let go only when the host allows it ([`gate`]).
//!
//! Spin has no pool: every open is a new connection and login. So connections are kept, and opens go one at a time.
//!
//! An instance has one connection until there is a queue, or nothing moves: to wait for one that comes back takes
//! less time than to open another, and instances are many (Spin starts a new one after 128 requests) where a server's
//! connections are few. When nothing is under way, all but one go; not at once, since the next crowd wants them.

mod gate;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use session_core::platform::Platform;
use session_core::sync::{Permit, Semaphore};

use self::gate::{Gate, OpenPermit};
use super::db::{Connection, Connector, DbError, Kind, Row, Statement, Value};

/// How many operations wait before there is a second connection; four times as many before a third, and so on.
/// Two keep the database busy; each further one costs an open for every 128 requests.
const QUEUE: usize = 3;

/// How long a connection is kept after the last one was added, in milliseconds, though nothing is under way.
const KEEP_MILLIS: u64 = 1_000;

/// After how long without a lease's begin or end there is another connection, in milliseconds, however short the queue:
/// a statement that waits for a row's lock should not hold up those that don't.
const STANDSTILL_MILLIS: u64 = 50;

/// How long an open may take where other connections are at work: it holds them up, and they can do its work.
const SLOW_OPEN: Duration = Duration::from_millis(250);

/// How long there is no further connection after one could not be opened in time, in milliseconds.
const FAILURE_PAUSE_MILLIS: u64 = 5_000;

/// Before an open all that has begun gets as far as the host's lock. It is there at once, but for one whose poll the
/// host's scheduler put off.
const ARRIVAL: Duration = Duration::from_millis(1);

/// A bounded, fair pool.
pub struct Pool<C: Connector, P: Platform> {
    connector: C,
    platform: Arc<P>,
    limit: usize,
    /// One for each connection that there may be now.
    permits: Semaphore<P>,
    gate: Gate<C::Connection, P>,
    state: Mutex<State<C::Connection>>,
}

struct State<T> {
    idle: Vec<T>,
    /// How many connections there may be now.
    size: usize,
    /// How many leases there are.
    lent: usize,
    /// When the last one began or ended, on the monotonic clock.
    moved_at: u64,
    /// When the last connection was added, on the monotonic clock.
    grown_at: u64,
    /// Until when there is no further one, on the monotonic clock.
    full_until: u64,
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
            permits: Semaphore::new(1, Arc::clone(&platform)),
            gate: Gate::new(Arc::clone(&platform)),
            platform,
            state: Mutex::new(State {
                idle: Vec::new(),
                size: 1,
                lent: 0,
                moved_at: 0,
                grown_at: 0,
                full_until: 0,
            }),
        }
    }

    /// What opens its connections.
    pub fn connector(&self) -> &C {
        &self.connector
    }

    /// Waits for a turn and gives a connection: a kept one, else a new one; with `fresh` a new one, unless it can't be
    /// had in time and others are at work.
    ///
    /// # Errors
    /// If a connection must be opened and can't be.
    pub async fn lease(&self, fresh: bool) -> Result<Lease<'_, C, P>, DbError> {
        let mut fresh = fresh;
        loop {
            self.grow_if_needed();
            let permit = self.permits.acquire().await;
            if let Some(connection) = self.kept(fresh) {
                return Ok(self.lend(connection, true, permit));
            }
            let turn = self.gate.turn().await;
            // While this one waited for its turn, another lease may have ended.
            if let Some(connection) = self.kept(fresh) {
                return Ok(self.lend(connection, true, permit));
            }
            if fresh && let Some(gives_way) = self.kept(false) {
                // So that there are never more than the limit.
                self.gate.let_go(gives_way);
            }
            let others = self.state().lent > 0;
            match self.open(turn, others).await {
                Ok(connection) => return Ok(self.lend(connection, false, permit)),
                Err(_) if others => self.shrink_after_failure(permit),
                Err(error) => return Err(error),
            }
            fresh = false;
        }
    }

    fn kept(&self, fresh: bool) -> Option<C::Connection> {
        let mut state = self.state();
        if fresh { None } else { state.idle.pop() }
    }

    async fn open(
        &self,
        turn: OpenPermit<'_, C::Connection, P>,
        others: bool,
    ) -> Result<C::Connection, DbError> {
        if !others {
            return turn.open(self.connector.open()).await;
        }
        self.platform.sleep(ARRIVAL).await;
        tokio::select! {
            biased;
            opened = turn.open(self.connector.open()) => opened,
            () = self.platform.sleep(SLOW_OPEN) => Err(DbError::Connect("it takes too long".into())),
        }
    }

    /// Leaves the work to the connections that there are.
    fn shrink_after_failure(&self, permit: Permit<'_, P>) {
        let now = self.platform.monotonic_millis();
        let mut state = self.state();
        state.full_until = now + FAILURE_PAUSE_MILLIS;
        if state.size > 1 {
            state.size -= 1;
            permit.forget();
        }
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
        if state.size < self.limit && needed && now >= state.full_until {
            state.size += 1;
            state.moved_at = now;
            state.grown_at = now;
            drop(state);
            self.permits.grow();
        }
    }

    /// Keeps one connection and lets the others go, when nothing is under way.
    fn shrink_when_idle(&self) {
        let mut state = self.state();
        let kept = state.moved_at.saturating_sub(state.grown_at) < KEEP_MILLIS;
        if state.lent > 0 || kept || state.size == 1 {
            return;
        }
        // The permit of the lease that just ended is still out.
        state.size -= self.permits.shrink();
        let surplus = state.idle.len().saturating_sub(1);
        let surplus: Vec<_> = state.idle.drain(..surplus).collect();
        drop(state);
        for connection in surplus {
            self.gate.let_go(connection);
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

    /// Runs statements one after the other and returns the rows of the last that has any to give.
    ///
    /// # Errors
    /// The first error; later statements are not run.
    pub async fn run(&mut self, statements: &[Statement<'_>]) -> Result<Vec<Row>, DbError> {
        let mut rows = Vec::new();
        for statement in statements {
            let outcome = self
                .step(statement.sql, statement.kind, statement.params.clone())
                .await?;
            if statement.kind != Kind::Execute {
                rows = outcome;
            }
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
        self.pool.gate.pass().await;
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
                drop(state);
                self.pool.gate.let_go(connection);
            }
        }
        self.pool.shrink_when_idle();
    }
}

#[cfg(test)]
mod tests;
