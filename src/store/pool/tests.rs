//! The pool against a connector that checks the runtime's rules (`testing::db`): a broken rule panics.

mod growth;
mod interleavings;
mod leases;
mod schedules;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use session_core::testing::TestPlatform;

use super::{Lease, Pool};
use crate::db::{Connection, Connector, DbError, Kind, Row, Statement, Value};
use crate::testing::rules::{Opened, Rules};

/// Opens after so many turns of the scheduler; fails as told.
#[derive(Default)]
struct Fake {
    rules: Arc<Rules>,
    turns: AtomicUsize,
    failures: Mutex<Vec<DbError>>,
}

impl Connector for Fake {
    type Connection = FakeConnection;

    async fn open(&self) -> Result<FakeConnection, DbError> {
        let opening = self.rules.opening().await;
        turns(self.turns.load(Ordering::Relaxed)).await;
        match self.failures.lock().unwrap().pop() {
            Some(error) => Err(error),
            None => Ok(FakeConnection(opening.done())),
        }
    }
}

/// Its SQL is `turns N`, `hang`, `lost` or `deadlock`; a row tells the connection's number.
struct FakeConnection(Opened);

impl Connection for FakeConnection {
    async fn query(&self, sql: &str, _: Vec<Value>) -> Result<Vec<Row>, DbError> {
        let _in_use = self.0.in_use().await;
        match sql {
            "hang" => std::future::pending().await,
            "lost" => return Err(DbError::ConnectionLost),
            "deadlock" => return Err(DbError::Deadlock),
            _ => {
                let count = sql.strip_prefix("turns ").unwrap();
                turns(count.parse().unwrap()).await;
            }
        }
        Ok(vec![vec![Value::Integer(self.0.number as u64)]])
    }

    async fn execute(&self, sql: &str, params: Vec<Value>) -> Result<(), DbError> {
        self.query(sql, params).await.map(drop)
    }
}

async fn turns(count: usize) {
    for _ in 0..count {
        tokio::task::yield_now().await;
    }
}

type FakePool = Pool<Fake, TestPlatform>;

fn pool(limit: usize) -> (Arc<FakePool>, Arc<Rules>) {
    let fake = Fake::default();
    let rules = Arc::clone(&fake.rules);
    let pool = Pool::new(fake, limit, TestPlatform::new(1));
    (Arc::new(pool), rules)
}

/// Whoever comes next finds that nothing has moved for long, and brings another connection.
fn stand_still(pool: &FakePool) {
    pool.platform.advance(Duration::from_millis(50));
}

/// Runs one statement and gives the connection's number.
async fn run(lease: &mut Lease<'_, Fake, TestPlatform>, sql: &str) -> Result<u64, DbError> {
    let statement = Statement {
        sql,
        params: Vec::new(),
        kind: Kind::Query,
    };
    let rows = lease.run(&[statement]).await?;
    match rows[0][0] {
        Value::Integer(number) => Ok(number),
        ref value => panic!("{value:?}"),
    }
}

/// Leases, runs, and ends the lease.
async fn once(pool: &FakePool, fresh: bool, sql: &str) -> Result<u64, DbError> {
    let mut lease = pool.lease(fresh).await?;
    run(&mut lease, sql).await
}

/// As many operations at the same time.
async fn burst(pool: &Arc<FakePool>, operations: usize) {
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..operations {
        let pool = Arc::clone(pool);
        tasks.spawn(async move { once(&pool, false, "turns 5").await.unwrap() });
    }
    assert_eq!(tasks.join_all().await.len(), operations);
}
