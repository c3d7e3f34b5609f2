//! The files of `sql/`: in order, released ones as they were, recorded, and run when they are missing.

use session_core::domain::config::Tables;
use session_core::domain::secret::SingleHash;
use session_core::testing::START;

use super::connector::Database;
use super::schema::DOCUMENTED;
use super::{handle, session, store};
use crate::db::Value;
use crate::sql::SqlDialect;
use crate::sql::migrations::migrations;
use crate::{KeyStore, SessionStore};

/// The SHA-256 of each released file: whoever changes one changes nothing in the tables that were made from it.
const RELEASED: [(&str, &str); 11] = [
    (
        "sql/mysql/001_create_tables.sql",
        "c98e2039071a70e89be0e1b091af1585e9c19836f1cc798f17418e28786e10eb",
    ),
    (
        "sql/mysql/002_upgrade_documented_tables.sql",
        "8c289b6aece800711bf4ad9967f84bb52b45e54faf51ea328dbcf45f497614fc",
    ),
    (
        "sql/mysql/003_record_migrations.sql",
        "2ebeb4c3c045c7b39f213af3ee3d7dc22d9855c7bf1d457ac2cc31db18e9a59f",
    ),
    (
        "sql/mysql/004_collations.sql",
        "8b2b8ffc5d188f74be82bc5975d9211d6aa3cf60056f902461fa1baa775737af",
    ),
    (
        "sql/mysql/005_lifetimes.sql",
        "f44413ef7c2191ed01e591a4ddbeab346028a8f204b404a34e1da22b471b8c97",
    ),
    (
        "sql/mysql/006_device_key.sql",
        "9b81f1684c487fdfc41ebf2a3737c7d1bf4fb38a11612660b6560da68cec71f0",
    ),
    (
        "sql/sqlite/001_create_tables.sql",
        "1034174fa85a483094a685d45a107186738e768d86bf0a6cd54e5b24b8c6bf4a",
    ),
    (
        "sql/sqlite/002_upgrade_documented_tables.sql",
        "309770bf59e6f4919a6dd2b48bca1546c4a1155ce73a3769d456c63c8c325031",
    ),
    (
        "sql/sqlite/003_record_migrations.sql",
        "ffa0bb2fb7f373dc01aef1cf8738672c375730a0c181b1bdcc9508674eb92ad6",
    ),
    (
        "sql/sqlite/004_lifetimes.sql",
        "0f1dff6c2a7948dbaf4e9c8628681f5ab926f6b6384f0265cf9e6e945a38c982",
    ),
    (
        "sql/sqlite/005_device_key.sql",
        "451ec5b1379a99b51b564adb188ae26c9ba9d80c9acbf6643e44103ce89fbb95",
    ),
];

#[test]
fn migrations_are_numbered_without_gaps_and_never_edited() {
    let mut files = Vec::new();
    for dialect in [SqlDialect::MySql, SqlDialect::Sqlite] {
        for (at, migration) in migrations(dialect).iter().enumerate() {
            assert_eq!(migration.record(), format!("migration.{:03}", at + 1));
            files.push(format!("{}/{}.sql", dialect.folder(), migration.name));
        }
        let folder = format!("../../{}", dialect.folder());
        let there = std::fs::read_dir(folder).unwrap().count();
        assert_eq!(
            there,
            migrations(dialect).len(),
            "a file is not in the list"
        );
    }
    assert_eq!(files, RELEASED.map(|(file, _)| file));
    for (file, hash) in RELEASED {
        let text = std::fs::read_to_string(format!("../../{file}")).unwrap();
        assert_eq!(SingleHash::of_token(&text).reveal(), hash, "{file}");
    }
}

#[test]
fn every_statement_takes_the_tables_names_and_every_file_ends_with_its_record() {
    let names = Tables {
        signing_key: "k".to_owned(),
        refresh_tokens: "s".to_owned(),
    };
    for dialect in [SqlDialect::MySql, SqlDialect::Sqlite] {
        for (at, migration) in migrations(dialect).iter().enumerate() {
            let statements = migration.statements(dialect, &names);
            for sql in &statements {
                assert!(sql.contains("`s`") || sql.contains("`k`"), "{sql}");
                assert!(!sql.contains("`refresh_tokens`") && !sql.contains("`signing_key`"));
                let verb = sql.split(' ').next().unwrap();
                assert!(["CREATE", "ALTER", "INSERT"].contains(&verb), "{sql}");
            }
            let last = statements.last().unwrap();
            let record = format!("('{}', '{}', ", migration.record(), &migration.name[4..]);
            // The first two are older than the records; the third records them, too.
            assert!(at < 2 || last.contains(&record), "{last}");
        }
    }
}

fn records(database: &Database) -> Vec<Value> {
    let sql = "SELECT key_name FROM signing_key WHERE key_name LIKE 'migration.%' ORDER BY 1";
    database.look(sql).into_iter().flatten().collect()
}

fn all_records() -> Vec<Value> {
    let recorded = migrations(SqlDialect::Sqlite).iter();
    recorded.map(|it| it.record().as_str().into()).collect()
}

#[tokio::test]
async fn what_was_run_is_recorded_and_is_no_key() {
    for documented in [false, true] {
        let database = Database::new();
        if documented {
            database.batch(DOCUMENTED);
        }
        let store = store(&database);
        store.insert(&session(1, "bob")).await.unwrap();
        assert_eq!(records(&database), all_records());
        assert_eq!(store.keys().await, Ok(Vec::new()));
    }
}

/// The tables of the release before, and a new column that a later file adds.
#[tokio::test]
async fn only_what_is_not_recorded_is_run() {
    let database = Database::new();
    let store = store(&database);
    store.insert(&session(1, "bob")).await.unwrap();
    database.batch(
        "ALTER TABLE refresh_tokens DROP COLUMN handle_sealed;
         DELETE FROM signing_key WHERE key_name = 'migration.002'",
    );
    database.at_statements([]);
    store.insert(&session(2, "bob")).await.unwrap();
    let ran = database.statements();
    assert!(ran.iter().any(|sql| sql.starts_with("ALTER")), "{ran:?}");
    assert!(!ran.iter().any(|sql| sql.starts_with("CREATE TABLE")));
    assert!(!ran.iter().any(|sql| sql.starts_with("INSERT OR IGNORE")));
}

/// A sessions table from an old backup, beside a key table that says that all was run.
#[tokio::test]
async fn records_of_another_table_are_not_believed() {
    let database = Database::new();
    let store = store(&database);
    store.insert(&session(1, "bob")).await.unwrap();
    database.batch("DROP TABLE refresh_tokens");
    let sessions = DOCUMENTED.split(';').nth(1).unwrap();
    database.batch(sessions);
    store.insert(&session(2, "bob")).await.unwrap();
    assert!(store.find(handle(2), START).await.unwrap().is_some());
    assert_eq!(records(&database), all_records());
}

/// An instance of the release before knows neither records nor what came after it, and goes on with its own statements.
#[tokio::test]
async fn an_older_instance_goes_on_beside_a_newer_one() {
    let database = Database::new();
    store(&database).keys().await.unwrap();
    database.batch(&format!(
        "INSERT INTO refresh_tokens (session_handle_hash_1, user_id, refresh_token_hash_2, session_info, expires_at, \
         jwt_user_payload) VALUES ('{}', 'bob', '{}', NULL, {}, NULL)",
        handle(1).as_str(),
        session(1, "bob").stored.current.as_str(),
        session(1, "bob").stored.expires_at.as_millis(),
    ));
    let found = store(&database).find(handle(1), START).await.unwrap();
    assert_eq!(found.unwrap().user_id.as_str(), "bob");
}
