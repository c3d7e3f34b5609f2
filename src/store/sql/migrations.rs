//! The files of `sql/`, in the order of their numbers: what is released is never edited, a change is a new file.
//!
//! A file ends with the record that it was run. Until then each of its statements can be repeated: it changes nothing,
//! or fails as one whose column, index or table exists already.

use session_core::domain::config::Tables;

use super::dialect::SqlDialect;

/// What the name of a migration's record in the key table begins with; its number follows in three digits.
pub(super) const RECORD_PREFIX: &str = "migration.";

/// One file of `sql/`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Migration {
    /// The file's name without `.sql`: three digits, `_`, what it does.
    pub(super) name: &'static str,
    text: &'static str,
}

macro_rules! migrations {
    ($folder:literal: $($name:literal),+ $(,)?) => {
        &[$(Migration {
            name: $name,
            text: include_str!(concat!("../../../sql/", $folder, "/", $name, ".sql")),
        }),+]
    };
}

const MYSQL: &[Migration] = migrations!("mysql":
    "001_create_tables",
    "002_upgrade_documented_tables",
    "003_record_migrations",
    "004_collations",
    "005_lifetimes",
    "006_device_key",
);

const SQLITE: &[Migration] = migrations!("sqlite":
    "001_create_tables",
    "002_upgrade_documented_tables",
    "003_record_migrations",
    "004_lifetimes",
    "005_device_key",
);

/// All of a dialect.
pub(super) fn migrations(dialect: SqlDialect) -> &'static [Migration] {
    match dialect {
        SqlDialect::MySql => MYSQL,
        SqlDialect::Sqlite => SQLITE,
    }
}

impl Migration {
    /// The name of its record.
    pub(super) fn record(&self) -> String {
        format!("{RECORD_PREFIX}{}", &self.name[..3])
    }

    /// Its statements, for tables of other names if need be.
    pub(super) fn statements(&self, dialect: SqlDialect, tables: &Tables) -> Vec<String> {
        let lines = self.text.lines().filter(|line| !line.starts_with("--"));
        let code: String = lines.flat_map(|line| [line, "\n"]).collect();
        code.split(";\n")
            .map(str::trim)
            .filter(|statement| !statement.is_empty())
            .map(|statement| rename(statement, dialect, tables))
            .collect()
    }
}

/// The statement with every name between backticks in one pass, since one table's name may be another's here.
fn rename(statement: &str, dialect: SqlDialect, tables: &Tables) -> String {
    let mut parts: Vec<_> = statement.split('`').map(str::to_owned).collect();
    for name in parts.iter_mut().skip(1).step_by(2) {
        match name.strip_prefix("refresh_tokens") {
            Some("") => name.clone_from(&tables.refresh_tokens),
            // The name of an index is one in its table; on SQLite one in the whole file, among those of tables.
            Some(rest) if dialect == SqlDialect::Sqlite => {
                *name = format!("{}{rest}", tables.refresh_tokens);
                if name.eq_ignore_ascii_case(&tables.signing_key) {
                    name.push_str("_index");
                }
            }
            _ if name == "signing_key" => name.clone_from(&tables.signing_key),
            _ => {}
        }
    }
    parts.join("`")
}
