//! Locks on the tables, as a transaction of somebody else holds them.

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, OptsBuilder};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::tables::{Tables, Way};

/// Locks on every session's row (on SQLite: on the file, against writers) until [`Lock::let_go`].
pub struct Lock {
    release: oneshot::Sender<()>,
    done: JoinHandle<()>,
}

impl Tables {
    /// Locks a whole server against writes, as a backup does. Panics on SQLite.
    pub async fn lock_everything(&self) -> Lock {
        let Way::Server { options, .. } = &self.way else {
            panic!("SQLite has no such lock");
        };
        let sql = ["FLUSH TABLES WITH READ LOCK", "SELECT 1", "UNLOCK TABLES"];
        lock(OptsBuilder::clone(options), sql).await
    }

    /// Takes the locks.
    pub async fn lock_sessions(&self) -> Lock {
        let path = match &self.way {
            Way::Sqlite(path) => path.clone(),
            Way::Server { options, .. } => {
                let rows = "SELECT * FROM refresh_tokens FOR UPDATE";
                return lock(OptsBuilder::clone(options), ["BEGIN", rows, "ROLLBACK"]).await;
            }
        };
        let (release, released) = oneshot::channel::<()>();
        let (locked, is_locked) = oneshot::channel();
        let done = tokio::task::spawn_blocking(move || {
            let connection = rusqlite::Connection::open(path).expect("the file is there");
            connection
                .execute_batch("BEGIN IMMEDIATE")
                .expect("nobody else holds it");
            locked.send(()).expect("the test waits for this");
            // An error means that the test is over.
            released.blocking_recv().ok();
            connection.execute_batch("ROLLBACK").expect("it is our own");
        });
        is_locked.await.expect("the rows are locked");
        Lock { release, done }
    }
}

/// On a connection of its own, two statements that lock and one that lets go.
async fn lock(options: OptsBuilder, [first, second, last]: [&'static str; 3]) -> Lock {
    let (release, released) = oneshot::channel::<()>();
    let mut connection = Conn::new(options).await.expect("the server is there");
    for sql in [first, second] {
        let locked = connection.query_drop(sql).await;
        locked.expect("it can be locked");
    }
    let done = tokio::spawn(async move {
        released.await.ok();
        let unlocked = connection.query_drop(last).await;
        unlocked.expect("it is our own");
    });
    Lock { release, done }
}

impl Lock {
    /// Gives the locks up.
    pub async fn let_go(self) {
        self.release.send(()).expect("it waits for this");
        self.done.await.expect("it lets go");
    }
}
