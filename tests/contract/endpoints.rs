//! One life of a session through every endpoint of the native API, reply by reply; and what revocation means at once.
//! Types, sizes and spellings of fields are tested in `src/api/tests`.

use session_tests::prelude::*;

const OK: &str = r#"{"message":"[text]","status":"OK"}"#;
const DELETED: &str = r#"{"message":"[text]","status":"OK","deletedAnyEntry":true}"#;
const NOTHING_DELETED: &str = r#"{"message":"[text]","status":"OK","deletedAnyEntry":false}"#;
const ADA: &str = r#"{"handle":"[handle]","userId":"ada","jwtPayload":{"role":"admin"}}"#;
const TOKEN: &str = r#"{"value":"[token]","expires":"[time]"}"#;

#[test_on(everywhere)]
async fn a_session_goes_through_every_endpoint(db: Backend) {
    let service = db.frozen(&[]).await;
    let body = r#"{"userId":"ada","jwtPayload":{"role":"admin"},"sessionData":{"cart":[1]}}"#;
    let created = service.post_session(body).await.expect(
        200,
        &format!(
            r#"{{"message":"[text]","status":"OK","session":{ADA},"accessToken":{TOKEN},"refreshToken":{TOKEN},
                 "idRefreshToken":{TOKEN}}}"#
        ),
    );
    let session = Session::created(&created);
    let verified = format!(r#"{{"message":"[text]","status":"OK","session":{ADA}}}"#);
    for _ in 0..2 {
        let reply = service.verify(&session.access.value).await;
        let reply = reply.expect(200, &verified);
        assert_eq!(reply.string("session.handle"), session.handle);
    }
    let refreshed = service.refresh(&session.refresh.value).await.expect(
        200,
        &format!(
            r#"{{"message":"[text]","status":"OK","session":{ADA},"newAccessToken":{TOKEN},
                 "newRefreshToken":{TOKEN},"newIdRefreshToken":{TOKEN}}}"#
        ),
    );
    let child = Session::refreshed(&refreshed);
    let confirmed =
        format!(r#"{{"message":"[text]","status":"OK","session":{ADA},"newAccessToken":{TOKEN}}}"#);
    let first = service.verify(&child.access.value).await;
    let first = first.expect(200, &confirmed);
    service.advance(MINUTE).await;
    let again = service.verify(&child.access.value).await;
    assert_eq!(again.body, first.body);

    let handle = &session.handle;
    let data = |text| format!(r#"{{"message":"[text]","status":"OK","sessionData":{text}}}"#);
    service
        .data(handle)
        .await
        .expect(200, &data(r#"{"cart":[1]}"#));
    // Twice: a write that changes no byte of the row is OK all the same.
    for text in ["[2]", "[2]", "null"] {
        service.write_data(handle, text).await.expect(200, OK);
        service.data(handle).await.expect(200, &data(text));
    }
    let without = format!(r#"{{"sessionHandle":"{handle}"}}"#);
    let reply = service.json("PUT", "/session/data", without).await;
    reply.expect(200, OK);
    service.data(handle).await.expect(200, OK);

    let (other, stranger) = (service.create("ada").await, service.create("bob").await);
    service.revoke(handle).await.expect(200, DELETED);
    service.revoke(handle).await.expect(200, NOTHING_DELETED);
    service.data(handle).await.expect(200, UNAUTHORISED);
    service
        .write_data(handle, "1")
        .await
        .expect(200, UNAUTHORISED);
    for user in ["ada", "ada", "nobody"] {
        service.revoke_all(user).await.expect(200, OK);
    }
    service.data(&other.handle).await.expect(200, UNAUTHORISED);
    service.data(&stranger.handle).await.expect(200, OK);
    assert_eq!(service.tables().session_count().await, 1);
}

#[test_on(everywhere)]
async fn rv1_after_a_delete_nothing_of_the_session_is_served(db: Backend) {
    let service = db.service().start().await;
    let elsewhere = service.place().service();
    let elsewhere = elsewhere.set("access_token_blacklisting", true);
    let elsewhere = elsewhere.start().await;
    let (one, all) = (service.create("ada").await, service.create("bob").await);
    let children = [elsewhere.child(&one).await, elsewhere.child(&all).await];
    service.revoke(&one.handle).await.expect(200, DELETED);
    service.revoke_all("bob").await.expect(200, OK);
    for process in [&service, &*elsewhere] {
        for Session {
            handle,
            access,
            refresh,
            ..
        } in &children
        {
            process
                .verify(&access.value)
                .await
                .expect(200, UNAUTHORISED);
            process.refresh(&refresh.value).await.expect(200, REFUSED);
            process.data(handle).await.expect(200, UNAUTHORISED);
            process
                .write_data(handle, "2")
                .await
                .expect(200, UNAUTHORISED);
            process.revoke(handle).await.expect(200, NOTHING_DELETED);
        }
    }
    // A plain access token lives to its end, or not at all with blacklisting.
    service.expect_good(&one).await;
    let reply = elsewhere.verify(&one.access.value).await;
    reply.expect(200, UNAUTHORISED);
    assert_eq!(service.tables().session_count().await, 0);
}

#[test_on(everywhere)]
async fn rv5_with_blacklisting_a_database_that_is_away_is_never_ok(db: Backend) {
    let service = db.frozen(&[("access_token_blacklisting", "true")]).await;
    let session = service.create("ada").await;
    service.expect_good(&session).await;
    service.database_away().await;
    let reply = service.verify(&session.access.value).await;
    reply.expect_error(503, "database_unavailable");
    service.database_back().await;
    service.expect_good(&session).await;
}
