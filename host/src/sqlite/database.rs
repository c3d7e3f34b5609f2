//! A database file, how statements run on it and on which thread.
//!
//! A statement usually takes a few microseconds, less than it costs to hand it to another thread.
//! So it runs right where the call is, under conditions: it never waits for a lock there, it is
//! stopped after `BUDGET`, and writes of a database whose commits are slow don't start there at
//! all. In each of these cases it runs, from its beginning, on a thread that may block.

use std::cell::Cell;
use std::path::PathBuf;
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::{ErrorCode, params_from_iter};

use super::v3::{QueryResult, RowResult, Value};
use super::values::{content_len, from_sqlite};

/// How long a statement may hold up the thread that serves requests.
const BUDGET: Duration = Duration::from_millis(2);

/// Mean duration of a commit above which writes go to another thread.
const SLOW_COMMIT: Duration = Duration::from_micros(500);

/// How long a statement waits for another connection's lock, as on Spin, unless the guest wants it otherwise.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Spin's limit for one answer.
const MOST_BYTES: usize = 128 << 20;

/// A file with tables, or a place in memory that every connection has for itself.
pub(crate) struct Database {
    path: Option<PathBuf>,
    /// Held while a write runs on a serving thread: two writers in one process take turns instead
    /// of one of them sleeping until the other is long done.
    writer: Mutex<()>,
    /// Moving average of inline writes, in microseconds.
    commit_micros: AtomicU32,
}

/// An open connection and what stops a statement that takes too long.
pub(super) struct Handle {
    connection: rusqlite::Connection,
    deadline: Arc<Deadline>,
    /// How long a statement may wait for a lock where it may block. The connection itself is told only there.
    busy_timeout: Cell<Duration>,
}

/// When the running statement has to stop: nanoseconds after `start`, 0 for never.
struct Deadline {
    start: Instant,
    at: AtomicI64,
}

/// How an attempt on the serving thread ended.
pub(super) enum Attempt {
    Done(rusqlite::Result<QueryResult>),
    /// Nothing has happened yet; it is for a thread that may block.
    Elsewhere,
}

impl Database {
    /// The database at `path`, or in memory.
    pub(crate) fn new(path: Option<PathBuf>) -> Self {
        Self {
            path,
            writer: Mutex::new(()),
            commit_micros: AtomicU32::new(0),
        }
    }

    /// Where it lies.
    pub(crate) fn path(&self) -> Option<&PathBuf> {
        self.path.as_ref()
    }

    /// Opens a connection, making the file and its folder if necessary.
    pub(super) fn connect(&self) -> rusqlite::Result<Handle> {
        let connection = match &self.path {
            Some(path) => {
                if let Some(folder) = path.parent() {
                    // If that fails, opening does too, and says why.
                    _ = std::fs::create_dir_all(folder);
                }
                rusqlite::Connection::open(path)?
            }
            None => rusqlite::Connection::open_in_memory()?,
        };
        connection.set_prepared_statement_cache_capacity(64);
        connection.busy_timeout(Duration::ZERO)?;
        let deadline = Arc::new(Deadline {
            start: Instant::now(),
            at: AtomicI64::new(0),
        });
        let watched = deadline.clone();
        connection.progress_handler(2_000, Some(move || watched.is_over()))?;
        Ok(Handle {
            connection,
            deadline,
            busy_timeout: Cell::new(BUSY_TIMEOUT),
        })
    }

    /// Tries a statement without ever blocking.
    pub(super) fn attempt(&self, handle: &Handle, sql: &str, params: &[Value]) -> Attempt {
        let connection = &handle.connection;
        let in_transaction = !connection.is_autocommit();
        let mut statement = match connection.prepare_cached(sql) {
            Ok(statement) => statement,
            Err(error) if is_busy(&error) => return Attempt::Elsewhere,
            Err(error) => return Attempt::Done(Err(error)),
        };
        let reads = statement.readonly();
        // An interrupted write would take the whole transaction with it.
        if !reads && (in_transaction || self.commits_slowly()) {
            return Attempt::Elsewhere;
        }
        let turn = (!reads).then(|| lock(&self.writer));
        let began = Instant::now();
        handle.deadline.set(BUDGET);
        let result = run(&mut statement, params);
        handle.deadline.clear();
        drop(turn);
        match result {
            Err(error) if is_busy(&error) || is_interrupted(&error) => Attempt::Elsewhere,
            result => {
                if !reads {
                    self.note_commit(began.elapsed());
                }
                handle.adopt_busy_timeout(sql);
                Attempt::Done(result)
            }
        }
    }

    /// Runs a statement on a thread that may block.
    pub(super) fn run(
        &self,
        handle: &Handle,
        sql: &str,
        params: &[Value],
    ) -> rusqlite::Result<QueryResult> {
        handle.connection.busy_timeout(handle.busy_timeout.get())?;
        let began = Instant::now();
        let result = handle
            .connection
            .prepare_cached(sql)
            .and_then(|mut statement| run(&mut statement, params));
        if self.commits_slowly() {
            self.note_commit(began.elapsed());
        }
        handle.adopt_busy_timeout(sql);
        handle.connection.busy_timeout(Duration::ZERO)?;
        result
    }

    fn commits_slowly(&self) -> bool {
        u128::from(self.commit_micros.load(Ordering::Relaxed)) > SLOW_COMMIT.as_micros()
    }

    fn note_commit(&self, took: Duration) {
        let took = u32::try_from(took.as_micros()).unwrap_or(u32::MAX);
        let mean = self.commit_micros.load(Ordering::Relaxed);
        self.commit_micros
            .store(mean - mean / 8 + took / 8, Ordering::Relaxed);
    }
}

impl Handle {
    /// `PRAGMA busy_timeout` is for the connection, which must not wait on the thread that serves requests.
    fn adopt_busy_timeout(&self, sql: &str) {
        let words = sql.trim_start().get(..19).unwrap_or_default();
        if !words.eq_ignore_ascii_case("pragma busy_timeout") {
            return;
        }
        let read = |row: &rusqlite::Row<'_>| row.get::<_, u32>(0);
        if let Ok(millis) = self
            .connection
            .pragma_query_value(None, "busy_timeout", read)
        {
            self.busy_timeout.set(Duration::from_millis(millis.into()));
        }
        // Nothing that could be done about it; the next statement tries again.
        _ = self.connection.busy_timeout(Duration::ZERO);
    }

    /// See SQLite's `sqlite3_changes64`.
    pub(super) fn changes(&self) -> u64 {
        self.connection.changes()
    }

    /// See SQLite's `sqlite3_last_insert_rowid`.
    pub(super) fn last_insert_rowid(&self) -> i64 {
        self.connection.last_insert_rowid()
    }
}

fn run(statement: &mut rusqlite::Statement<'_>, params: &[Value]) -> rusqlite::Result<QueryResult> {
    let columns = statement
        .column_names()
        .into_iter()
        .map(str::to_owned)
        .collect();
    let width = statement.column_count();
    let mut answer = QueryResult {
        columns,
        rows: Vec::new(),
    };
    let mut size = 0;
    let mut rows = statement.query(params_from_iter(params))?;
    while let Some(row) = rows.next()? {
        let mut values = Vec::with_capacity(width);
        for index in 0..width {
            let value = from_sqlite(row.get_ref(index)?)
                .map_err(|error| rusqlite::Error::Utf8Error(index, error))?;
            size += size_of::<Value>() + content_len(&value);
            values.push(value);
        }
        if size > MOST_BYTES {
            return Err(too_large());
        }
        answer.rows.push(RowResult { values });
    }
    Ok(answer)
}

impl Deadline {
    fn set(&self, budget: Duration) {
        self.at
            .store(nanos(self.start.elapsed() + budget), Ordering::Relaxed);
    }

    fn clear(&self) {
        self.at.store(0, Ordering::Relaxed);
    }

    fn is_over(&self) -> bool {
        let at = self.at.load(Ordering::Relaxed);
        at != 0 && nanos(self.start.elapsed()) > at
    }
}

fn too_large() -> rusqlite::Error {
    rusqlite::Error::ToSqlConversionFailure(
        format!("query result exceeds limit of {MOST_BYTES} bytes").into(),
    )
}

fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked)
    )
}

fn is_interrupted(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(ErrorCode::OperationInterrupted)
}

fn nanos(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}

fn lock(mutex: &Mutex<()>) -> MutexGuard<'_, ()> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str) -> (PathBuf, Database) {
        let folder = std::env::temp_dir().join(format!("dev-host-{}-{name}", std::process::id()));
        _ = std::fs::remove_dir_all(&folder);
        (folder.clone(), Database::new(Some(folder.join("a/b.db"))))
    }

    fn done(attempt: Attempt) -> Option<rusqlite::Result<QueryResult>> {
        match attempt {
            Attempt::Done(result) => Some(result),
            Attempt::Elsewhere => None,
        }
    }

    #[test]
    fn values_come_back_as_they_were_sent() {
        let database = Database::new(None);
        let handle = database.connect().unwrap();
        let sent = vec![
            Value::Null,
            Value::Integer(i64::MIN),
            Value::Real(2.5),
            Value::Text("é\0".to_owned()),
            Value::Blob(vec![0, 255]),
        ];
        let answer = done(database.attempt(&handle, "SELECT ?, ? AS b, ?, ?, ?", &sent));
        let answer = answer.unwrap().unwrap();
        assert_eq!(answer.columns[1], "b");
        assert_eq!(format!("{:?}", answer.rows[0].values), format!("{sent:?}"));
    }

    #[test]
    fn a_locked_database_is_left_to_a_thread_that_may_wait() {
        let (folder, database) = file("locked");
        let (first, second) = (database.connect().unwrap(), database.connect().unwrap());
        database.run(&first, "CREATE TABLE t(x)", &[]).unwrap();
        database.run(&first, "BEGIN IMMEDIATE", &[]).unwrap();
        assert!(done(database.attempt(&second, "INSERT INTO t VALUES (1)", &[])).is_none());
        std::thread::scope(|scope| {
            let database = &database;
            let waiting = scope.spawn(move || {
                database
                    .run(&second, "INSERT INTO t VALUES (1)", &[])
                    .is_ok()
            });
            std::thread::sleep(Duration::from_millis(20));
            database.run(&first, "COMMIT", &[]).unwrap();
            assert!(waiting.join().unwrap());
        });
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_guests_busy_timeout_is_for_the_thread_that_may_wait() {
        let (folder, database) = file("timeout");
        let (first, second) = (database.connect().unwrap(), database.connect().unwrap());
        database.run(&first, "CREATE TABLE t(x)", &[]).unwrap();
        database.run(&first, "BEGIN IMMEDIATE", &[]).unwrap();
        let pragma = "PRAGMA busy_timeout = 30";
        done(database.attempt(&second, pragma, &[]))
            .unwrap()
            .unwrap();
        assert_eq!(second.busy_timeout.get(), Duration::from_millis(30));
        let told = |handle: &Handle| {
            let read = |row: &rusqlite::Row<'_>| row.get::<_, u32>(0);
            let told = handle
                .connection
                .pragma_query_value(None, "busy_timeout", read);
            told.unwrap()
        };
        assert_eq!(told(&second), 0);
        assert!(done(database.attempt(&second, "INSERT INTO t VALUES (1)", &[])).is_none());
        let error = database
            .run(&second, "INSERT INTO t VALUES (1)", &[])
            .unwrap_err();
        assert!(is_busy(&error));
        assert_eq!(told(&second), 0);
        drop((first, second));
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_long_statement_is_stopped_and_then_run_elsewhere() {
        let database = Database::new(None);
        let handle = database.connect().unwrap();
        let sql = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300000) \
                   SELECT count(*) FROM n";
        assert!(done(database.attempt(&handle, sql, &[])).is_none());
        let answer = database.run(&handle, sql, &[]).unwrap();
        assert!(matches!(answer.rows[0].values[0], Value::Integer(300_000)));
    }
}
