//! What a new connection is asked first.

use std::sync::Mutex;

use session_core::domain::config::Tables;
use session_core::testing::TestPlatform;

use super::super::failure::Failure;
use super::super::runner::Runner;
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
    let read = Statement::row("read", Vec::new());
    let cut = Statement::execute("cut", Vec::new());
    for statement in [&read, &read, &cut, &read] {
        runner.run(std::slice::from_ref(statement)).await.ok();
    }
    let [all, less] = SqlDialect::MySql.set_up() else {
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
        let outcome = runner.run(&[Statement::row("read", Vec::new())]).await;
        assert!(matches!(outcome, Err(Failure::Db(DbError::Denied))));
    }
    let asked = asked.lock().unwrap();
    assert_eq!(asked.len(), 2);
    assert!(asked.iter().all(|sql| sql.starts_with("SET ")), "{asked:?}");
}

#[test]
fn the_choices_differ_by_the_clusters_variable_only() {
    let [all, less] = SqlDialect::MySql.set_up() else {
        panic!("two choices");
    };
    assert_eq!(all.replace(", wsrep_sync_wait = 7", ""), *less);
}
