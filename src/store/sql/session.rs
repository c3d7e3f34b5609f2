//! What a connection's session must be like, whatever the server's settings are.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use session_core::platform::Platform;

use super::{SqlDialect, execute};
use crate::db::{Connection, Connector, DbError, Row, Value};
use crate::pool::Lease;

/// The server does not know a variable (MySQL 1193).
const UNKNOWN_VARIABLE: DbError = DbError::Other(1193);

/// Opens connections whose sessions are to be set up before their first statement of any kind.
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
    pub(super) fn new(connector: C, dialect: SqlDialect) -> Self {
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

/// A connection, and whether its session is set up.
pub(super) struct Session<T> {
    connection: T,
    choice: Arc<Choice>,
    is_set_up: AtomicBool,
}

/// Sets a new connection's session up. Each try is a statement like any other: what the pool does around statements it
/// does around these. A connection on which none succeeded is tried again by whoever has it next.
///
/// # Errors
/// If the server takes none of the settings, or is lost.
pub(super) async fn set_up<C: Connector, P: Platform>(
    lease: &mut Lease<'_, Sessions<C>, P>,
) -> Result<(), DbError> {
    while !lease.connection().is_set_up.load(Ordering::Relaxed) {
        let choice = Arc::clone(&lease.connection().choice);
        let number = choice.first.load(Ordering::Relaxed);
        match lease
            .run(&[execute(choice.settings[number], Vec::new())])
            .await
        {
            Ok(_) => lease.connection().is_set_up.store(true, Ordering::Relaxed),
            Err(UNKNOWN_VARIABLE) if number + 1 < choice.settings.len() => {
                choice.first.store(number + 1, Ordering::Relaxed);
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

impl<T: Connection> Connection for Session<T> {
    async fn query(&self, sql: &str, params: Vec<Value>) -> Result<Vec<Row>, DbError> {
        self.connection.query(sql, params).await
    }

    async fn query_row(&self, sql: &str, params: Vec<Value>) -> Result<Vec<Row>, DbError> {
        self.connection.query_row(sql, params).await
    }

    async fn execute(&self, sql: &str, params: Vec<Value>) -> Result<(), DbError> {
        self.connection.execute(sql, params).await
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use session_core::domain::config::Tables;
    use session_core::testing::TestPlatform;

    use super::super::row;
    use super::super::runner::{Failure, Runner};
    use super::*;

    /// A server that knows every variable but those of a cluster, and what it was asked.
    #[derive(Default)]
    struct Server {
        asked: Arc<Mutex<Vec<String>>>,
        refuses: bool,
    }

    impl Connector for Server {
        type Connection = Self;

        async fn open(&self) -> Result<Self, DbError> {
            Ok(Self {
                asked: Arc::clone(&self.asked),
                refuses: self.refuses,
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
                _ if self.refuses => Err(DbError::Denied),
                "cut" => Err(DbError::ConnectionLost),
                _ if sql.contains("wsrep") => Err(UNKNOWN_VARIABLE),
                _ => Ok(()),
            }
        }
    }

    fn runner(server: Server) -> Runner<Server, TestPlatform> {
        let tables = Tables {
            signing_key: "k".to_owned(),
            refresh_tokens: "s".to_owned(),
        };
        Runner::new(server, 1, SqlDialect::MySql, tables, TestPlatform::new(1))
    }

    #[tokio::test]
    async fn a_read_is_no_exception_and_what_a_server_does_not_know_is_asked_once() {
        let server = Server::default();
        let asked = Arc::clone(&server.asked);
        let runner = runner(server);
        let read = row("read", Vec::new());
        let cut = execute("cut", Vec::new());
        for statement in [&read, &read, &cut, &read] {
            runner.run(std::slice::from_ref(statement)).await.ok();
        }
        let [all, less] = SqlDialect::MySql.session() else {
            panic!("two choices");
        };
        // Cut, it was tried once more, on a new connection.
        let expected = [all, less, "read", "read", "cut", less, "cut", less, "read"];
        assert_eq!(*asked.lock().unwrap(), expected);
    }

    #[tokio::test]
    async fn without_its_settings_no_statement_runs() {
        let server = Server {
            refuses: true,
            ..Server::default()
        };
        let asked = Arc::clone(&server.asked);
        let runner = runner(server);
        for _ in 0..2 {
            let outcome = runner.run(&[row("read", Vec::new())]).await;
            assert!(matches!(outcome, Err(Failure::Db(DbError::Denied))));
        }
        let asked = asked.lock().unwrap();
        assert_eq!(asked.len(), 2);
        assert!(asked.iter().all(|sql| sql.starts_with("SET ")), "{asked:?}");
    }

    #[test]
    fn the_choices_differ_by_the_clusters_variable_only() {
        let [all, less] = SqlDialect::MySql.session() else {
            panic!("two choices");
        };
        assert_eq!(all.replace(", wsrep_sync_wait = 7", ""), *less);
    }
}
