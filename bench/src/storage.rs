//! The service's tables from outside: reading its keys, and putting in as many sessions as are needed.

use std::fmt::Write as _;
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use rusqlite::Connection;
use session::domain::time::Timestamp;
use session::store::KeyRow;
use testbed::database::Server;

use crate::seeded::{Row, SEEDED_USERS};

const KEYS: &str = "SELECT `key_name`, `key_value`, `created_at_time` FROM";
const COLUMNS: &str = "(`session_handle_hash_1`, `user_id`, `refresh_token_hash_2`, `session_info`, `expires_at`, \
                       `jwt_user_payload`, `generation`, `created_at`)";

/// Rows that one statement inserts into MySQL.
const BATCH: usize = 2_000;

/// Where a service keeps its sessions.
pub(crate) enum Storage<'a> {
    /// A database on a server.
    MySql(&'a Server, String),
    /// A file.
    Sqlite(PathBuf),
}

impl Storage<'_> {
    /// The rows of the key table.
    pub(crate) fn keys(&self) -> Result<Vec<KeyRow>> {
        match self {
            Self::MySql(server, name) => {
                let rows = server.query_admin(&format!("{KEYS} `{name}`.`signing_key`"))?;
                let rows = rows.into_iter().map(|row| {
                    let [name, value, time] =
                        <[String; 3]>::try_from(row).expect("three columns were asked for");
                    Ok(key_row(name, value, time.parse()?))
                });
                rows.collect()
            }
            Self::Sqlite(path) => {
                let connection = Connection::open(path)?;
                let mut statement = connection.prepare(&format!("{KEYS} `signing_key`"))?;
                let rows = statement.query_map([], |row| {
                    let time: i64 = row.get(2)?;
                    Ok(key_row(row.get(0)?, row.get(1)?, time.unsigned_abs()))
                })?;
                Ok(rows.collect::<Result<_, _>>()?)
            }
        }
    }

    /// Inserts sessions with a small payload and small data.
    pub(crate) fn insert(&self, rows: &[Row], created_at: Timestamp) -> Result<()> {
        match self {
            Self::MySql(server, name) => {
                for batch in rows.chunks(BATCH) {
                    let mut sql =
                        format!("INSERT INTO `{name}`.`refresh_tokens` {COLUMNS} VALUES ");
                    for (index, row) in batch.iter().enumerate() {
                        let comma = if index == 0 { "" } else { "," };
                        write!(sql, "{comma}{}", values(row, created_at))?;
                    }
                    server.execute_admin(&sql)?;
                }
                Ok(())
            }
            Self::Sqlite(path) => {
                let mut connection = Connection::open(path)?;
                let transaction = connection.transaction()?;
                for row in rows {
                    let values = values(row, created_at);
                    transaction.execute(
                        &format!("INSERT INTO `refresh_tokens` {COLUMNS} VALUES {values}"),
                        [],
                    )?;
                }
                Ok(transaction.commit()?)
            }
        }
    }

    /// How many sessions expired before then.
    pub(crate) fn count_expired(&self, before: Timestamp) -> Result<u64> {
        self.count(&format!("`expires_at` < {}", before.as_millis()))
    }

    /// How many of the sessions of a [`SeededTable`](crate::seeded::SeededTable) there are.
    pub(crate) fn count_seeded(&self) -> Result<u64> {
        self.count(&format!("`user_id` LIKE '{SEEDED_USERS}%'"))
    }

    fn count(&self, condition: &str) -> Result<u64> {
        let condition = format!("`refresh_tokens` WHERE {condition}");
        match self {
            Self::MySql(server, name) => {
                let sql = format!("SELECT COUNT(*) FROM `{name}`.{condition}");
                let rows = server.query_admin(&sql)?;
                let count = rows.first().and_then(|row| row.first());
                Ok(count.context("no count came back")?.parse()?)
            }
            Self::Sqlite(path) => {
                let sql = format!("SELECT COUNT(*) FROM {condition}");
                let count: i64 = Connection::open(path)?.query_one(&sql, [], |row| row.get(0))?;
                Ok(count.unsigned_abs())
            }
        }
    }
}

fn key_row(name: String, value: String, millis: u64) -> KeyRow {
    KeyRow {
        name,
        value,
        time: Timestamp::from_millis(millis),
    }
}

/// A row as SQL. Everything in it is made of letters, digits and the JSON below, so that nothing needs escapes.
fn values(row: &Row, created_at: Timestamp) -> String {
    format!(
        r#"('{}','{}','{}','{{"cart":[1,2,3]}}',{},'{{"role":"member"}}',0,{})"#,
        row.handle_hash,
        row.user,
        row.refresh_hash,
        row.expires_at,
        created_at.as_millis()
    )
}
