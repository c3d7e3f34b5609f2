//! How many statements each operation takes: as the host counts them, and as MariaDB does.

use session_tests::prelude::*;

/// Each operation once, after a warm-up; `count` says how many statements ran since it was last asked.
async fn assert_statements_per_operation(service: &Service, count: impl AsyncFn() -> u64) {
    service.freeze().await;
    let session = service.create("ada").await;
    let other = service.create("ada").await;
    for warm_up in [&session, &other] {
        service.data(&warm_up.handle).await;
        service.refresh(&warm_up.refresh.value).await;
    }
    count().await;

    service.create("bob").await;
    assert_eq!(count().await, 1, "create");
    service.verify(&session.access.value).await;
    service.verify("x").await;
    service.refresh("x").await;
    assert_eq!(count().await, 0, "verify; refuse what is not genuine");
    let child = service.child(&session).await;
    assert_eq!(count().await, 1, "refresh of the current token");
    service.verify(&child.access.value).await;
    assert_eq!(count().await, 2, "confirm a child");
    service.verify(&child.access.value).await;
    assert!(count().await <= 2, "confirm a child once more");
    service.data(&session.handle).await;
    assert_eq!(count().await, 1, "read data");
    service.write_data(&session.handle, "1").await;
    assert_eq!(count().await, 2, "write data");
    service.revoke(&session.handle).await;
    assert_eq!(count().await, 2, "delete");
    service.revoke(&session.handle).await;
    assert_eq!(count().await, 2, "delete what is gone");
    service.revoke_all("ada").await;
    assert_eq!(
        count().await,
        2,
        "delete all of a user: one batch, and a look for another"
    );
    assert_eq!(service.tables().session_count().await, 1);
}

#[test_on(everywhere)]
async fn statements_per_operation(db: Backend) {
    let service = db.service().one_instance().start().await;
    assert_statements_per_operation(&service, async || {
        let statements = service.statements().await;
        service.forget_statements().await;
        statements
    })
    .await;
}

/// What limits cost: nothing, but for a refresh so late that the row would go before its child.
#[test_on(everywhere)]
async fn an_idle_timeout_costs_one_statement_where_it_has_to_extend_a_row(db: Backend) {
    let service = db.service().one_instance().start().await;
    service.freeze().await;
    let lifetime = r#""lifetime":{"absolute":86400,"idle":600}"#;
    for (wait, expected) in [(290, 1), (310, 2)] {
        let body = format!(r#"{{"userId":"ada",{lifetime}}}"#);
        service.forget_statements().await;
        let session = service.post_session(body).await;
        assert!(session.part("endsAt").is_some());
        let session = Session::created(&session);
        service.advance(wait * SECOND).await;
        service.create("warm").await;
        service.forget_statements().await;
        let child = service.child(&session).await;
        assert_eq!(service.statements().await, expected, "after {wait} s");
        service.verify(&child.access.value).await;
        assert_eq!(service.statements().await, expected + 2, "after {wait} s");
    }
}

#[test_on(everywhere)]
async fn verifying_with_blacklisting_takes_one_statement(db: Backend) {
    let service = db
        .service()
        .set("access_token_blacklisting", true)
        .one_instance()
        .start()
        .await;
    service.freeze().await;
    let session = service.create("ada").await;
    service.verify(&session.access.value).await;
    service.forget_statements().await;
    for _ in 0..10 {
        service.verify(&session.access.value).await;
    }
    assert_eq!(service.statements().await, 10);
}

#[test_on(everywhere)]
async fn loading_keys_is_once_per_instance_and_once_a_minute(db: Backend) {
    let service = db.service().one_instance().start().await;
    service.freeze().await;
    let session = service.create("ada").await;
    service.forget_statements().await;
    for _ in 0..20 {
        service.verify(&session.access.value).await;
    }
    assert_eq!(service.statements().await, 0);
    service.advance(61 * SECOND).await;
    for _ in 0..20 {
        service.verify(&session.access.value).await;
    }
    assert_eq!(service.statements().await, 1);
}

/// Whatever its first statement is.
#[test_on(servers)]
async fn a_new_connection_costs_one_statement(db: Backend) {
    let maker = db.service().start().await;
    let session = maker.create("ada").await;
    for (what, expected) in [("read", 1), ("delete all", 2)] {
        let service = maker.place().service().one_instance().start().await;
        service.forget_statements().await;
        match what {
            "read" => service.data(&session.handle).await,
            _ => service.revoke_all("nobody").await,
        };
        assert_eq!(service.statements().await, 1 + expected, "{what}");
        service.forget_statements().await;
        service.data(&session.handle).await;
        assert_eq!(service.statements().await, 1, "the same connection again");
    }
}

#[test_on(mariadb)]
async fn statements_per_operation_as_the_server_counts_them(db: Backend) {
    let service = db.service().one_instance().start().await;
    service.create("first").await;
    service.revoke_all("first").await;
    let server = db.server();
    for sql in [
        "SET GLOBAL log_output = 'TABLE'",
        "SET GLOBAL general_log = 1",
    ] {
        server.execute_admin(sql).expect("an administrator may log");
    }
    // Other tests use the server too: only what this service's connections execute counts.
    let executed = format!(
        "SELECT COUNT(*) FROM mysql.general_log WHERE command_type IN ('Execute', 'Query') \
         AND thread_id IN (SELECT id FROM information_schema.processlist WHERE db = '{}') \
         AND argument NOT LIKE '%general_log%'",
        service.place().database_name()
    );
    let seen = std::cell::Cell::new(0);
    assert_statements_per_operation(&service, async || {
        let rows = server.query_admin(&executed).expect("the log can be read");
        let total: u64 = rows[0][0].parse().expect("a count is a number");
        total - seen.replace(total)
    })
    .await;
    server
        .execute_admin("SET GLOBAL general_log = 0")
        .expect("an administrator may log");
}

/// What an instance has to do that serves one request: open one connection, set it up, read the keys on it, and then the
/// operation's own statements.
#[test_on(wasi02)]
async fn statements_per_request_of_an_instance_for_each(db: Backend) {
    let service = db.frozen(&[]).await;
    let session = service.create("ada").await;
    let other = service.create("ada").await;
    let child = service.child(&session).await;
    let count = async |operation: &str| {
        let stats = service.stats().await;
        assert!(stats.connections.opened <= 1, "{operation}: {stats:?}");
        assert_eq!(stats.connections.open, 0, "{operation}");
        service.forget_statements().await;
        let set_up = |sql: &str| sql.starts_with("PRAGMA") || sql.starts_with("SET ");
        let of = |set_up_only: bool| {
            let counted = stats.statements.iter();
            let counted = counted.filter(|statement| set_up(&statement.sql) == set_up_only);
            counted.map(|statement| statement.count).sum::<u64>()
        };
        (stats.connections.opened, of(false))
    };
    service.forget_statements().await;

    service.send("GET", "/ready", &[], "").await;
    assert_eq!(count("ready").await, (1, 1));
    service.create("bob").await;
    assert_eq!(count("create").await, (1, 2));
    service.verify(&session.access.value).await;
    assert_eq!(count("verify").await, (1, 1));
    service.refresh(&session.refresh.value).await;
    assert_eq!(count("refresh of the current token").await, (1, 2));
    service.verify(&child.access.value).await;
    assert_eq!(count("confirm a child").await, (1, 3));
    service.data(&session.handle).await;
    assert_eq!(count("read data").await, (1, 1));
    service.write_data(&session.handle, "1").await;
    assert_eq!(count("write data").await, (1, 2));
    service.revoke(&session.handle).await;
    assert_eq!(count("delete").await, (1, 2));
    service.revoke_all("ada").await;
    assert_eq!(count("delete all of a user").await, (1, 2));
    assert_eq!(service.data(&other.handle).await.answer(), "UNAUTHORISED");
}

#[test_on(wasi02)]
async fn a_check_under_a_master_key_opens_no_connection(db: Backend) {
    let key = "a master key that is long enough for anybody";
    let service = db.service().set("master_key", key).start().await;
    service.freeze().await;
    let session = service.create("ada").await;
    service.forget_statements().await;
    for _ in 0..5 {
        service.expect_good(&session).await;
        // Anybody may ask, without an API key.
        assert_eq!(service.send("GET", "/ready", &[], "").await.status, 200);
    }
    let stats = service.stats().await;
    assert_eq!((stats.connections.opened, stats.statements_run()), (0, 0));
    assert_eq!(stats.instances, 10);
}

/// What docs/scale.md reckons with.
#[test_on(everywhere)]
async fn statements_are_those_that_are_reckoned_with(db: Backend) {
    let inputs = testbed::workspace_root().join("docs/scale.json");
    let inputs = std::fs::read_to_string(inputs).expect("the file is there");
    let inputs: serde_json::Value = serde_json::from_str(&inputs).expect("it is JSON");
    let start = |strict: bool| {
        let setup = db.service().set("access_token_blacklisting", strict);
        setup.one_instance().start()
    };
    let (service, strict) = (start(false).await, start(true).await);
    service.freeze().await;
    let session = service.create("ada").await;
    let child = service.child(&session).await;
    let checked = strict.create("ada").await;
    strict.verify(&checked.access.value).await;
    macro_rules! counted {
        ($service:ident, $($operation:literal: $request:expr),+ $(,)?) => {$(
            $service.forget_statements().await;
            $request.await;
            let reckoned = inputs["statements"][$operation].as_u64();
            assert_eq!(Some($service.statements().await), reckoned, $operation);
        )+};
    }
    counted!(service,
        "create": service.create("bob"),
        "check": service.verify(&session.access.value),
        "refresh": service.refresh(&session.refresh.value),
        "confirm": service.verify(&child.access.value),
        "read data": service.data(&session.handle),
        "write data": service.write_data(&session.handle, "1"),
        "delete": service.revoke(&session.handle),
        "metrics": service.send("GET", "/metrics", &[], ""),
    );
    service.advance(61 * SECOND).await;
    counted!(service, "keys": service.verify(&session.access.value));
    counted!(strict, "check with blacklisting": strict.verify(&checked.access.value));
}
