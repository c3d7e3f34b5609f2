//! The connections of one component instance: few, kept, shared fairly, never let go at the wrong moment.
//!
//! Spin has no pool: every open is a new connection and login. And it has one deadly rule: to drop a connection
//! while another open of the same instance is pending hangs the server. So connections are kept; opens go one at
//! a time; a connection that can't be used again is parked, and let go only when no open is pending.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::{Mutex as AsyncMutex, Semaphore, SemaphorePermit};

use super::db::{Connection, Connector, DbError, Kind, Row, Statement, Value};

/// A bounded, fair pool.
pub struct Pool<C: Connector> {
    connector: C,
    permits: Semaphore,
    opening: AsyncMutex<()>,
    state: Mutex<State<C::Connection>>,
}

struct State<T> {
    idle: Vec<T>,
    parked: Vec<T>,
    pending_opens: usize,
}

/// A connection for the time of one operation.
pub struct Lease<'a, C: Connector> {
    pool: &'a Pool<C>,
    /// Taken out only when the lease ends.
    connection: Option<C::Connection>,
    /// Whether it served before; then it may have died since.
    kept: bool,
    /// Whether it may serve again: not while a statement is under way, for that may be given up.
    usable: bool,
    _permit: SemaphorePermit<'a>,
}

impl<C: Connector> Pool<C> {
    /// A pool of at most `limit` connections (at least 1).
    pub fn new(connector: C, limit: usize) -> Self {
        Self {
            connector,
            permits: Semaphore::new(limit.max(1)),
            opening: AsyncMutex::new(()),
            state: Mutex::new(State {
                idle: Vec::new(),
                parked: Vec::new(),
                pending_opens: 0,
            }),
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
    pub async fn lease(&self, fresh: bool) -> Result<Lease<'_, C>, DbError> {
        let permit = self
            .permits
            .acquire()
            .await
            .map_err(|_| DbError::Connect("the pool is closed"))?;
        let kept = if fresh { None } else { self.state().idle.pop() };
        if let Some(connection) = kept {
            return Ok(self.lend(connection, true, permit));
        }
        let turn = self.opening.lock().await;
        // While this one waited for its turn, another lease may have ended.
        let kept = if fresh { None } else { self.state().idle.pop() };
        if let Some(connection) = kept {
            return Ok(self.lend(connection, true, permit));
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
        permit: SemaphorePermit<'a>,
    ) -> Lease<'a, C> {
        Lease {
            pool: self,
            connection: Some(connection),
            kept,
            usable: true,
            _permit: permit,
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

impl<C: Connector> Lease<'_, C> {
    /// Whether the connection served before; then an error may only mean that it died meanwhile.
    pub fn was_kept(&self) -> bool {
        self.kept
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
            Kind::Execute => connection.execute(sql, params).await.map(|()| Vec::new()),
        };
        self.usable = match &outcome {
            Ok(_) => true,
            Err(error) => error.leaves_connection_usable(),
        };
        outcome
    }
}

impl<C: Connector> Drop for Lease<'_, C> {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            let mut state = self.pool.state();
            if self.usable {
                state.idle.push(connection);
            } else {
                state.parked.push(connection);
            }
        }
        self.pool.let_go();
    }
}

/// Counts an open as pending, also when it is given up.
struct PendingOpen<'a, C: Connector>(&'a Pool<C>);

impl<'a, C: Connector> PendingOpen<'a, C> {
    fn begin(pool: &'a Pool<C>) -> Self {
        pool.state().pending_opens += 1;
        Self(pool)
    }
}

impl<C: Connector> Drop for PendingOpen<'_, C> {
    fn drop(&mut self) {
        self.0.state().pending_opens -= 1;
        self.0.let_go();
    }
}

#[cfg(test)]
#[path = "pool_tests.rs"]
mod tests;
