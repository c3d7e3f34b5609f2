//! The tables, read and edited past the service.
//!
//! Values travel as text both ways; every database here converts them by the column's type.

use std::path::PathBuf;

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, OptsBuilder, Params, Row, Value};
use rusqlite::types::ValueRef;
use testbed::database::Server;
use tokio::sync::Mutex;

use crate::forge::{from_base64, from_base64url, sha256_hex};

/// One value of a row; `None` is NULL.
pub type Cell = Option<String>;

/// The database of one test.
pub struct Tables {
    pub(crate) way: Way,
}

pub(crate) enum Way {
    Sqlite(PathBuf),
    Server {
        options: Box<OptsBuilder>,
        connection: Mutex<Option<Conn>>,
    },
}

/// A row of `refresh_tokens`, with the columns' names.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "the columns are described in sql/")]
pub struct SessionRow {
    pub session_handle_hash_1: String,
    pub user_id: String,
    pub refresh_token_hash_2: String,
    pub session_info: Cell,
    pub expires_at: i64,
    pub jwt_user_payload: Cell,
    pub generation: i64,
    pub created_at: i64,
}

/// A row of `signing_key`.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "the columns are described in sql/")]
pub struct KeyRow {
    pub key_name: String,
    pub key_value: String,
    pub created_at_time: i64,
}

impl KeyRow {
    /// The bytes that sign. The padding is the sign of a release that names keys by their bytes, too.
    pub fn bytes(&self) -> Vec<u8> {
        if self.key_value.ends_with('=') {
            from_base64(&self.key_value)
        } else {
            from_base64url(&self.key_value)
        }
    }

    /// The generation of an access token signing key.
    pub fn generation(&self) -> u32 {
        let generation = self.key_name.strip_prefix("access_token_signing_key.");
        let generation = generation.and_then(|generation| generation.parse().ok());
        generation.expect("the row is of an access token signing key")
    }

    /// The `kid` of what an access token signing key signs: its generation and, where the padding says so, a part of
    /// a hash of its bytes.
    pub fn kid(&self) -> String {
        let generation = self.generation();
        if !self.key_value.ends_with('=') {
            return generation.to_string();
        }
        let fingerprint = sha256_hex(&sha256_hex(&self.bytes()));
        format!("{generation}.{}", &fingerprint[..8])
    }
}

impl Tables {
    /// The tables in a SQLite file.
    pub fn sqlite(path: PathBuf) -> Self {
        Self {
            way: Way::Sqlite(path),
        }
    }

    /// The tables in a database of a server, as its administrator.
    pub fn server(server: &Server, name: &str) -> Self {
        let options = OptsBuilder::default()
            .ip_or_hostname(server.host())
            .tcp_port(server.port())
            .user(Some(server.user()))
            .pass(Some(server.password()))
            .db_name(Some(name))
            .prefer_socket(false);
        Self {
            way: Way::Server {
                options: Box::new(options),
                connection: Mutex::new(None),
            },
        }
    }

    /// Runs a statement with `?` for its parameters and returns its rows.
    #[track_caller]
    pub fn query(&self, sql: &str, values: &[&str]) -> impl Future<Output = Vec<Vec<Cell>>> {
        let from = std::panic::Location::caller();
        async move {
            match self.try_query(sql, values).await {
                Ok(rows) => rows,
                Err(message) => panic!("{from}: {sql}: {message}"),
            }
        }
    }

    /// Like [`Tables::query`], with the database's refusal as an error.
    pub async fn try_query(&self, sql: &str, values: &[&str]) -> Result<Vec<Vec<Cell>>, String> {
        match &self.way {
            Way::Sqlite(path) => query_sqlite(path, sql, values).map_err(|error| error.to_string()),
            Way::Server {
                options,
                connection,
            } => {
                let mut kept = connection.lock().await;
                let mut connection = match kept.take() {
                    Some(connection) => connection,
                    None => Conn::new(OptsBuilder::clone(options))
                        .await
                        .map_err(|error| error.to_string())?,
                };
                let values = values
                    .iter()
                    .map(|value| Value::from(*value))
                    .collect::<Vec<_>>();
                let params = if values.is_empty() {
                    Params::Empty
                } else {
                    Params::Positional(values)
                };
                let rows: Vec<Row> = connection
                    .exec(sql, params)
                    .await
                    .map_err(|error| error.to_string())?;
                // A connection that failed is not kept.
                *kept = Some(connection);
                Ok(rows
                    .into_iter()
                    .map(|row| row.unwrap().into_iter().map(cell).collect())
                    .collect())
            }
        }
    }

    /// Runs the files of `sql/mysql` as an operator does.
    pub async fn run_files(&self) {
        let folder = testbed::workspace_root().join("sql/mysql");
        let mut files: Vec<_> = std::fs::read_dir(folder)
            .expect("the folder is there")
            .map(|file| file.expect("a file").path())
            .collect();
        files.sort();
        for file in files {
            let text = std::fs::read_to_string(&file).expect("a file of text");
            for sql in text.split(";\n").filter(|sql| sql.contains('`')) {
                // That the second one's columns are there already is what its head says.
                let outcome = self.try_query(sql, &[]).await;
                assert!(
                    outcome.is_ok() || file.to_string_lossy().contains("/002_"),
                    "{sql}"
                );
            }
        }
    }

    /// The row of a session; none of one that was revoked.
    pub async fn session(&self, handle: &str) -> Option<SessionRow> {
        let sql = "SELECT session_handle_hash_1, user_id, refresh_token_hash_2, session_info, \
                   expires_at, jwt_user_payload, generation, created_at \
                   FROM refresh_tokens WHERE session_handle_hash_1 = ? AND generation <> 4294967295";
        let mut rows = self.query(sql, &[&sha256_hex(handle)]).await;
        assert!(rows.len() <= 1, "one row for each session: {rows:?}");
        let [
            hash,
            user,
            token,
            info,
            expires,
            payload,
            generation,
            created,
        ] = rows.pop()?.try_into().expect("eight columns were selected");
        Some(SessionRow {
            session_handle_hash_1: text(hash),
            user_id: text(user),
            refresh_token_hash_2: text(token),
            session_info: info,
            expires_at: number(expires),
            jwt_user_payload: payload,
            generation: number(generation),
            created_at: number(created),
        })
    }

    /// How many rows `refresh_tokens` has, without those of revoked sessions.
    pub async fn session_count(&self) -> i64 {
        let count = "SELECT COUNT(*) FROM refresh_tokens WHERE generation <> 4294967295";
        let mut rows = self.query(count, &[]).await;
        number(rows.remove(0).remove(0))
    }

    /// Sets one column of a session's row.
    pub async fn edit_session(&self, handle: &str, column: &str, value: &str) {
        let sql = format!("UPDATE refresh_tokens SET {column} = ? WHERE session_handle_hash_1 = ?");
        self.query(&sql, &[value, &sha256_hex(handle)]).await;
    }

    /// Every row of `signing_key` that is of a key, by name.
    pub async fn key_rows(&self) -> Vec<KeyRow> {
        let sql = "SELECT key_name, key_value, created_at_time FROM signing_key \
                   WHERE key_name <> 'last_tick' AND key_name NOT LIKE 'migration.%' \
                   ORDER BY key_name";
        let row = |cells: Vec<Cell>| {
            let [name, value, created] = cells.try_into().expect("three columns were selected");
            KeyRow {
                key_name: text(name),
                key_value: text(value),
                created_at_time: number(created),
            }
        };
        self.query(sql, &[]).await.into_iter().map(row).collect()
    }

    /// The access token signing keys, oldest first.
    pub async fn signing_keys(&self) -> Vec<KeyRow> {
        let mut keys = self.key_rows().await;
        keys.retain(|key| key.key_name.starts_with("access_token_signing_key."));
        keys.sort_by_key(KeyRow::generation);
        keys
    }

    /// The access token signing key with this `kid`.
    pub async fn signing_key(&self, kid: &str) -> KeyRow {
        let keys = self.signing_keys().await;
        keys.into_iter()
            .find(|key| key.kid() == kid)
            .expect("the key is in the table")
    }
}

fn query_sqlite(path: &PathBuf, sql: &str, values: &[&str]) -> rusqlite::Result<Vec<Vec<Cell>>> {
    let connection = rusqlite::Connection::open(path)?;
    let mut statement = connection.prepare(sql)?;
    let width = statement.column_count();
    let mut rows = statement.query(rusqlite::params_from_iter(values))?;
    let mut result = Vec::new();
    while let Some(row) = rows.next()? {
        let cells = (0..width).map(|column| {
            Ok(match row.get_ref(column)? {
                ValueRef::Null => None,
                ValueRef::Integer(value) => Some(value.to_string()),
                ValueRef::Real(value) => Some(value.to_string()),
                ValueRef::Text(bytes) | ValueRef::Blob(bytes) => {
                    Some(String::from_utf8_lossy(bytes).into_owned())
                }
            })
        });
        result.push(cells.collect::<rusqlite::Result<_>>()?);
    }
    Ok(result)
}

fn cell(value: Value) -> Cell {
    match value {
        Value::NULL => None,
        Value::Bytes(bytes) => Some(String::from_utf8_lossy(&bytes).into_owned()),
        Value::Int(value) => Some(value.to_string()),
        Value::UInt(value) => Some(value.to_string()),
        other => Some(other.as_sql(true)),
    }
}

fn text(cell: Cell) -> String {
    cell.expect("the column is NOT NULL")
}

fn number(cell: Cell) -> i64 {
    text(cell).parse().expect("the column is a number")
}
