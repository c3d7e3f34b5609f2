//! `POST /session`. What its tokens hold is in `tokens`, what it stores in `storage`.

use session_tests::prelude::*;

#[test_on(everywhere)]
async fn gives_the_session_and_three_tokens(db: Backend) {
    let service = db.shared().await;
    service.post_session(r#"{"userId":"ada"}"#).await.expect(
        200,
        r#"{
            "message": "[text]",
            "status": "OK",
            "session": {"handle": "[handle]", "userId": "ada"},
            "accessToken": {"value": "[token]", "expires": "[time]"},
            "refreshToken": {"value": "[token]", "expires": "[time]"},
            "idRefreshToken": {"value": "[token]", "expires": "[time]"}
        }"#,
    );
}

#[test_on(everywhere)]
async fn gives_back_the_jwt_payload_but_not_the_data(db: Backend) {
    let service = db.shared().await;
    let body = r#"{"userId":"ada","jwtPayload":{"role":"admin"},"sessionData":{"cart":[1]}}"#;
    service.post_session(body).await.expect(
        200,
        r#"{
            "message": "[text]",
            "status": "OK",
            "session": {"handle": "[handle]", "userId": "ada", "jwtPayload": {"role":"admin"}},
            "accessToken": {"value": "[token]", "expires": "[time]"},
            "refreshToken": {"value": "[token]", "expires": "[time]"},
            "idRefreshToken": {"value": "[token]", "expires": "[time]"}
        }"#,
    );
}

#[test_on(everywhere)]
async fn a_null_payload_is_not_a_missing_payload(db: Backend) {
    let service = db.shared().await;
    let with_null = service
        .post_session(r#"{"userId":"ada","jwtPayload":null,"sessionData":null}"#)
        .await;
    assert_eq!(
        with_null.part("session.jwtPayload").as_deref(),
        Some("null")
    );
    let handle = with_null.string("session.handle");
    let stored = service.data(&handle).await;
    stored.expect(
        200,
        r#"{"message":"[text]","status":"OK","sessionData":null}"#,
    );

    let without = service.post_session(r#"{"userId":"ada"}"#).await;
    assert_eq!(without.part("session.jwtPayload"), None);
    let handle = without.string("session.handle");
    service
        .data(&handle)
        .await
        .expect(200, r#"{"message":"[text]","status":"OK"}"#);
}

#[test_on(everywhere)]
async fn any_json_comes_back_byte_for_byte(db: Backend) {
    let service = db.shared().await;
    let any = [
        "true",
        "0",
        "-0",
        "1.0",
        "1e400",
        "-1E-400",
        "9007199254740993",
        "123456789012345678901234567890.123456789012345678901234567890",
        r#""""#,
        r#""Zoë 👩‍🚀 \u00e9 \ud83d\ude00 \/ \" \\ \b""#,
        r#""' OR 1=1; -- `$(x)` %s {{0}}""#,
        "[]",
        "{}",
        "[ 1 ,\t2\n,\r\n3 ]",
        r#"{ "b" : 1 , "a" : {"a":[null,[[]]]} }"#,
        r#"{"twice":1,"twice":2}"#,
        r#"{"__proto__":{"admin":true},"constructor":1,"":0}"#,
    ];
    for json in any {
        let body = format!(r#"{{"userId":"ada","jwtPayload":{json},"sessionData":{json}}}"#);
        let created = service.post_session(body).await;
        assert_eq!(
            created.part("session.jwtPayload").as_deref(),
            Some(json),
            "{created:?}"
        );
        let session = Session::created(&created);

        let verified = service.verify(&session.access.value).await;
        assert_eq!(
            verified.part("session.jwtPayload").as_deref(),
            Some(json),
            "{verified:?}"
        );
        let refreshed = service.refresh(&session.refresh.value).await;
        assert_eq!(
            refreshed.part("session.jwtPayload").as_deref(),
            Some(json),
            "{refreshed:?}"
        );
        let read = service.data(&session.handle).await;
        assert_eq!(read.part("sessionData").as_deref(), Some(json), "{read:?}");
    }
}

#[test_on(everywhere)]
async fn every_session_is_another(db: Backend) {
    let service = db.shared().await;
    let first = service.create("ada").await;
    let second = service.create("ada").await;
    assert_ne!(first.handle, second.handle);
    assert_ne!(first.access.value, second.access.value);
    assert_ne!(first.refresh.value, second.refresh.value);
    assert_ne!(first.id.value, second.id.value);
}

#[test_on(everywhere)]
async fn in2_a_user_id_has_1_to_128_characters(db: Backend) {
    let service = db.shared().await;
    for user in ["a", &"x".repeat(128), &"é".repeat(128), &"🦀".repeat(128)] {
        let session = service.create(user).await;
        assert_eq!(session.user, user);
        assert_eq!(
            service
                .verify(&session.access.value)
                .await
                .string("session.userId"),
            user
        );
        assert_eq!(
            service
                .refresh(&session.refresh.value)
                .await
                .string("session.userId"),
            user
        );
    }
    for user in ["", &"x".repeat(129), &"🦀".repeat(129), &"x".repeat(65_536)] {
        let reply = service
            .post_session(format!(r#"{{"userId":"{user}"}}"#))
            .await;
        let reply = reply.expect_error(400, "invalid_input");
        assert!(reply.string("message").contains("userId"), "{reply:?}");
    }
}

#[test_on(everywhere)]
async fn in2_payload_and_data_have_up_to_65535_bytes(db: Backend) {
    let service = db.service().start().await;
    let json_of = |bytes: usize| format!(r#""{}""#, "x".repeat(bytes - 2));
    let emoji = format!(r#""{}xxxxx""#, "🦀".repeat(16_382));
    assert_eq!(emoji.len(), 65_535);

    for largest in [json_of(65_535), emoji] {
        let with_data = service.create_with_data("ada", &largest).await;
        let read = service.data(&with_data.handle).await;
        assert_eq!(read.part("sessionData").as_deref(), Some(&*largest));
        let with_payload = service.create_with_payload("ada", &largest).await;
        let verified = service.verify(&with_payload.access.value).await;
        assert_eq!(
            verified.part("session.jwtPayload").as_deref(),
            Some(&*largest)
        );
    }

    let rows = service.tables().session_count().await;
    for field in ["jwtPayload", "sessionData"] {
        let body = format!(r#"{{"userId":"ada","{field}":{}}}"#, json_of(65_536));
        let reply = service
            .post_session(body)
            .await
            .expect_error(400, "too_large");
        assert!(reply.string("message").contains(field), "{reply:?}");
    }
    assert_eq!(service.tables().session_count().await, rows);
}

#[test_on(everywhere)]
async fn in1_only_the_user_id_is_required_and_only_as_a_string(db: Backend) {
    let service = db.shared().await;
    for user in ["null", "true", "7", "[]", "{}", r#"["ada"]"#] {
        let reply = service
            .post_session(format!(r#"{{"userId":{user}}}"#))
            .await;
        let reply = reply.expect_error(400, "invalid_input");
        assert!(reply.string("message").contains("userId"), "{reply:?}");
    }
    let missing = service
        .post_session("{}")
        .await
        .expect_error(400, "invalid_input");
    assert!(missing.string("message").contains("userId"), "{missing:?}");
    for body in [
        "null",
        "true",
        "7",
        "[]",
        r#""ada""#,
        r#"[{"userId":"ada"}]"#,
    ] {
        service
            .post_session(body)
            .await
            .expect_error(400, "invalid_input");
    }
}
