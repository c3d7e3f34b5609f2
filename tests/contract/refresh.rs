//! `PUT /refresh`: input and replies. Which token leads to which decision is in `rotation`.

use session_tests::prelude::*;

#[test_on(everywhere)]
async fn gives_the_session_and_three_new_tokens(db: Backend) {
    let service = db.shared().await;
    let session = service.create("ada").await;
    let reply = service.refresh(&session.refresh.value).await.expect(
        200,
        r#"{
            "message": "[text]",
            "status": "OK",
            "session": {"handle": "[handle]", "userId": "ada"},
            "newAccessToken": {"value": "[token]", "expires": "[time]"},
            "newRefreshToken": {"value": "[token]", "expires": "[time]"},
            "newIdRefreshToken": {"value": "[token]", "expires": "[time]"}
        }"#,
    );
    let child = Session::refreshed(&reply);
    assert_eq!(child.handle, session.handle);
    assert_ne!(child.access.value, session.access.value);
    assert_ne!(child.refresh.value, session.refresh.value);
    assert_ne!(child.id.value, session.id.value);
}

#[test_on(everywhere)]
async fn gives_the_jwt_payload_of_the_session(db: Backend) {
    let service = db.shared().await;
    let session = service
        .create_with_payload("ada", r#"{"role":"admin"}"#)
        .await;
    let reply = service.refresh(&session.refresh.value).await;
    assert_eq!(
        reply.part("session.jwtPayload").as_deref(),
        Some(r#"{"role":"admin"}"#)
    );
    let child = Session::refreshed(&reply);
    let reply = service.verify(&child.access.value).await;
    assert_eq!(
        reply.part("session.jwtPayload").as_deref(),
        Some(r#"{"role":"admin"}"#)
    );
}

#[test_on(everywhere)]
async fn anything_that_is_no_refresh_token_is_unauthorised_and_no_theft(db: Backend) {
    let service = db.shared().await;
    for text in [
        "",
        "x",
        "a.b.c",
        "undefined",
        "🦀",
        &"x".repeat(400),
        &"x".repeat(65_536),
    ] {
        service.refresh(text).await.expect(200, REFUSED);
    }
}

#[test_on(everywhere)]
async fn racing_refreshes_get_the_same_child(db: Backend) {
    let service = db.service().start().await;
    service.freeze().await;
    let session = service.create("ada").await;
    let racers = (0..16).map(|_| service.refresh(&session.refresh.value));
    let replies = futures::future::join_all(racers).await;
    for reply in &replies {
        assert_eq!(reply.answer(), "OK");
        let (child, first) = (Session::refreshed(reply), Session::refreshed(&replies[0]));
        assert_eq!(child.lasting(), first.lasting());
    }
}

#[test_on(everywhere)]
async fn in1_without_an_id_refresh_token_the_session_is_gone_whatever_the_rest(db: Backend) {
    let service = db.shared().await;
    let session = service.create("ada").await;
    let good = quote(&session.refresh.value);
    for refresh in [&*good, r#""x""#, "null", "7", "[]"] {
        for id in ["null", "false", "0", "1e400", "[]", r#"{"value":"id"}"#] {
            let body = format!(r#"{{"refreshToken":{refresh},"idRefreshToken":{id}}}"#);
            service
                .json("PUT", "/refresh", body)
                .await
                .expect(200, REFUSED);
        }
        let body = format!(r#"{{"refreshToken":{refresh}}}"#);
        service
            .json("PUT", "/refresh", body)
            .await
            .expect(200, REFUSED);
    }
    service
        .json("PUT", "/refresh", "{}")
        .await
        .expect(200, REFUSED);
}

#[test_on(everywhere)]
async fn in1_the_refresh_token_is_a_required_string(db: Backend) {
    let service = db.shared().await;
    for refresh in ["null", "true", "7", "[]", "{}"] {
        let body = format!(r#"{{"refreshToken":{refresh},"idRefreshToken":"id"}}"#);
        let reply = service
            .json("PUT", "/refresh", body)
            .await
            .expect_error(400, "invalid_input");
        assert!(
            reply.string("message").contains("refreshToken"),
            "{reply:?}"
        );
    }
    let reply = service
        .json("PUT", "/refresh", r#"{"idRefreshToken":"id"}"#)
        .await;
    let reply = reply.expect_error(400, "invalid_input");
    assert!(
        reply.string("message").contains("refreshToken"),
        "{reply:?}"
    );
}

#[test_on(everywhere)]
async fn rv1_a_revoked_session_is_gone_at_once(db: Backend) {
    let service = db.service().start().await;
    let elsewhere = service.place().service().start().await;
    let session = service.create("ada").await;
    let child = Session::refreshed(&elsewhere.refresh(&session.refresh.value).await);

    service.revoke(&session.handle).await;
    for process in [&service, &elsewhere] {
        process
            .refresh(&session.refresh.value)
            .await
            .expect(200, REFUSED);
        process
            .refresh(&child.refresh.value)
            .await
            .expect(200, REFUSED);
        process
            .verify(&child.access.value)
            .await
            .expect(200, UNAUTHORISED);
    }
}
