//! Finding the tables, and making or upgrading them when they are not as they should be.

use session_core::domain::config::Tables;
use session_core::log::Event;
use session_core::platform::Platform;

use super::dialect::SqlDialect;
use super::failure::Failure;
use super::migrations::{Migration, RECORD_PREFIX, migrations};
use crate::db::{Connector, DbError, Statement, Value};
use crate::pool::Lease;

/// The columns by which a key table is known, and all that it has.
const KEY_COLUMNS: &str = "`key_name`, `key_value`, `created_at_time`";

/// The columns by which a sessions table is known: those of the documented SQL, to which migrations add others.
const DOCUMENTED_COLUMNS: &str = "`session_handle_hash_1`, `user_id`, `refresh_token_hash_2`, `session_info`, \
                                  `expires_at`, `jwt_user_payload`";

/// The columns that migrations add.
const ADDED_COLUMNS: &str = "`generation`, `created_at`, `handle_sealed`, `ends_at`, `idle_timeout`, `last_active_at`, \
                             `client`, `authentication`, `device_key`";

/// What a table is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum TableState {
    /// It has all columns.
    Complete,
    /// It lacks columns that migrations add.
    Old,
    Missing,
    /// It is somebody else's: it lacks columns that it always had.
    Foreign,
}

/// Looks at the tables, and runs the migrations that they lack. A table of that name that is somebody else's is left as
/// it is, and the error says so.
///
/// Any number of instances may do it at the same time: what another one made meanwhile counts as made.
pub(super) async fn repair<C: Connector, P: Platform>(
    lease: &mut Lease<'_, C, P>,
    dialect: SqlDialect,
    tables: &Tables,
    platform: &P,
) -> Result<(), Failure> {
    let states = look(lease, tables).await?;
    if states == [TableState::Complete; 2] {
        return Ok(());
    }
    let recorded = match states[0] {
        TableState::Complete => recorded(lease, tables).await?,
        _ => Vec::new(),
    };
    let all: Vec<_> = migrations(dialect).iter().collect();
    let is_recorded = |migration: &&Migration| recorded.contains(&migration.record());
    let pending = all.iter().copied().filter(|it| !is_recorded(it)).collect();
    // Records may be of another table than is there now, of one that was restored from a backup: then everything is run.
    for scripts in [pending, all] {
        run(lease, dialect, tables, &scripts).await?;
        if look(lease, tables).await? == [TableState::Complete; 2] {
            platform.log(&Event::TablesChanged);
            return Ok(());
        }
    }
    Err(Failure::Db(DbError::NoSuchTable))
}

/// What the key table and the sessions table are like.
async fn look<C: Connector, P: Platform>(
    lease: &mut Lease<'_, C, P>,
    tables: &Tables,
) -> Result<[TableState; 2], Failure> {
    let keys = &tables.signing_key;
    let key_table = match probe(lease, keys, KEY_COLUMNS).await? {
        TableState::Old => TableState::Foreign,
        state => state,
    };
    if key_table == TableState::Foreign {
        return Err(Failure::Schema(format!(
            "the table {keys} lacks columns of a key table ({KEY_COLUMNS}): it belongs to something else; set \
             signing_key_table to another name"
        )));
    }
    let sessions = &tables.refresh_tokens;
    let all_columns = format!("{DOCUMENTED_COLUMNS}, {ADDED_COLUMNS}");
    let session_table = match probe(lease, sessions, &all_columns).await? {
        TableState::Old => match probe(lease, sessions, DOCUMENTED_COLUMNS).await? {
            TableState::Old => TableState::Foreign,
            _ => TableState::Old,
        },
        state => state,
    };
    if session_table == TableState::Foreign {
        return Err(Failure::Schema(format!(
            "the table {sessions} lacks columns that a sessions table always had; set refresh_tokens_table to another \
             name (docs/migrate.md, if it is the Node service's)"
        )));
    }
    Ok([key_table, session_table])
}

/// Whether a table is there, and has these columns.
///
/// `execute`, not `query`: Spin tells why an `execute` failed.
async fn probe<C: Connector, P: Platform>(
    lease: &mut Lease<'_, C, P>,
    table: &str,
    columns: &str,
) -> Result<TableState, Failure> {
    let probe = format!("SELECT {columns} FROM `{table}` LIMIT 0");
    match lease.run(&[Statement::execute(&probe, Vec::new())]).await {
        Ok(_) => Ok(TableState::Complete),
        Err(DbError::NoSuchTable) => Ok(TableState::Missing),
        Err(DbError::NoSuchColumn) => Ok(TableState::Old),
        Err(error) => Err(Failure::Db(error)),
    }
}

/// The names of the records in the key table.
async fn recorded<C: Connector, P: Platform>(
    lease: &mut Lease<'_, C, P>,
    tables: &Tables,
) -> Result<Vec<String>, Failure> {
    let read = format!(
        "SELECT `key_name` FROM `{}` WHERE `key_name` LIKE '{RECORD_PREFIX}%'",
        tables.signing_key
    );
    let rows = lease.run(&[Statement::query(&read, Vec::new())]).await;
    let names = rows.map_err(Failure::Db)?.into_iter().flatten();
    let name = |value| match value {
        Value::Text(name) => Some(name),
        _ => None,
    };
    Ok(names.filter_map(name).collect())
}

async fn run<C: Connector, P: Platform>(
    lease: &mut Lease<'_, C, P>,
    dialect: SqlDialect,
    tables: &Tables,
    scripts: &[&Migration],
) -> Result<(), Failure> {
    for sql in scripts
        .iter()
        .flat_map(|script| script.statements(dialect, tables))
    {
        let sql = format!("{}{sql}", dialect.unhurried());
        match lease.run(&[Statement::execute(&sql, Vec::new())]).await {
            Ok(_) | Err(DbError::Exists) => {}
            Err(DbError::Denied) => {
                let names: Vec<_> = scripts.iter().map(|script| script.name).collect();
                return Err(Failure::Schema(format!(
                    "the tables {} and {} are missing or old, and the database user may not change that; run these \
                     files of {} in the database, in this order: {}",
                    tables.signing_key,
                    tables.refresh_tokens,
                    dialect.folder(),
                    names.join(", "),
                )));
            }
            Err(error) => return Err(Failure::Db(error)),
        }
    }
    Ok(())
}
