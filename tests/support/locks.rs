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
    /// Takes the locks.
    pub async fn lock_sessions(&self) -> Lock {
        let (release, released) = oneshot::channel::<()>();
        let (locked, is_locked) = oneshot::channel();
        let done = match &self.way {
            Way::Sqlite(path) => {
                let path = path.clone();
                tokio::task::spawn_blocking(move || {
                    let connection = rusqlite::Connection::open(path).expect("the file is there");
                    connection
                        .execute_batch("BEGIN IMMEDIATE")
                        .expect("nobody else holds it");
                    locked.send(()).expect("the test waits for this");
                    // An error means that the test is over.
                    released.blocking_recv().ok();
                    connection.execute_batch("ROLLBACK").expect("it is our own");
                })
            }
            Way::Server { options, .. } => {
                let options = OptsBuilder::clone(options);
                tokio::spawn(async move {
                    let mut connection = Conn::new(options).await.expect("the server is there");
                    for sql in ["BEGIN", "SELECT * FROM refresh_tokens FOR UPDATE"] {
                        connection
                            .query_drop(sql)
                            .await
                            .expect("the rows can be locked");
                    }
                    locked.send(()).expect("the test waits for this");
                    released.await.ok();
                    connection
                        .query_drop("ROLLBACK")
                        .await
                        .expect("it is our own");
                })
            }
        };
        is_locked.await.expect("the rows are locked");
        Lock { release, done }
    }
}

impl Lock {
    /// Gives the locks up.
    pub async fn let_go(self) {
        self.release.send(()).expect("it waits for this");
        self.done.await.expect("it lets go");
    }
}
