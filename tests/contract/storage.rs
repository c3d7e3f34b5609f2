//! What is in the tables and how they come to be.

use session_tests::prelude::*;

#[test_on(everywhere)]
async fn a_session_is_one_row_of_hashes(db: Backend) {
    let service = db.service().start().await;
    let now = service.freeze().await;
    let body = r#"{"userId":"ada","jwtPayload":{"a": 1},"sessionData":[1, 2]}"#;
    let session = Session::created(&service.post_session(body).await);
    let rows = service
        .tables()
        .query("SELECT * FROM refresh_tokens", &[])
        .await;
    assert_eq!(rows.len(), 1);
    for secret in [
        &session.handle,
        &session.refresh.value,
        &session.access.value,
        &session.id.value,
    ] {
        assert!(
            rows[0]
                .iter()
                .flatten()
                .all(|cell| !cell.contains(&**secret)),
            "{rows:?}"
        );
    }
    let single_hash = sha256_hex(&session.refresh.value);
    assert!(!rows[0].contains(&Some(single_hash)), "{rows:?}");

    let row = service
        .tables()
        .session(&session.handle)
        .await
        .expect("found by its hash");
    assert_eq!(row.session_handle_hash_1, sha256_hex(&session.handle));
    assert_eq!(row.user_id, "ada");
    assert_eq!(
        row.refresh_token_hash_2,
        sha256_hex(&sha256_hex(&session.refresh.value))
    );
    assert_eq!(row.session_info.as_deref(), Some("[1, 2]"));
    assert_eq!(row.jwt_user_payload.as_deref(), Some(r#"{"a": 1}"#));
    assert_eq!(row.expires_at, session.refresh.expires);
    assert_eq!(row.generation, 0);
    assert_eq!(row.created_at, now);

    let bare = service.create("ada").await;
    let row = service
        .tables()
        .session(&bare.handle)
        .await
        .expect("found by its hash");
    assert_eq!((row.session_info, row.jwt_user_payload), (None, None));
}

#[test_on(everywhere)]
async fn the_tables_are_as_documented(db: Backend) {
    let service = db.service().start().await;
    service.create("ada").await;
    let tables = service.tables();
    if db == Backend::Sqlite {
        let columns = |table: &str| format!("SELECT name, pk FROM pragma_table_info('{table}')");
        let keys = tables.query(&columns("signing_key"), &[]).await;
        assert_eq!(
            listed(keys),
            ["key_name 1", "key_value 0", "created_at_time 0"]
        );
        let sessions = tables.query(&columns("refresh_tokens"), &[]).await;
        assert_eq!(
            listed(sessions),
            [
                "session_handle_hash_1 1",
                "user_id 0",
                "refresh_token_hash_2 0",
                "session_info 0",
                "expires_at 0",
                "jwt_user_payload 0",
                "generation 0",
                "created_at 0",
                "handle_sealed 0",
                "ends_at 0",
                "idle_timeout 0",
                "last_active_at 0",
                "client 0",
                "authentication 0",
                "device_key 0",
            ]
        );
    } else {
        // MariaDB shows a display width of integers, MySQL 9 no longer does; and of the character sets
        // only that of what callers send is documented.
        let columns = "SELECT column_name, REGEXP_REPLACE(column_type, 'int[(][0-9]+[)]', 'int'), \
                       is_nullable, column_key, COALESCE(IF(character_set_name = 'ascii', \
                       REPLACE(collation_name, 'ascii', 'utf8mb4'), collation_name), '-') \
                       FROM information_schema.columns \
                       WHERE table_schema = DATABASE() AND table_name = ? \
                       ORDER BY ordinal_position";
        assert_eq!(
            listed(tables.query(columns, &["signing_key"]).await),
            [
                "key_name varchar(128) NO PRI utf8mb4_bin",
                "key_value varchar(255) NO  utf8mb4_bin",
                "created_at_time bigint unsigned NO  -",
            ]
        );
        assert_eq!(
            listed(tables.query(columns, &["refresh_tokens"]).await),
            [
                "session_handle_hash_1 varchar(255) NO PRI utf8mb4_bin",
                "user_id varchar(128) NO MUL utf8mb4_bin",
                "refresh_token_hash_2 varchar(128) NO  utf8mb4_bin",
                "session_info text YES  utf8mb4_bin",
                "expires_at bigint unsigned NO MUL -",
                "jwt_user_payload text YES  utf8mb4_bin",
                "generation int unsigned NO  -",
                "created_at bigint unsigned NO  -",
                "handle_sealed varchar(64) YES  utf8mb4_bin",
                "ends_at bigint unsigned YES  -",
                "idle_timeout bigint unsigned YES  -",
                "last_active_at bigint unsigned YES  -",
                "client text YES  utf8mb4_bin",
                "authentication text YES  utf8mb4_bin",
                "device_key varchar(86) YES  utf8mb4_bin",
            ]
        );
    }
    assert_eq!(
        first_columns_of_indexes(service.tables(), db).await,
        ["expires_at", "user_id"]
    );
}

fn listed(rows: Vec<Vec<Option<String>>>) -> Vec<String> {
    let line = |row: Vec<Option<String>>| {
        row.into_iter()
            .map(Option::unwrap_or_default)
            .collect::<Vec<_>>()
            .join(" ")
    };
    rows.into_iter().map(line).collect()
}

/// The columns of `refresh_tokens` with which an index begins, but for the primary key.
async fn first_columns_of_indexes(tables: &Tables, db: Backend) -> Vec<String> {
    let sql = match db {
        Backend::Sqlite => {
            "SELECT DISTINCT c.name FROM pragma_index_list('refresh_tokens') l, \
             pragma_index_info(l.name) c WHERE c.seqno = 0 AND l.origin = 'c' ORDER BY 1"
        }
        _ => {
            "SELECT DISTINCT column_name FROM information_schema.statistics \
             WHERE table_schema = DATABASE() AND table_name = 'refresh_tokens' \
             AND seq_in_index = 1 AND index_name <> 'PRIMARY' ORDER BY 1"
        }
    };
    listed(tables.query(sql, &[]).await)
}

#[test_on(everywhere)]
async fn tables_made_from_the_documented_sql_are_upgraded_in_place(db: Backend) {
    let place = db.place().await;
    let tables = place.tables();
    let documented = [
        "CREATE TABLE signing_key (key_name VARCHAR(128), key_value VARCHAR(255), \
         created_at_time BIGINT, PRIMARY KEY (key_name))",
        "CREATE TABLE refresh_tokens (session_handle_hash_1 VARCHAR(255) NOT NULL, \
         user_id VARCHAR(128) NOT NULL, refresh_token_hash_2 VARCHAR(128) NOT NULL, \
         session_info TEXT, expires_at BIGINT NOT NULL, jwt_user_payload TEXT, \
         PRIMARY KEY (session_handle_hash_1))",
    ];
    for sql in documented {
        let sql = match db {
            Backend::Sqlite => sql.to_owned(),
            _ => sql.replace("BIGINT", "BIGINT UNSIGNED"),
        };
        tables.query(&sql, &[]).await;
    }
    // As the documented system writes them: a key in padded base64, a handle that is a UUID.
    let key = "INSERT INTO signing_key VALUES ('refresh_token_key', ?, 1700000000000)";
    let value = "3q2+7/8AESIzRFVmd4iZqrvM3e7/ABEiM0RVZneImao=";
    tables.query(key, &[value]).await;
    let old = "a2c7f8d2-5d5f-4a6c-9a0e-0d7f1c9be1aa";
    let sql = "INSERT INTO refresh_tokens VALUES (?, 'ada', 'h', '{\"old\":true}', ?, NULL)";
    tables
        .query(sql, &[&sha256_hex(old), "9999999999999"])
        .await;

    // It writes no data as an empty text.
    let empty = "0f8fad5b-d9cb-469f-a165-70867728950e";
    let sql = "INSERT INTO refresh_tokens VALUES (?, 'ada', ?, '', ?, '')";
    let hashes = (sha256_hex(empty), sha256_hex("double"));
    tables
        .query(sql, &[&hashes.0, &hashes.1, "9999999999999"])
        .await;

    let processes = [place.service().start().await, place.service().start().await];
    let racing = processes.iter().map(|process| process.create("ada 🦀"));
    let sessions = futures::future::join_all(racing).await;
    assert_eq!(tables.key_rows().await.len(), 2, "one key of each kind");
    let reply = processes[0].data(old).await;
    reply.expect(
        200,
        r#"{"message":"[text]","status":"OK","sessionData":{"old":true}}"#,
    );
    let reply = processes[0].data(empty).await;
    reply.expect(200, r#"{"message":"[text]","status":"OK"}"#);
    assert_eq!(
        first_columns_of_indexes(tables, db).await,
        ["expires_at", "user_id"]
    );
    assert_migrations(tables, db).await;
    for (process, session) in processes.iter().zip(&sessions) {
        let child = process.child(session).await;
        process.expect_good(&child).await;
        let row = tables.session(&session.handle).await.expect("it is stored");
        assert_eq!((row.generation, &*row.user_id), (1, "ada 🦀"));
    }
    // Users of before and after are told apart byte by byte as well.
    processes[0].revoke_all("ADA").await;
    assert_eq!(processes[0].data(old).await.answer(), "OK");
    processes[0].revoke_all("ada").await;
    assert_eq!(processes[0].data(old).await.answer(), "UNAUTHORISED");
    assert_eq!(tables.session_count().await, 2);
}

/// What was run is recorded, and no text compares as the server's default says: a dump could not be restored on a server
/// that does not know that collation.
async fn assert_migrations(tables: &Tables, db: Backend) {
    let records =
        "SELECT key_name FROM signing_key WHERE key_name LIKE 'migration.%' ORDER BY key_name";
    let files: &[&str] = match db {
        Backend::Sqlite => &[
            "migration.001",
            "migration.002",
            "migration.003",
            "migration.004",
            "migration.005",
        ],
        _ => &[
            "migration.001",
            "migration.002",
            "migration.003",
            "migration.004",
            "migration.005",
            "migration.006",
        ],
    };
    assert_eq!(listed(tables.query(records, &[]).await), files);
    if db == Backend::Sqlite {
        return;
    }
    let collations = "SELECT DISTINCT collation_name FROM information_schema.columns \
                      WHERE table_schema = DATABASE() AND collation_name IS NOT NULL ORDER BY 1";
    assert_eq!(
        listed(tables.query(collations, &[]).await),
        ["ascii_bin", "utf8mb4_bin"]
    );
    let defaults = "SELECT DISTINCT table_collation FROM information_schema.tables \
                    WHERE table_schema = DATABASE()";
    assert_eq!(listed(tables.query(defaults, &[]).await), ["utf8mb4_bin"]);
}

/// A user of the same database with these rights only.
async fn user_with(
    service: &Service,
    rights: &str,
) -> std::sync::Arc<session_tests::backend::Place> {
    let place = service.place();
    let server = place.backend().server();
    let name = place.database_name();
    for sql in [
        format!("CREATE USER '{name}'@'%' IDENTIFIED BY 'pass word'"),
        format!("GRANT {rights} ON `{name}`.* TO '{name}'@'%'"),
    ] {
        server
            .execute_admin(&sql)
            .expect("an administrator may create users");
    }
    place.as_user(&name, "pass word")
}

/// Without the right to create tables the log names the files to run; with the tables it works without a restart.
#[test_on(servers)]
async fn tr3_existing_tables_need_no_more_than_reading_and_writing_rows(db: Backend) {
    let owner = db.service().start().await;
    let place = user_with(&owner, "SELECT, INSERT, UPDATE, DELETE").await;
    let setting = "access_token_signing_key_update_interval";
    let service = place.service().set(setting, 1).start().await;
    let reply = service.post_session(r#"{"userId":"ada"}"#).await;
    assert!(matches!(reply.status, 500 | 503), "{reply:?}");
    assert!(!reply.text().contains("CREATE"), "{reply:?}");
    let expected = ["refresh_tokens", "sql/mysql"];
    service.expect_logged(&expected).await;
    owner.tables().run_files().await;
    assert_migrations(owner.tables(), db).await;
    let start = service.freeze().await + MINUTE;
    service.freeze_at(start).await;
    let session = service.create_with_data("ada", "1").await;
    service.expect_good(&session).await;
    let child = service.child(&session).await;
    service.expect_good(&child).await;
    assert_eq!(service.data(&session.handle).await.answer(), "OK");
    assert_eq!(
        service.write_data(&session.handle, "2").await.answer(),
        "OK"
    );
    for hours in 1..=6 {
        service.freeze_at(start + hours * HOUR).await;
        service.tick().await;
        assert_eq!(service.create("bob").await.user, "bob");
    }
    assert!(service.tables().signing_keys().await.len() > 1);
    assert_eq!(service.revoke(&session.handle).await.answer(), "OK");
    assert_eq!(service.revoke_all("bob").await.answer(), "OK");
}
