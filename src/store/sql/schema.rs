//! Finding the tables, and making or upgrading them when they are not as they should be.

use session_core::domain::config::Tables;
use session_core::log::Event;
use session_core::platform::Platform;

use super::dialect::SqlDialect;
use super::failure::Failure;
use crate::db::{Connector, DbError, Statement};
use crate::pool::Lease;

/// Looks at the tables, creates what is missing and upgrades what is old.
///
/// Any number of instances may do it at the same time: what another one made meanwhile counts as made.
pub(super) async fn repair<C: Connector, P: Platform>(
    lease: &mut Lease<'_, C, P>,
    dialect: SqlDialect,
    tables: &Tables,
    platform: &P,
) -> Result<(), Failure> {
    let script = match problem(lease, tables).await? {
        None => return Ok(()),
        Some(DbError::NoSuchTable) => dialect.create_tables(tables),
        Some(_) => {
            refuse_another_schema(lease, tables).await?;
            dialect.upgrade_tables(tables)
        }
    };
    change(lease, dialect, tables, script).await?;
    // A documented table beside a missing one: created the one, now upgrade the other.
    if let Some(problem) = problem(lease, tables).await? {
        if problem == DbError::NoSuchTable {
            return Err(Failure::Db(problem));
        }
        change(lease, dialect, tables, dialect.upgrade_tables(tables)).await?;
    }
    platform.log(&Event::TablesChanged);
    Ok(())
}

/// What the tables lack, if anything.
///
/// `execute`, not `query`: Spin tells why an `execute` failed.
async fn problem<C: Connector, P: Platform>(
    lease: &mut Lease<'_, C, P>,
    tables: &Tables,
) -> Result<Option<DbError>, Failure> {
    let probes = [
        format!(
            "SELECT `key_name`, `key_value`, `created_at_time` FROM `{}` LIMIT 0",
            tables.signing_key
        ),
        format!(
            "SELECT {DOCUMENTED_COLUMNS}, `generation`, `created_at`, `handle_sealed` FROM `{}` LIMIT 0",
            tables.refresh_tokens
        ),
    ];
    for probe in probes {
        match lease.run(&[Statement::execute(&probe, Vec::new())]).await {
            Ok(_) => {}
            Err(error @ (DbError::NoSuchTable | DbError::NoSuchColumn)) => return Ok(Some(error)),
            Err(error) => return Err(Failure::Db(error)),
        }
    }
    Ok(None)
}

/// The columns of a sessions table that can be upgraded.
const DOCUMENTED_COLUMNS: &str = "`session_handle_hash_1`, `user_id`, `refresh_token_hash_2`, `session_info`, \
                                  `expires_at`, `jwt_user_payload`";

/// A table of that name may be somebody else's: it is left as it is, and the error says so.
async fn refuse_another_schema<C: Connector, P: Platform>(
    lease: &mut Lease<'_, C, P>,
    tables: &Tables,
) -> Result<(), Failure> {
    let table = &tables.refresh_tokens;
    let probe = format!("SELECT {DOCUMENTED_COLUMNS} FROM `{table}` LIMIT 0");
    match lease.run(&[Statement::execute(&probe, Vec::new())]).await {
        Ok(_) | Err(DbError::NoSuchTable) => Ok(()),
        Err(DbError::NoSuchColumn) => Err(Failure::Schema(format!(
            "the table {table} lacks columns that a sessions table always had; set refresh_tokens_table to another \
             name (docs/migrate.md, if it is the Node service's)"
        ))),
        Err(error) => Err(Failure::Db(error)),
    }
}

async fn change<C: Connector, P: Platform>(
    lease: &mut Lease<'_, C, P>,
    dialect: SqlDialect,
    tables: &Tables,
    script: Vec<String>,
) -> Result<(), Failure> {
    for sql in script {
        let sql = format!("{}{sql}", dialect.unhurried());
        match lease.run(&[Statement::execute(&sql, Vec::new())]).await {
            Ok(_) | Err(DbError::Exists) => {}
            Err(DbError::Denied) => {
                return Err(Failure::Schema(format!(
                    "the tables {} and {} are missing or old, and the database user may not change that; \
                     run the files of {} in the database, in the order of their numbers",
                    tables.signing_key,
                    tables.refresh_tokens,
                    dialect.folder(),
                )));
            }
            Err(error) => return Err(Failure::Db(error)),
        }
    }
    Ok(())
}
