//! SQLite in memory as a runtime would offer it, with faults at the statement of one's choice.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use rusqlite::types::ValueRef;
use rusqlite::{Connection as Sqlite, params_from_iter};

use crate::db::{Connection, Connector, DbError, Row, Value};
use crate::spin::UNREADABLE;
use crate::testing::rules::{Opened, Rules};

/// What goes wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// The connection is lost before the statement runs.
    CutBefore,
    /// The connection is lost after it ran.
    CutAfter,
    /// It fails and does nothing.
    Error(DbError),
    /// There is no answer, ever.
    Hang,
    /// It takes two seconds.
    Slow,
    /// Somebody else runs this first.
    After(&'static str),
}

/// One database that any number of connections share.
pub(super) struct Database {
    uri: String,
    /// Keeps it in memory, and looks at it without being counted.
    anchor: Mutex<Sqlite>,
    plan: Mutex<Plan>,
    /// Whether a failed query's error is lost, as Spin's MySQL loses it.
    lossy: AtomicBool,
}

#[derive(Default)]
struct Plan {
    statements: Vec<String>,
    opens: u64,
    /// At the statements of these numbers, from 1.
    at_statement: Vec<(usize, Fault)>,
    /// At so many opens from now on.
    at_open: Vec<Fault>,
}

impl Database {
    pub(super) fn new() -> Arc<Self> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let uri = format!("file:test-{number}?mode=memory&cache=shared");
        Arc::new(Self {
            anchor: Mutex::new(Sqlite::open(&uri).unwrap()),
            uri,
            plan: Mutex::default(),
            lossy: AtomicBool::new(false),
        })
    }

    pub(super) fn lose_query_errors(&self) {
        self.lossy.store(true, Ordering::Relaxed);
    }

    fn plan(&self) -> MutexGuard<'_, Plan> {
        self.plan.lock().unwrap()
    }

    /// From now on statements count from 1, and these go wrong.
    pub(super) fn at_statements(&self, faults: impl IntoIterator<Item = (usize, Fault)>) {
        let mut plan = self.plan();
        plan.statements.clear();
        plan.at_statement = faults.into_iter().collect();
    }

    /// The next opens go wrong.
    pub(super) fn at_opens(&self, faults: impl IntoIterator<Item = Fault>) {
        let mut plan = self.plan();
        plan.opens = 0;
        plan.at_open = faults.into_iter().collect();
    }

    /// The statements since the last call of [`Database::at_statements`].
    pub(super) fn statements(&self) -> Vec<String> {
        self.plan().statements.clone()
    }

    /// How many opens were tried since the last call of [`Database::at_opens`].
    pub(super) fn opens(&self) -> u64 {
        self.plan().opens
    }

    /// Runs SQL behind the service's back.
    pub(super) fn batch(&self, sql: &str) {
        self.anchor.lock().unwrap().execute_batch(sql).unwrap();
    }

    /// Reads behind the service's back.
    pub(super) fn look(&self, sql: &str) -> Vec<Row> {
        rows(&self.anchor.lock().unwrap(), sql, Vec::new()).unwrap()
    }

    /// All that is in the database, but for the marks of tombstones and records of migrations.
    pub(super) fn state(&self) -> Vec<Row> {
        let sessions = self.look(
            "SELECT *, CASE generation WHEN 4294967295 THEN 'mark' ELSE refresh_token_hash_2 END FROM refresh_tokens \
             ORDER BY 1",
        );
        // The third column is the token's hash, or the mark, which the last one stands for.
        let sessions = sessions.into_iter().map(|mut row| {
            row.swap_remove(2);
            row
        });
        let keys =
            self.look("SELECT * FROM signing_key WHERE key_name NOT LIKE 'migration.%' ORDER BY 1");
        sessions.chain(keys).collect()
    }
}

/// One instance of the service, which connects to the database.
pub(super) struct Instance {
    database: Arc<Database>,
    rules: Arc<Rules>,
}

impl Instance {
    pub(super) fn new(database: &Arc<Database>, rules: &Arc<Rules>) -> Self {
        Self {
            database: Arc::clone(database),
            rules: Arc::clone(rules),
        }
    }
}

impl Connector for Instance {
    type Connection = SqliteConnection;

    async fn open(&self) -> Result<SqliteConnection, DbError> {
        let opening = self.rules.opening().await;
        tokio::task::yield_now().await;
        let fault = {
            let mut plan = self.database.plan();
            plan.opens += 1;
            (!plan.at_open.is_empty()).then(|| plan.at_open.remove(0))
        };
        match fault {
            Some(Fault::Error(error)) => return Err(error),
            Some(Fault::Hang) => std::future::pending().await,
            Some(_) => return Err(DbError::Connect("the test says so".into())),
            None => {}
        }
        Ok(SqliteConnection {
            sqlite: Mutex::new(Sqlite::open(&self.database.uri).unwrap()),
            database: Arc::clone(&self.database),
            dead: AtomicBool::new(false),
            opened: opening.done(),
        })
    }
}

/// One connection.
pub(super) struct SqliteConnection {
    sqlite: Mutex<Sqlite>,
    database: Arc<Database>,
    dead: AtomicBool,
    opened: Opened,
}

impl SqliteConnection {
    async fn run(&self, sql: &str, params: Vec<Value>) -> Result<Vec<Row>, DbError> {
        let _in_use = self.opened.in_use().await;
        tokio::task::yield_now().await;
        if self.dead.load(Ordering::Relaxed) {
            return Err(DbError::ConnectionLost);
        }
        let fault = {
            let mut plan = self.database.plan();
            plan.statements.push(sql.to_owned());
            let number = plan.statements.len();
            let at = plan.at_statement.iter().find(|(at, _)| *at == number);
            at.map(|(_, fault)| fault.clone())
        };
        if let Some(Fault::After(sql)) = fault {
            self.database.batch(sql);
        }
        match &fault {
            Some(Fault::Error(error)) => return Err(error.clone()),
            Some(Fault::Hang) => std::future::pending().await,
            Some(Fault::CutBefore) => {}
            Some(Fault::CutAfter | Fault::Slow | Fault::After(_)) | None => {
                let outcome = rows(&self.sqlite.lock().unwrap(), sql, params);
                tokio::task::yield_now().await;
                if matches!(fault, Some(Fault::Slow)) {
                    tokio::time::sleep(Duration::from_secs(2)).await;
                }
                if !matches!(fault, Some(Fault::CutAfter)) {
                    return outcome;
                }
            }
        }
        self.dead.store(true, Ordering::Relaxed);
        Err(DbError::ConnectionLost)
    }
}

impl Connection for SqliteConnection {
    async fn query(&self, sql: &str, params: Vec<Value>) -> Result<Vec<Row>, DbError> {
        let lossy = self.database.lossy.load(Ordering::Relaxed);
        let outcome = self.run(sql, params).await;
        outcome.map_err(|error| if lossy { DbError::Other(0) } else { error })
    }

    async fn execute(&self, sql: &str, params: Vec<Value>) -> Result<(), DbError> {
        self.run(sql, params).await.map(drop)
    }
}

fn rows(sqlite: &Sqlite, sql: &str, params: Vec<Value>) -> Result<Vec<Row>, DbError> {
    let bind = |value| match value {
        Value::Null => Ok(rusqlite::types::Value::Null),
        Value::Integer(n) => i64::try_from(n)
            .map(rusqlite::types::Value::Integer)
            .map_err(|_| UNREADABLE),
        Value::Text(text) => Ok(rusqlite::types::Value::Text(text)),
    };
    let params = params
        .into_iter()
        .map(bind)
        .collect::<Result<Vec<_>, _>>()?;
    let classify = |error: rusqlite::Error| DbError::from_sqlite_text(&error.to_string());
    let mut statement = sqlite.prepare(sql).map_err(classify)?;
    let width = statement.column_count();
    let mut found = statement
        .query(params_from_iter(params))
        .map_err(classify)?;
    let mut rows = Vec::new();
    while let Some(row) = found.next().map_err(classify)? {
        let read = |column| match row.get_ref(column).map_err(classify)? {
            ValueRef::Null => Ok(Value::Null),
            ValueRef::Integer(n) => crate::spin::integer(n),
            ValueRef::Text(bytes) => String::from_utf8(bytes.to_vec())
                .map(Value::Text)
                .map_err(|_| UNREADABLE),
            ValueRef::Real(_) | ValueRef::Blob(_) => Err(UNREADABLE),
        };
        rows.push((0..width).map(read).collect::<Result<_, DbError>>()?);
    }
    Ok(rows)
}
