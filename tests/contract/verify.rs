//! `PUT /session`. Children's access tokens are in `rotation`, forged ones in `forgery`.

use session_tests::prelude::*;

#[test_on(everywhere)]
async fn a_plain_access_token_is_ok_and_needs_no_replacement(db: Backend) {
    let service = db.shared().await;
    let session = service.create("ada").await;
    let reply = service.verify(&session.access.value).await.expect(
        200,
        r#"{"message":"[text]","status":"OK","session":{"handle":"[handle]","userId":"ada"}}"#,
    );
    assert_eq!(reply.string("session.handle"), session.handle);
}

#[test_on(everywhere)]
async fn gives_the_jwt_payload(db: Backend) {
    let service = db.shared().await;
    let session = service
        .create_with_payload("ada", r#"{"role":"admin"}"#)
        .await;
    service.verify(&session.access.value).await.expect(
        200,
        r#"{
            "message": "[text]",
            "status": "OK",
            "session": {"handle": "[handle]", "userId": "ada", "jwtPayload": {"role":"admin"}}
        }"#,
    );
}

#[test_on(everywhere)]
async fn an_access_token_can_be_used_again_and_again(db: Backend) {
    let service = db.shared().await;
    let session = service.create("ada").await;
    let first = service.verify(&session.access.value).await;
    for _ in 0..5 {
        assert_eq!(service.verify(&session.access.value).await.body, first.body);
    }
}

#[test_on(everywhere)]
async fn anything_that_is_no_access_token_is_to_be_refreshed(db: Backend) {
    let service = db.shared().await;
    for text in [
        "",
        "x",
        "...",
        "a.b.c",
        "undefined",
        "🦀.🦀.🦀",
        &"x".repeat(65_536),
    ] {
        service.verify(text).await.expect(200, TRY_REFRESH_TOKEN);
    }
}

#[test_on(everywhere)]
async fn in1_without_an_id_refresh_token_the_session_is_gone_whatever_the_rest(db: Backend) {
    let service = db.shared().await;
    let session = service.create("ada").await;
    let good = quote(&session.access.value);
    for access in [&*good, r#""x""#, "null", "7", "[]"] {
        for id in ["null", "false", "0", "1e400", "[]", r#"{"value":"id"}"#] {
            let body = format!(r#"{{"accessToken":{access},"idRefreshToken":{id}}}"#);
            service
                .json("PUT", "/session", body)
                .await
                .expect(200, UNAUTHORISED);
        }
        let body = format!(r#"{{"accessToken":{access}}}"#);
        service
            .json("PUT", "/session", body)
            .await
            .expect(200, UNAUTHORISED);
    }
    service
        .json("PUT", "/session", "{}")
        .await
        .expect(200, UNAUTHORISED);
}

#[test_on(everywhere)]
async fn in1_the_access_token_is_a_required_string(db: Backend) {
    let service = db.shared().await;
    for access in ["null", "true", "7", "[]", "{}"] {
        let body = format!(r#"{{"accessToken":{access},"idRefreshToken":"id"}}"#);
        let reply = service
            .json("PUT", "/session", body)
            .await
            .expect_error(400, "invalid_input");
        assert!(reply.string("message").contains("accessToken"), "{reply:?}");
    }
    let reply = service
        .json("PUT", "/session", r#"{"idRefreshToken":"id"}"#)
        .await;
    let reply = reply.expect_error(400, "invalid_input");
    assert!(reply.string("message").contains("accessToken"), "{reply:?}");
}

#[test_on(everywhere)]
async fn rv1_a_plain_access_token_outlives_its_session(db: Backend) {
    let service = db.shared().await;
    let session = service.create("ada").await;
    service.revoke(&session.handle).await;
    assert_eq!(service.verify(&session.access.value).await.answer(), "OK");
}

#[test_on(everywhere)]
async fn rv1_with_blacklisting_a_revoked_session_is_gone_at_once(db: Backend) {
    let service = db
        .service()
        .set("access_token_blacklisting", true)
        .start()
        .await;
    let elsewhere = service
        .place()
        .service()
        .set("access_token_blacklisting", true)
        .start()
        .await;
    let session = service.create("ada").await;
    let other = service.create("ada").await;
    assert_eq!(service.verify(&session.access.value).await.answer(), "OK");
    assert_eq!(elsewhere.verify(&session.access.value).await.answer(), "OK");

    service.revoke(&session.handle).await;
    service
        .verify(&session.access.value)
        .await
        .expect(200, UNAUTHORISED);
    elsewhere
        .verify(&session.access.value)
        .await
        .expect(200, UNAUTHORISED);
    assert_eq!(service.verify(&other.access.value).await.answer(), "OK");
}

#[test_on(everywhere)]
async fn rv5_with_blacklisting_a_database_that_is_away_is_never_ok(db: Backend) {
    let service = db
        .service()
        .set("access_token_blacklisting", true)
        .start()
        .await;
    let session = service.create("ada").await;
    assert_eq!(service.verify(&session.access.value).await.answer(), "OK");

    service.database_away().await;
    let reply = service.verify(&session.access.value).await;
    let reply = reply.expect_error(503, "database_unavailable");
    assert_ne!(reply.header("retry-after"), "");

    service.database_back().await;
    assert_eq!(service.verify(&session.access.value).await.answer(), "OK");
}
