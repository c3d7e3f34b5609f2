//! What a connection's session must be like, whatever the server's settings are.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::Dialect;
use crate::store::db::{Connection, Connector, DbError, Row, Value};

/// The server does not know a variable (MySQL 1193).
const UNKNOWN_VARIABLE: DbError = DbError::Other(1193);

/// Opens connections whose first statement of any kind comes after their session's settings.
pub(super) struct Sessions<C> {
    connector: C,
    choice: Arc<Choice>,
}

/// The settings, the most wanted first, and which of them the server takes.
struct Choice {
    settings: &'static [&'static str],
    first: AtomicUsize,
}

impl<C> Sessions<C> {
    pub(super) fn new(connector: C, dialect: Dialect) -> Self {
        let choice = Choice {
            settings: dialect.session(),
            first: AtomicUsize::new(0),
        };
        Self {
            connector,
            choice: Arc::new(choice),
        }
    }
}

impl<C: Connector> Connector for Sessions<C> {
    type Connection = Session<C::Connection>;

    async fn open(&self) -> Result<Self::Connection, DbError> {
        Ok(Session {
            connection: self.connector.open().await?,
            choice: Arc::clone(&self.choice),
            // Not here: an open that fails after it has a connection would have to drop it, which can hang Spin.
            is_set_up: AtomicBool::new(self.choice.settings.is_empty()),
        })
    }
}

/// A connection that sets its session up before its first statement.
pub(super) struct Session<T> {
    connection: T,
    choice: Arc<Choice>,
    is_set_up: AtomicBool,
}

impl<T: Connection> Session<T> {
    async fn ready(&self) -> Result<&T, DbError> {
        while !self.is_set_up.load(Ordering::Relaxed) {
            let choice = self.choice.first.load(Ordering::Relaxed);
            let set_up = self
                .connection
                .execute(self.choice.settings[choice], Vec::new());
            match set_up.await {
                Ok(()) => self.is_set_up.store(true, Ordering::Relaxed),
                Err(UNKNOWN_VARIABLE) if choice + 1 < self.choice.settings.len() => {
                    self.choice.first.store(choice + 1, Ordering::Relaxed);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(&self.connection)
    }
}

impl<T: Connection> Connection for Session<T> {
    async fn query(&self, sql: &str, params: Vec<Value>) -> Result<Vec<Row>, DbError> {
        self.ready().await?.query(sql, params).await
    }

    async fn query_row(&self, sql: &str, params: Vec<Value>) -> Result<Vec<Row>, DbError> {
        self.ready().await?.query_row(sql, params).await
    }

    async fn execute(&self, sql: &str, params: Vec<Value>) -> Result<(), DbError> {
        self.ready().await?.execute(sql, params).await
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    /// A server that knows every variable but those of a cluster, and what it was asked.
    #[derive(Default)]
    struct Server {
        asked: Arc<Mutex<Vec<String>>>,
        fails: bool,
    }

    impl Connector for Server {
        type Connection = Self;

        async fn open(&self) -> Result<Self, DbError> {
            Ok(Self {
                asked: Arc::clone(&self.asked),
                fails: self.fails,
            })
        }
    }

    impl Connection for Server {
        async fn query(&self, sql: &str, params: Vec<Value>) -> Result<Vec<Row>, DbError> {
            self.execute(sql, params).await.map(|()| Vec::new())
        }

        async fn execute(&self, sql: &str, _: Vec<Value>) -> Result<(), DbError> {
            self.asked.lock().unwrap().push(sql.to_owned());
            match sql {
                _ if self.fails => Err(DbError::ConnectionLost),
                _ if sql.contains("wsrep") => Err(UNKNOWN_VARIABLE),
                _ => Ok(()),
            }
        }
    }

    #[tokio::test]
    async fn a_read_is_no_exception_and_what_a_server_does_not_know_is_asked_once() {
        let server = Server::default();
        let asked = Arc::clone(&server.asked);
        let sessions = Sessions::new(server, Dialect::MySql);
        for _ in 0..2 {
            let connection = sessions.open().await.unwrap();
            connection.query_row("read", Vec::new()).await.unwrap();
            connection.execute("write", Vec::new()).await.unwrap();
        }
        let [all, less] = Dialect::MySql.session() else {
            panic!("two choices");
        };
        let expected = [all, less, "read", "write", less, "read", "write"];
        assert_eq!(*asked.lock().unwrap(), expected);
    }

    #[tokio::test]
    async fn without_its_settings_no_statement_runs() {
        let server = Server {
            fails: true,
            ..Server::default()
        };
        let asked = Arc::clone(&server.asked);
        let connection = Sessions::new(server, Dialect::MySql).open().await.unwrap();
        for _ in 0..2 {
            let outcome = connection.query("read", Vec::new()).await;
            assert_eq!(outcome, Err(DbError::ConnectionLost));
        }
        assert!(
            asked
                .lock()
                .unwrap()
                .iter()
                .all(|sql| sql.starts_with("SET "))
        );
    }

    #[test]
    fn the_choices_differ_by_the_clusters_variable_only() {
        let [all, less] = Dialect::MySql.session() else {
            panic!("two choices");
        };
        assert_eq!(all.replace(", wsrep_sync_wait = 7", ""), *less);
    }
}
