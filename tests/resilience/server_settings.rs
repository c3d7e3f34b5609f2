//! Other people's servers: whatever their settings, the contract's core holds, or the log names the setting.
//!
//! Several settings at a time, as global variables of one server: a service that starts meets them all.

use futures::future::join_all;
use session_tests::prelude::*;
use testbed::database::Server;
use testbed::service::{Action, FaultRule, On};

use crate::common::{Answer, child_of, unavailable};
use crate::outage::{own_server, own_server_with, start_again, timely};

const PASSWORD: &str = "pass word";

/// Settings that people have together, and the kinds of server that know them.
type Variables = (&'static str, fn(Backend) -> bool, &'static str);

const VARIABLES: [Variables; 10] = [
    (
        "careless",
        Backend::servers,
        "autocommit = 0; sql_mode = ''; character_set_server = latin1; time_zone = '-11:00'; sql_safe_updates = 1",
    ),
    (
        "strict",
        Backend::servers,
        "sql_mode = 'ANSI,TRADITIONAL,NO_BACKSLASH_ESCAPES,NO_AUTO_VALUE_ON_ZERO,HIGH_NOT_PRECEDENCE,\
         NO_UNSIGNED_SUBTRACTION,PAD_CHAR_TO_FULL_LENGTH'; time_zone = '+13:00'",
    ),
    (
        "forced latin1",
        Backend::servers,
        "init_connect = 'SET NAMES latin1'",
    ),
    (
        "forced utf8mb3, no commits",
        Backend::servers,
        "init_connect = 'SET NAMES utf8mb3, autocommit = 0'",
    ),
    (
        "MariaDB: dirty reads, ORACLE",
        Backend::mariadb,
        "tx_isolation = 'READ-UNCOMMITTED'; sql_mode = 'ORACLE'; innodb_snapshot_isolation = 1",
    ),
    (
        "MariaDB: serializable, MSSQL, no time",
        Backend::mariadb,
        "tx_isolation = 'SERIALIZABLE'; sql_mode = 'MSSQL,EMPTY_STRING_IS_NULL,SIMULTANEOUS_ASSIGNMENT'; \
         innodb_snapshot_isolation = 1; max_statement_time = 0.001; collation_server = 'utf16_unicode_ci'",
    ),
    (
        "MariaDB: read committed, other old dialects",
        Backend::mariadb,
        "tx_isolation = 'READ-COMMITTED'; \
         sql_mode = 'POSTGRESQL,DB2,MAXDB,MYSQL323,MYSQL40,TIME_ROUND_FRACTIONAL'",
    ),
    (
        "MySQL: dirty reads, primary keys required",
        mysql9,
        "transaction_isolation = 'READ-UNCOMMITTED'; sql_require_primary_key = 1; \
         sql_mode = 'TIME_TRUNCATE_FRACTIONAL,REAL_AS_FLOAT,IGNORE_SPACE'",
    ),
    (
        "MySQL: serializable, no time",
        mysql9,
        "transaction_isolation = 'SERIALIZABLE'; max_execution_time = 1; collation_server = 'utf16_unicode_ci'",
    ),
    (
        "MySQL: read committed",
        mysql9,
        "transaction_isolation = 'READ-COMMITTED'",
    ),
];

fn mysql9(db: Backend) -> bool {
    db == Backend::MySql9
}

fn administer(server: &Server, statements: impl IntoIterator<Item = String>) {
    tokio::task::block_in_place(|| {
        for sql in statements {
            server.execute_admin(&sql).expect("an administrator may");
        }
    });
}

/// A user for whom `init_connect` runs: for administrators it does not.
fn app(server: &Server, place: &Place) -> std::sync::Arc<Place> {
    place.as_user_of(server, "app", PASSWORD)
}

fn create_app(server: &Server) {
    administer(
        server,
        [
            format!("CREATE USER 'app'@'%' IDENTIFIED BY '{PASSWORD}'"),
            "GRANT ALL ON session.* TO 'app'@'%'".to_owned(),
        ],
    );
}

#[test_on(servers)]
async fn db10_the_core_holds_whatever_the_servers_variables_are(db: Backend) {
    let (server, place) = own_server(db).await;
    create_app(&server);
    drop(place);
    for (name, knows, variables) in &VARIABLES {
        if !knows(db) {
            continue;
        }
        administer(&server, ["DROP DATABASE session".to_owned()]);
        let place = tokio::task::block_in_place(|| Place::private(db, &server));
        let of = |set: &str| format!("SET GLOBAL {set}");
        administer(&server, variables.split("; ").map(of));
        core(name, &app(&server, &place)).await;
        let reset = variables
            .split("; ")
            .filter_map(|set| set.split_once(" = "));
        administer(
            &server,
            reset.map(|(name, _)| format!("SET GLOBAL {name} = DEFAULT")),
        );
    }
}

#[test_on(servers)]
async fn db10_the_core_holds_whatever_the_server_was_started_with(db: Backend) {
    let arguments: &[&str] = match db {
        Backend::MariaDb => &[
            "--skip-character-set-client-handshake",
            "--character-set-server=latin1",
            "--lower-case-table-names=1",
            "--autocommit=0",
            "--transaction-isolation=READ-UNCOMMITTED",
            "--binlog-format=STATEMENT",
            "--log-bin",
            "--default-storage-engine=MyISAM",
        ],
        _ => &[
            "--loose-skip-character-set-client-handshake",
            "--autocommit=0",
            "--transaction-isolation=READ-UNCOMMITTED",
            "--default-storage-engine=MyISAM",
        ],
    };
    let (server, place) = own_server_with(db, arguments).await;
    create_app(&server);
    core("at the start", &app(&server, &place)).await;
}

/// What an acknowledged login, refresh, confirmation, revocation, theft and rotation promise, seen by two processes.
async fn core(name: &str, place: &std::sync::Arc<Place>) {
    let setup = || {
        let service = place.service().set("on_token_theft", "revoke_user");
        service.set("access_token_signing_key_update_interval", 1)
    };
    let [one, two] = [setup().start().await, setup().start().await];
    let now = one.freeze().await;
    two.freeze_at(now).await;
    let ok = |reply: Reply| assert_eq!(reply.answer(), "OK", "{name}: {reply:?}");
    let gone = |reply: Reply| assert_eq!(reply.answer(), "UNAUTHORISED", "{name}: {reply:?}");
    let data = r#"["josé 🦀", "\\\"", 1e400]"#;
    let session = one.create_with_data("josé", data).await;
    let read = two.data(&session.handle).await;
    assert_eq!(read.part("sessionData").as_deref(), Some(data), "{name}");
    ok(two.write_data(&session.handle, "\"ß🦀\"").await);
    let read = one.data(&session.handle).await.part("sessionData");
    assert_eq!(read.as_deref(), Some("\"ß🦀\""), "{name}");

    let attacker = child_of(&one, &session).await;
    let child = child_of(&one, &session).await;
    two.freeze_at(one.now()).await;
    two.expect_good(&child).await;
    assert_eq!(one.child(&child).await.user, "josé", "{name}");

    // Users are told apart byte by byte, and all of one go.
    let mut others = Vec::new();
    for user in ["jose", "José", "josé ", "jos\u{301}e", "jos?", "josÃ©"] {
        others.push(one.create(user).await);
    }
    let more = two.create("josé").await;
    let theft = two.refresh(&attacker.refresh.value).await;
    assert_eq!(Answer::of_reply(&theft), Answer::Theft, "{name}");
    gone(one.data(&session.handle).await);
    gone(one.data(&more.handle).await);
    let again = [one.create("josé").await, two.create("josé").await];
    ok(one.revoke_all("josé").await);
    for session in &again {
        gone(two.data(&session.handle).await);
    }
    for other in &others {
        ok(two.data(&other.handle).await);
    }
    let last = &others[0].handle;
    let deletes = join_all([one.revoke(last), two.revoke(last), one.revoke(last)]).await;
    let winners = deletes.iter();
    let winners = winners.filter(|reply| reply.part("deletedAnyEntry").as_deref() == Some("true"));
    assert_eq!(winners.count(), 1, "{name}: {deletes:?}");

    for _ in 0..3 {
        one.advance(HOUR).await;
        two.freeze_at(one.now()).await;
        one.tick().await;
        two.expect_good(&one.create("ada").await).await;
    }
    one.assert_no_traps().await;
    two.assert_no_traps().await;
}

#[test_on(servers)]
async fn db10_a_server_that_prepares_nothing_is_named_in_the_log(db: Backend) {
    let (server, place) = own_server_with(db, &["--max-prepared-stmt-count=0"]).await;
    let service = place.service().real_timers().start().await;
    unavailable(&timely(service.post_session(r#"{"userId":"ada"}"#)).await);
    service.expect_logged(&["max_prepared_stmt_count"]).await;
    administer(
        &server,
        ["SET GLOBAL max_prepared_stmt_count = DEFAULT".to_owned()],
    );
    assert_eq!(service.create("ada").await.user, "ada");
}

#[test_on(servers, alone)]
async fn db10_under_a_global_read_lock_reads_are_answered_and_nothing_stays_behind(db: Backend) {
    let (server, place) = own_server(db).await;
    let service = place.service().real_timers().one_instance().start().await;
    let session = service.create_with_data("ada", "0").await;
    let lock = place.tables().lock_everything().await;
    for _ in 0..2 {
        let requests = (0..32).map(async |number| {
            if number % 2 == 0 {
                let reply = timely(service.write_data(&session.handle, "1")).await;
                unavailable(&reply);
            } else {
                let reply = timely(service.data(&session.handle)).await;
                assert_eq!(reply.part("sessionData").as_deref(), Some("0"), "{reply:?}");
            }
        });
        join_all(requests).await;
    }
    // Nothing that was given up waits on the server: it would run when the lock is gone.
    let waiting = "SELECT COUNT(*) FROM information_schema.processlist WHERE db = 'session' AND command <> 'Sleep'";
    let waiting = tokio::task::block_in_place(|| server.query_admin(waiting));
    assert_eq!(waiting.expect("an administrator may")[0][0], "0");
    lock.let_go().await;
    let read = service.data(&session.handle).await;
    assert_eq!(read.part("sessionData").as_deref(), Some("0"));
    assert_eq!(
        service.write_data(&session.handle, "2").await.answer(),
        "OK"
    );
    service.assert_no_traps().await;
}

/// Which servers can refuse so, what makes them, what mends it, and what the log says of it.
type Refusal = (
    fn(Backend) -> bool,
    &'static str,
    &'static str,
    &'static str,
);

/// Mends what the administrator of the tests is refused for, too.
const RESTART: &str = "restart";

const REFUSALS: [Refusal; 5] = [
    (
        Backend::servers,
        "ALTER USER 'app'@'%' ACCOUNT LOCK",
        "ALTER USER 'app'@'%' ACCOUNT UNLOCK",
        "locked",
    ),
    (
        Backend::servers,
        "ALTER USER 'app'@'%' PASSWORD EXPIRE",
        "ALTER USER 'app'@'%' IDENTIFIED BY 'pass word'",
        "password has expired",
    ),
    // MariaDB says "access denied" instead.
    (
        mysql9,
        "SET GLOBAL require_secure_transport = 1",
        RESTART,
        "mysql_tls=required",
    ),
    (
        Backend::mariadb,
        "ALTER USER 'app'@'%' IDENTIFIED VIA pam USING 'mariadb'",
        "ALTER USER 'app'@'%' IDENTIFIED BY 'pass word'",
        "authentication plugin",
    ),
    (
        Backend::servers,
        "DROP DATABASE session",
        "CREATE DATABASE session",
        "mysql_database",
    ),
];

#[test_on(servers)]
async fn what_an_operator_must_change_is_500_and_named_in_the_log(db: Backend) {
    let (server, place) = own_server(db).await;
    create_app(&server);
    if db == Backend::MariaDb {
        administer(&server, ["INSTALL SONAME 'auth_pam'".to_owned()]);
    }
    for (knows, refuse, mend, says) in REFUSALS {
        if !knows(db) {
            continue;
        }
        administer(&server, [refuse.to_owned()]);
        let service = app(&server, &place).service().start().await;
        let reply = service.post_session(r#"{"userId":"ada"}"#).await;
        assert!(!reply.text().contains("127.0.0.1"), "{reply:?}");
        reply.expect_error(500, "misconfigured");
        let address = format!("127.0.0.1:{}, database session", server.port());
        service.expect_logged(&[says, &address]).await;
        match mend {
            RESTART => tokio::task::block_in_place(|| {
                server.kill();
                start_again(&server);
            }),
            sql => administer(&server, [sql.to_owned()]),
        }
        assert_eq!(service.create("ada").await.user, "ada", "{says}");
        service.assert_no_traps().await;
    }
}

#[test_on(everywhere)]
async fn a_full_disk_is_503_and_named_in_the_log(db: Backend) {
    let service = db.service().start().await;
    service.create("ada").await;
    let full = match db {
        Backend::Sqlite => Action::error(0, "database or disk is full"),
        _ => Action::error(1114, "The table 'refresh_tokens' is full"),
    };
    let inserts = FaultRule::new(On::Statement, full).sql_contains("INSERT INTO");
    service.faults(&[inserts.for_ever()]).await;
    let reply = service.post_session(r#"{"userId":"ada"}"#).await;
    reply.expect_error(503, "database_unavailable");
    service.expect_logged(&["the disk or the tablespace"]).await;
}
