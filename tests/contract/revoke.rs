//! `DELETE /session` and `DELETE /session/all`.

use session_tests::prelude::*;

const DELETED: &str = r#"{"message":"[text]","status":"OK","deletedAnyEntry":true}"#;
const NOTHING_DELETED: &str = r#"{"message":"[text]","status":"OK","deletedAnyEntry":false}"#;
const OK: &str = r#"{"message":"[text]","status":"OK"}"#;

#[test_on(everywhere)]
async fn deletes_the_session_and_says_that_it_did(db: Backend) {
    let service = db.shared().await;
    let session = service.create("ada").await;
    let other = service.create("ada").await;
    service.revoke(&session.handle).await.expect(200, DELETED);
    assert_eq!(service.tables().session(&session.handle).await, None);
    assert!(service.tables().session(&other.handle).await.is_some());
}

#[test_on(everywhere)]
async fn an_unknown_session_is_ok_and_nothing_was_deleted(db: Backend) {
    let service = db.shared().await;
    for handle in [
        "",
        "x",
        "'; DROP TABLE refresh_tokens; --",
        "🦀",
        &"x".repeat(65_536),
    ] {
        service.revoke(handle).await.expect(200, NOTHING_DELETED);
    }
}

#[test_on(everywhere)]
async fn deleting_everything_of_a_user_leaves_the_others(db: Backend) {
    let service = db.service().start().await;
    let first = service.create("ada").await;
    let second = service.create("ada").await;
    let other = service.create("bob").await;

    service.revoke_all("ada").await.expect(200, OK);
    service.data(&first.handle).await.expect(200, UNAUTHORISED);
    service.data(&second.handle).await.expect(200, UNAUTHORISED);
    service.data(&other.handle).await.expect(200, OK);

    service.revoke_all("ada").await.expect(200, OK);
    service.revoke_all("nobody").await.expect(200, OK);
    assert_eq!(service.tables().session_count().await, 1);
}

#[test_on(everywhere)]
async fn in1_the_session_handle_is_a_required_string(db: Backend) {
    let service = db.shared().await;
    for handle in ["null", "true", "7", "[]", "{}"] {
        let body = format!(r#"{{"sessionHandle":{handle}}}"#);
        let reply = service.json("DELETE", "/session", body).await;
        let reply = reply.expect_error(400, "invalid_input");
        assert!(
            reply.string("message").contains("sessionHandle"),
            "{reply:?}"
        );
    }
    let reply = service
        .json("DELETE", "/session", "{}")
        .await
        .expect_error(400, "invalid_input");
    assert!(
        reply.string("message").contains("sessionHandle"),
        "{reply:?}"
    );
    service
        .json("DELETE", "/session", "")
        .await
        .expect_error(400, "invalid_input");
}

#[test_on(everywhere)]
async fn in1_the_user_id_is_a_required_string_of_1_to_128_characters(db: Backend) {
    let service = db.shared().await;
    let too_long = quote(&"🦀".repeat(129));
    for user in ["null", "true", "7", "[]", "{}", r#""""#, &too_long] {
        let reply = service
            .json("DELETE", "/session/all", format!(r#"{{"userId":{user}}}"#))
            .await;
        let reply = reply.expect_error(400, "invalid_input");
        assert!(reply.string("message").contains("userId"), "{reply:?}");
    }
    let reply = service.json("DELETE", "/session/all", "{}").await;
    let reply = reply.expect_error(400, "invalid_input");
    assert!(reply.string("message").contains("userId"), "{reply:?}");
    service.revoke_all(&"🦀".repeat(128)).await.expect(200, OK);
}

#[test_on(everywhere)]
async fn rv1_after_a_delete_nothing_of_the_session_is_served(db: Backend) {
    let service = db.service().start().await;
    let elsewhere = service.place().service().start().await;
    let one = service.create_with_data("ada", "1").await;
    let all = service.create_with_data("bob", "1").await;
    let children = [
        Session::refreshed(&elsewhere.refresh(&one.refresh.value).await),
        Session::refreshed(&elsewhere.refresh(&all.refresh.value).await),
    ];
    service.revoke(&one.handle).await.expect(200, DELETED);
    service.revoke_all("bob").await.expect(200, OK);

    for process in [&service, &elsewhere] {
        for child in &children {
            process
                .verify(&child.access.value)
                .await
                .expect(200, UNAUTHORISED);
            process.data(&child.handle).await.expect(200, UNAUTHORISED);
            process
                .write_data(&child.handle, "2")
                .await
                .expect(200, UNAUTHORISED);
            process
                .revoke(&child.handle)
                .await
                .expect(200, NOTHING_DELETED);
            let refused = process.refresh(&child.refresh.value).await;
            assert_eq!(refused.answer(), "UNAUTHORISED");
            assert_eq!(
                refused.part("sessionTheftDetected.value").as_deref(),
                Some("false")
            );
        }
    }
    assert_eq!(service.tables().session_count().await, 0);
}

#[test_on(everywhere)]
async fn rv2_a_second_delete_deletes_nothing(db: Backend) {
    let service = db.shared().await;
    let session = service.create("ada").await;
    service.revoke(&session.handle).await.expect(200, DELETED);
    service
        .revoke(&session.handle)
        .await
        .expect(200, NOTHING_DELETED);
}

#[test_on(everywhere)]
async fn rv2_of_64_deletes_at_once_exactly_one_deletes(db: Backend) {
    let service = db.service().start().await;
    let elsewhere = service.place().service().start().await;
    elsewhere.data("x").await;
    for _ in 0..5 {
        let session = service.create("ada").await;
        let deletes = (0..64).map(|n| {
            let process = if n % 2 == 0 { &service } else { &elsewhere };
            process.revoke(&session.handle)
        });
        let replies = futures::future::join_all(deletes).await;
        let deleted = replies.iter().filter(|reply| {
            assert_eq!(reply.answer(), "OK");
            reply.part("deletedAnyEntry").as_deref() == Some("true")
        });
        assert_eq!(deleted.count(), 1);
    }
}

#[test_on(everywhere)]
async fn rv3_users_are_told_apart_byte_by_byte(db: Backend) {
    let service = db.service().start().await;
    let users = [
        "Bob",
        "bob",
        "bób",
        "bo\u{301}b",
        "bob ",
        " bob",
        "bob\t",
        "bob\\",
        "b%b",
        "b_b",
        "böb",
        "ß",
        "ss",
        "İ",
        "i",
        "ı",
        "ﬁ",
        "fi",
        "🦀",
        "🦁",
        "1",
        "01",
        "1.0",
        "1e0",
    ];
    let mut sessions = Vec::new();
    for user in users {
        let session = service.create(user).await;
        assert_eq!(session.user, user);
        sessions.push(session);
    }
    for (deleted, user) in users.iter().enumerate() {
        service.revoke_all(user).await.expect(200, OK);
        assert_eq!(
            service.data(&sessions[deleted].handle).await.answer(),
            "UNAUTHORISED"
        );
        for alive in &sessions[deleted + 1..] {
            let reply = service.data(&alive.handle).await;
            assert_eq!(
                reply.answer(),
                "OK",
                "deleting {user:?} deleted {:?}",
                alive.user
            );
        }
    }
}

#[test_on(everywhere)]
async fn rv3_a_user_with_100000_sessions(db: Backend) {
    let service = db.service().one_instance().start().await;
    let other = service.create("bob").await;
    let tables = service.tables();
    // Rows 0 to 99,999 from the digits of the row's number.
    let digits = "(SELECT 0 n UNION SELECT 1 UNION SELECT 2 UNION SELECT 3 UNION SELECT 4 UNION \
                  SELECT 5 UNION SELECT 6 UNION SELECT 7 UNION SELECT 8 UNION SELECT 9)";
    let number = "a.n + 10 * b.n + 100 * c.n + 1000 * d.n + 10000 * e.n";
    let hash = match db {
        Backend::Sqlite => format!("printf('%064d', {number})"),
        _ => format!("LPAD({number}, 64, '0')"),
    };
    let sql = format!(
        "INSERT INTO refresh_tokens (session_handle_hash_1, user_id, refresh_token_hash_2, \
         expires_at, generation, created_at) \
         SELECT {hash}, 'ada', {hash}, 9999999999999, 0, 1 FROM \
         {digits} a, {digits} b, {digits} c, {digits} d, {digits} e"
    );
    tables.query(&sql, &[]).await;
    assert_eq!(tables.session_count().await, 100_001);

    service.forget_statements().await;
    service.revoke_all("ada").await.expect(200, OK);
    let statements = service.statements().await;
    assert!(
        (10..=210).contains(&statements),
        "{statements} statements for 100,000 sessions"
    );
    assert_eq!(tables.session_count().await, 1);
    assert_eq!(service.data(&other.handle).await.answer(), "OK");
}
