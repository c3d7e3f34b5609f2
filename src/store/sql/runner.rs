//! Running statements against a database that may be slow, away, restarted, deadlocked or still empty.

use std::sync::Arc;
use std::time::Duration;

use session_core::domain::config::Tables;
use session_core::domain::secret::Random;
use session_core::platform::Platform;

use super::connection_setup::{ConnectionSetup, set_up};
use super::dialect::SqlDialect;
use super::failure::{BATCH_DEADLINE, Failure};
use super::schema;
use super::writers::Writers;
use crate::db::{Connector, DbError, Kind, Row, Statement};
use crate::pool::Pool;

/// How often a statement that was a deadlock's victim is tried again.
const DEADLOCK_RETRIES: u32 = 3;

/// How often an open is tried again while the server has too many connections.
const OPEN_RETRIES: u32 = 8;

/// Runs scripts: statements in order on one connection.
pub(super) struct Runner<C: Connector, P: Platform> {
    pool: Pool<ConnectionSetup<C>, P>,
    writers: Writers<P>,
    dialect: SqlDialect,
    tables: Tables,
    platform: Arc<P>,
}

/// What earlier tries of a script were like.
#[derive(Default)]
struct Tries {
    deadlocks: u32,
    opens: u32,
    /// A kept connection failed, so now it must be a new one.
    fresh: bool,
    repaired: bool,
}

impl<C: Connector, P: Platform> Runner<C, P> {
    pub(super) fn new(
        connector: C,
        limit: usize,
        dialect: SqlDialect,
        tables: Tables,
        platform: Arc<P>,
    ) -> Self {
        Self {
            pool: Pool::new(
                ConnectionSetup::new(connector, dialect),
                limit,
                Arc::clone(&platform),
            ),
            writers: Writers::new(limit, Arc::clone(&platform)),
            dialect,
            tables,
            platform,
        }
    }

    /// Gives up the scripts of one batch, one of many that a caller waits for, when they take too long.
    pub(super) async fn batch<T>(
        &self,
        scripts: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        tokio::select! {
            biased;
            outcome = scripts => outcome,
            () = self.platform.sleep(BATCH_DEADLINE) => Err(Failure::Deadline),
        }
    }

    /// Runs a script that may be repeated safely. The caller has a deadline; this has none of its own, since each
    /// timer is another turn with the host.
    pub(super) async fn run(&self, script: &[Statement<'_>]) -> Result<Vec<Row>, Failure> {
        let mut tries = Tries::default();
        let began = self.writers.now();
        loop {
            let (error, was_kept) = match self.attempt(script, tries.fresh, began).await {
                Ok(rows) => return Ok(rows),
                Err(failed) => failed,
            };
            match error {
                DbError::Deadlock if tries.deadlocks < DEADLOCK_RETRIES => {
                    tries.deadlocks += 1;
                    self.pause(20 * u64::from(tries.deadlocks)).await;
                }
                DbError::TooManyConnections if tries.opens < OPEN_RETRIES => {
                    tries.opens += 1;
                    self.pause(50 * u64::from(tries.opens)).await;
                }
                DbError::ConnectionLost | DbError::Other(0) if was_kept => {
                    tries.fresh = true;
                }
                // Spin loses the text of a failed query, so a missing table looks like any other failure. Whatever
                // it was, the script runs again: another instance may have made the tables meanwhile.
                DbError::NoSuchTable | DbError::NoSuchColumn | DbError::Other(0)
                    if !tries.repaired =>
                {
                    tries.repaired = true;
                    self.repair().await?;
                }
                error => return Err(Failure::Db(error)),
            }
        }
    }

    /// Looks after the tables; on a new connection if a kept one has died.
    async fn repair(&self) -> Result<(), Failure> {
        let mut fresh = false;
        loop {
            let mut lease = self.pool.lease(fresh).await.map_err(Failure::Db)?;
            let repaired = match set_up(&mut lease).await {
                Ok(()) => {
                    schema::repair(&mut lease, self.dialect, &self.tables, &*self.platform).await
                }
                Err(error) => Err(Failure::Db(error)),
            };
            match repaired {
                Err(Failure::Db(DbError::ConnectionLost | DbError::Other(0)))
                    if lease.was_kept() =>
                {
                    fresh = true;
                }
                outcome => return outcome,
            }
        }
    }

    async fn attempt(
        &self,
        script: &[Statement<'_>],
        fresh: bool,
        began: u64,
    ) -> Result<Vec<Row>, (DbError, bool)> {
        let writes = script
            .iter()
            .any(|statement| statement.kind == Kind::Execute);
        let mut turn = None;
        let mut lease = loop {
            let lease = self.pool.lease(fresh).await;
            let lease = lease.map_err(|error| (error, false))?;
            if !writes || turn.is_some() || !self.writers.take_turns() {
                break lease;
            }
            drop(lease);
            turn = Some(self.writers.turn().await);
        };
        if writes && self.writers.is_too_late(began) {
            return Err((DbError::LockTimeout, false));
        }
        let was_kept = lease.was_kept();
        let outcome = match set_up(&mut lease).await {
            Ok(()) => lease.run(script).await,
            Err(error) => Err(error),
        };
        if outcome == Err(DbError::LockTimeout) {
            self.writers.met_a_lock();
        }
        outcome.map_err(|error| (error, was_kept))
    }

    /// Waits for about `millis`, randomly between half and the whole of it, so that rivals don't meet again.
    async fn pause(&self, millis: u64) {
        let random: &dyn Random = &*self.platform;
        let [byte] = random.bytes();
        let millis = millis / 2 + millis * u64::from(byte) / 512;
        self.platform.sleep(Duration::from_millis(millis)).await;
    }
}
