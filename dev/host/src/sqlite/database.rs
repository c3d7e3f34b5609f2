//! How a database is opened and a statement runs on it, on a thread that may block.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, Error, Result, params_from_iter};

use super::v3::{QueryResult, RowResult, Value};
use super::values::{content_len, from_sqlite};

/// How long a statement waits for another connection's lock, as on Spin, unless the guest wants it otherwise.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Spin's limit for one answer.
const MOST_BYTES: usize = 128 << 20;

/// Opens the file at `path`, made with its folder if need be, or a place in memory for this connection alone.
pub(super) fn connect(path: Option<&Path>) -> Result<Connection> {
    let connection = match path {
        Some(path) => {
            if let Some(folder) = path.parent() {
                // If that fails, opening does too, and says why.
                _ = std::fs::create_dir_all(folder);
            }
            Connection::open(path)?
        }
        None => Connection::open_in_memory()?,
    };
    connection.busy_timeout(BUSY_TIMEOUT)?;
    Ok(connection)
}

/// Runs one statement. Where it says how long to wait for a lock, that is so many times as long.
pub(super) fn run(
    connection: &Connection,
    sql: &str,
    params: &[Value],
    slow_timers: u32,
) -> Result<QueryResult> {
    let mut statement = connection.prepare_cached(sql)?;
    let columns = statement.column_names().into_iter().map(str::to_owned);
    let mut answer = QueryResult {
        columns: columns.collect(),
        rows: Vec::new(),
    };
    let mut size = 0;
    let mut rows = statement.query(params_from_iter(params))?;
    while let Some(row) = rows.next()? {
        let mut values = Vec::new();
        for index in 0..answer.columns.len() {
            let value =
                from_sqlite(row.get_ref(index)?).map_err(|error| Error::Utf8Error(index, error))?;
            size += size_of::<Value>() + content_len(&value);
            values.push(value);
        }
        if size > MOST_BYTES {
            let text = format!("query result exceeds limit of {MOST_BYTES} bytes");
            return Err(Error::ToSqlConversionFailure(text.into()));
        }
        answer.rows.push(RowResult { values });
    }
    if sql.starts_with("PRAGMA busy_timeout") {
        let millis = connection.query_row("PRAGMA busy_timeout", [], |row| row.get::<_, u32>(0))?;
        connection.busy_timeout(Duration::from_millis(millis.into()) * slow_timers)?;
    }
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_come_back_as_they_were_sent() {
        let connection = connect(None).unwrap();
        let sent = vec![
            Value::Null,
            Value::Integer(i64::MIN),
            Value::Real(2.5),
            Value::Text("é\0".to_owned()),
            Value::Blob(vec![0, 255]),
        ];
        let answer = run(&connection, "SELECT ?, ? AS b, ?, ?, ?", &sent, 1).unwrap();
        assert_eq!(answer.columns[1], "b");
        assert_eq!(format!("{:?}", answer.rows[0].values), format!("{sent:?}"));
    }

    #[test]
    fn a_guest_decides_how_long_a_locked_database_is_waited_for() {
        let folder = std::env::temp_dir().join(format!("dev-host-{}-locked", std::process::id()));
        let path = folder.join("a/b.db");
        let [first, second] = [(); 2].map(|()| connect(Some(&path)).unwrap());
        run(&first, "CREATE TABLE t(x)", &[], 1).unwrap();
        run(&first, "BEGIN IMMEDIATE", &[], 1).unwrap();
        run(&second, "PRAGMA busy_timeout = 30", &[], 1).unwrap();
        let error = run(&second, "INSERT INTO t VALUES (1)", &[], 1).unwrap_err();
        assert_eq!(
            error.sqlite_error_code(),
            Some(rusqlite::ErrorCode::DatabaseBusy)
        );
        std::fs::remove_dir_all(folder).unwrap();
    }
}
