//! Every statement keeps to what all engines take that speak MySQL's protocol, also those that divide a table's rows among
//! servers. Vitess' sources are those of its release 21, TiDB's those of 8.

use super::{SqlDialect, tables};
use crate::sql::statements::Sql;

/// A form that is not used: which engine refuses it, or does something else than meant, by which source, and an example.
struct Form {
    is_in: fn(&str) -> bool,
    because: &'static str,
    example: &'static str,
}

fn changes(sql: &str) -> bool {
    ["INSERT", "UPDATE", "DELETE", "REPLACE"]
        .iter()
        .any(|word| sql.starts_with(word))
}

const FORMS: [Form; 14] = [
    Form {
        is_in: |sql| changes(sql) && sql.contains(" LIMIT "),
        because: "Vitess: VT12001, multi shard DELETE with LIMIT (planbuilder/operators/delete.go, update.go); Spider: \
                  reads and locks every row that fits (measured, 10.11)",
        example: "DELETE FROM t WHERE a < ? LIMIT 1000",
    },
    Form {
        is_in: |sql| sql.starts_with("REPLACE "),
        because: "Vitess: VT12001, REPLACE INTO with sharded keyspace (planbuilder/insert.go)",
        example: "REPLACE INTO t (a) VALUES (?)",
    },
    Form {
        is_in: |sql| changes(sql) && sql.contains("SELECT "),
        because: "Vitess: VT12001, subqueries in DML (planbuilder/testdata/unsupported_cases.json)",
        example: "DELETE FROM t WHERE a IN (SELECT a FROM u)",
    },
    Form {
        is_in: |sql| sql.contains(" JOIN ") || changes(sql) && sql.contains(" USING "),
        because: "Vitess: rows of two shards meet in vtgate; Spider: in the Spider node",
        example: "SELECT a FROM t JOIN u ON t.a = u.a",
    },
    Form {
        is_in: |sql| sql.starts_with("INSERT") && !sql.contains("` ("),
        because: "Vitess: VT09004, INSERT should contain column list (vterrors/code.go)",
        example: "INSERT INTO `t` VALUES (?)",
    },
    Form {
        is_in: |sql| sql.contains("SELECT *"),
        because: "Vitess: '*' expression in cross-shard query (planbuilder/testdata/unsupported_cases.json)",
        example: "SELECT * FROM t",
    },
    Form {
        is_in: |sql| sql.contains("SET `session_handle_hash_1`"),
        because: "Vitess: can't update primary vindex columns; Spider: the row would move to another server",
        example: "UPDATE t SET `session_handle_hash_1` = ?",
    },
    Form {
        is_in: |sql| sql.contains(" ON DUPLICATE ") || sql.contains(" RETURNING "),
        because: "SQLite and MySQL have no such form in common; MySQL has no RETURNING",
        example: "DELETE FROM t WHERE a = ? RETURNING a",
    },
    Form {
        is_in: |sql| sql.contains(" FOR UPDATE") || sql.contains(" IN SHARE MODE"),
        because: "TiDB: 8002, can't be retried; LOCK IN SHARE MODE does nothing (docs: error codes, noop functions)",
        example: "SELECT a FROM t FOR UPDATE",
    },
    Form {
        is_in: |sql| {
            ["START ", "BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "XA "]
                .iter()
                .any(|word| sql.starts_with(word))
        },
        because: "MySQL: 1295 in the prepared protocol; Vitess: atomic in one shard only; Galera: no XA",
        example: "START TRANSACTION",
    },
    Form {
        is_in: |sql| sql.contains("_LOCK(") || sql.contains("LOCK TABLES"),
        because: "Galera: unsupported (MariaDB, Galera Cluster: known limitations); Vitess: of one shard only",
        example: "SELECT GET_LOCK('a', 1)",
    },
    Form {
        is_in: |sql| {
            sql.contains("LAST_INSERT_ID(")
                || sql.contains("ROW_COUNT(")
                || sql.contains("FOUND_ROWS(")
        },
        because: "state of one connection: Vitess and proxies may run the next statement on another; Spin: 0 after a prepare",
        example: "SELECT ROW_COUNT()",
    },
    Form {
        is_in: |sql| sql.contains("NOW(") || sql.contains("RAND(") || sql.contains("UUID("),
        because: "one clock for all is the service's; each server of Galera, Spider and Vitess has another",
        example: "UPDATE t SET a = NOW()",
    },
    Form {
        is_in: |sql| sql.contains("/*!") && !sql.starts_with("SET "),
        because: "TiDB runs what is in it, whatever the version (docs: comment syntax)",
        example: "SELECT /*!80000 a */ FROM t",
    },
];

fn refusals(sql: &str) -> Vec<&'static str> {
    let found = FORMS.iter().filter(|form| (form.is_in)(sql));
    found.map(|form| form.because).collect()
}

#[test]
fn all_engines_take_every_statement() {
    let sql = Sql::new(SqlDialect::MySql, &tables());
    let all = format!("{sql:?}");
    let fields = all.split('"').skip(1).step_by(2).map(str::to_owned);
    let (find, delete) = sql.of_many(2);
    let others = [find, delete, sql.remove_expired(2)];
    let set_up = SqlDialect::MySql
        .set_up()
        .iter()
        .map(|sql| (*sql).to_owned());
    let statements: Vec<_> = fields
        .chain(others)
        .chain(set_up)
        .filter(|sql| sql.contains(' '))
        .collect();
    assert!(statements.len() > 20, "{statements:?}");
    for sql in statements {
        assert_eq!(refusals(&sql), [""; 0], "{sql}");
    }
}

#[test]
fn each_form_is_found() {
    for form in &FORMS {
        assert!(
            refusals(form.example).contains(&form.because),
            "{}",
            form.example
        );
    }
}

/// What a `SET` may name so that each engine takes it: known to TiDB (sessionctx/variable/sysvar.go, noop.go) and to Vitess
/// (vt/sysvars/sysvars.go; it passes these on, or ignores them), or out of their sight.
#[test]
fn all_engines_know_the_variables_of_a_connection() {
    const KNOWN: [&str; 8] = [
        "SET NAMES utf8mb4 COLLATE utf8mb4_bin",
        "autocommit",
        "innodb_lock_wait_timeout",
        "lock_wait_timeout",
        "max_execution_time",
        "sql_mode",
        "sql_safe_updates",
        "transaction_isolation",
    ];
    for sql in SqlDialect::MySql.set_up() {
        // MariaDB alone reads this; to the others it is a comment.
        let (sql, _) = sql
            .split_once("/*M!")
            .expect("it has something for MariaDB");
        let sql = sql.replace("/*!50720", "").replace("*/", "");
        for part in sql.split(',') {
            let name = part.split('=').next().map(str::trim);
            assert!(name.is_some_and(|name| KNOWN.contains(&name)), "{part}");
        }
    }
}
