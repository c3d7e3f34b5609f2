//! What differs between the SQL of MySQL and that of SQLite. Both take backticks around names.

use crate::db::Value;

/// Which SQL is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SqlDialect {
    /// MySQL and MariaDB.
    MySql,
    /// SQLite.
    Sqlite,
}

impl SqlDialect {
    /// The beginning of an insert that leaves a row alone that is there already.
    pub(super) fn insert_ignore(self) -> &'static str {
        match self {
            Self::MySql => "INSERT IGNORE INTO",
            Self::Sqlite => "INSERT OR IGNORE INTO",
        }
    }

    /// The condition that a row is a user's, with two parameters, both the user id. `=` uses the index, but MySQL's binary
    /// collations ignore trailing spaces; the digits don't. SQLite needs the first half only.
    pub(super) fn same_user(self) -> &'static str {
        "`user_id` = ? AND HEX(`user_id`) = HEX(?)"
    }

    /// The name of the function that gives the least of its arguments.
    pub(super) fn least(self) -> &'static str {
        match self {
            Self::MySql => "LEAST",
            Self::Sqlite => "MIN",
        }
    }

    /// By what a user's rows are in order in the index on users: a row keeps its place as long as it is there.
    pub(super) fn order_of_user(self) -> &'static str {
        match self {
            Self::MySql => "`session_handle_hash_1`",
            Self::Sqlite => "rowid",
        }
    }

    /// What comes before all rows in that order.
    pub(super) fn start_of_order(self) -> Value {
        match self {
            Self::MySql => "".into(),
            Self::Sqlite => 0.into(),
        }
    }

    /// What a connection begins with: the first of these that the server takes. One statement, since each is two turns
    /// with the server. MySQL reads `/*!50720`, MariaDB `/*M!`.
    ///
    /// Text is utf8mb4 and compares byte for byte. Strict mode, so that no value is ever cut in silence. `REPEATABLE
    /// READ`, since `READ COMMITTED` can't be written to a statement-based binary log. A wait for a lock ends before an
    /// answer's deadline, so that no statement goes on after it; nothing that hangs goes on for ever. On a node of a
    /// Galera cluster a statement sees what was acknowledged on another before it began; without a cluster
    /// `wsrep_sync_wait` costs nothing, but some builds of MariaDB don't know it.
    pub(super) fn set_up(self) -> &'static [&'static str] {
        macro_rules! set {
            ($cluster:literal) => {
                concat!(
                    "SET NAMES utf8mb4 COLLATE utf8mb4_bin, autocommit = 1, sql_mode = 'STRICT_ALL_TABLES', \
                     sql_safe_updates = 0, lock_wait_timeout = 1, innodb_lock_wait_timeout = 2 \
                     /*!50720 , transaction_isolation = 'REPEATABLE-READ', max_execution_time = 10000 */ \
                     /*M! , tx_isolation = 'REPEATABLE-READ', max_statement_time = 10",
                    $cluster,
                    " */"
                )
            };
        }
        match self {
            Self::MySql => &[set!(", wsrep_sync_wait = 7"), set!("")],
            Self::Sqlite => &[],
        }
    }

    /// What goes before a statement that may take as long as it needs: to upgrade a large table.
    pub(super) fn unhurried(self) -> &'static str {
        match self {
            Self::MySql => "/*M! SET STATEMENT max_statement_time = 0 FOR */ ",
            Self::Sqlite => "",
        }
    }

    /// A query of one row: about how many rows a table has.
    pub(super) fn estimate_rows(self, table: &str) -> String {
        match self {
            Self::MySql => format!(
                "SELECT CAST(COALESCE(`table_rows`, 0) AS UNSIGNED) FROM `information_schema`.`tables` \
                 WHERE `table_schema` = DATABASE() AND `table_name` = '{table}'"
            ),
            Self::Sqlite => {
                format!("SELECT COUNT(*) FROM (SELECT 1 FROM `{table}` LIMIT 100000) AS counted")
            }
        }
    }

    /// The folder of this dialect's files, for messages.
    pub(super) fn folder(self) -> &'static str {
        match self {
            Self::MySql => "sql/mysql",
            Self::Sqlite => "sql/sqlite",
        }
    }
}
