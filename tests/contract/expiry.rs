//! The end of a session by time, on every endpoint, with and without the clean-up.

use session_tests::prelude::*;

const OK: &str = r#"{"message":"[text]","status":"OK"}"#;
const NOTHING_DELETED: &str = r#"{"message":"[text]","status":"OK","deletedAnyEntry":false}"#;

/// A service whose sessions live for an hour and whose clock stands still.
async fn hourly(db: Backend) -> Service {
    let service = db.service().set("refresh_token_validity", 1).start().await;
    service.freeze().await;
    service
}

/// Refreshes 20 seconds later, so that the child is issued at a time of its own.
async fn child_of(service: &Service, parent: &Session) -> Session {
    service.advance(20 * SECOND).await;
    Session::refreshed(&service.refresh(&parent.refresh.value).await)
}

#[test_on(everywhere)]
async fn rv4_an_expired_session_is_a_missing_one_on_every_endpoint(db: Backend) {
    let service = db
        .service()
        .set("refresh_token_validity", 1)
        .set("access_token_validity", 7 * 24 * 3600)
        .start()
        .await;
    service.freeze().await;
    let oldest = service.create("ada").await;
    let session = child_of(&service, &oldest).await;
    service.verify(&session.access.value).await;
    let child = child_of(&service, &session).await;

    service.freeze_at(session.refresh.expires - 1).await;
    service.data(&session.handle).await.expect(200, OK);
    service
        .write_data(&session.handle, "1")
        .await
        .expect(200, OK);
    assert_eq!(service.refresh(&session.refresh.value).await.answer(), "OK");

    service.freeze_at(session.refresh.expires).await;
    for cleaned in [false, true] {
        if cleaned {
            service.advance(DAY).await;
            service.tick().await;
            assert_eq!(service.tables().session_count().await, 0);
        }
        service
            .data(&session.handle)
            .await
            .expect(200, UNAUTHORISED);
        service
            .write_data(&session.handle, "2")
            .await
            .expect(200, UNAUTHORISED);
        service
            .refresh(&session.refresh.value)
            .await
            .expect(200, REFUSED);
        service
            .refresh(&child.refresh.value)
            .await
            .expect(200, REFUSED);
        // Not even a stolen token is theft any more.
        service
            .refresh(&oldest.refresh.value)
            .await
            .expect(200, REFUSED);
        // Its own time is not up; its session's is.
        assert!(child.access.expires > service.now());
        service
            .verify(&child.access.value)
            .await
            .expect(200, UNAUTHORISED);
        service
            .revoke(&session.handle)
            .await
            .expect(200, NOTHING_DELETED);
        service.revoke_all("ada").await.expect(200, OK);
    }
}

#[test_on(everywhere)]
async fn rv4_nothing_revives_an_expired_session(db: Backend) {
    // Access tokens outlive their session.
    let service = db
        .service()
        .set("refresh_token_validity", 1)
        .set("access_token_validity", 2 * 3600)
        .start()
        .await;
    service.freeze().await;
    let session = service.create_with_data("ada", "1").await;
    let child = child_of(&service, &session).await;
    let row = service.tables().session(&session.handle).await;
    service.freeze_at(session.refresh.expires).await;
    // What the child would extend the session to is still ahead.
    assert!(child.refresh.expires > service.now());
    service
        .refresh(&child.refresh.value)
        .await
        .expect(200, REFUSED);
    service
        .verify(&child.access.value)
        .await
        .expect(200, UNAUTHORISED);
    service
        .refresh(&session.refresh.value)
        .await
        .expect(200, REFUSED);
    service
        .write_data(&session.handle, "2")
        .await
        .expect(200, UNAUTHORISED);
    let after = service.tables().session(&session.handle).await;
    assert!(after.is_none() || after == row, "{after:?}");
}

#[test_on(everywhere)]
async fn rv4_with_blacklisting_an_access_token_ends_with_its_session(db: Backend) {
    let service = db
        .service()
        .set("refresh_token_validity", 1)
        .set("access_token_validity", 2 * 3600)
        .set("access_token_blacklisting", true)
        .start()
        .await;
    service.freeze().await;
    let session = service.create("ada").await;
    service.freeze_at(session.refresh.expires - 1).await;
    assert_eq!(service.verify(&session.access.value).await.answer(), "OK");
    service.freeze_at(session.refresh.expires).await;
    service
        .verify(&session.access.value)
        .await
        .expect(200, UNAUTHORISED);
}

#[test_on(everywhere)]
async fn rv4_no_token_outlives_what_its_expires_said(db: Backend) {
    let service = hourly(db).await;
    // Not at a whole second: the claims are in seconds, `expires` in milliseconds.
    service.advance(456).await;
    let session = service.create("ada").await;
    let child = child_of(&service, &session).await;
    let replaced = Token::read(&service.verify(&child.access.value).await, "newAccessToken");
    let mut access = [session.access, child.access, replaced];
    access.sort_by_key(|token| token.expires);
    for token in access {
        service.freeze_at(token.expires).await;
        let reply = service.verify(&token.value).await;
        assert_ne!(reply.answer(), "OK", "{token:?}");
    }
    service.freeze_at(child.refresh.expires).await;
    service
        .refresh(&child.refresh.value)
        .await
        .expect(200, REFUSED);
}

#[test_on(everywhere)]
async fn using_a_child_extends_the_session_to_what_was_announced(db: Backend) {
    for reuse_window in [10, 0] {
        let service = db
            .service()
            .set("refresh_token_validity", 1)
            .set("refresh_reuse_window", reuse_window)
            .start()
            .await;
        service.freeze().await;
        // Not at a whole second, which is what claims are in.
        service.advance(456).await;
        let by_access = service.create("ada").await;
        let by_refresh = service.create("ada").await;
        service.advance(30 * MINUTE).await;
        let first = child_of(&service, &by_access).await;
        let second = child_of(&service, &by_refresh).await;
        service.advance(10 * MINUTE).await;
        assert_eq!(service.verify(&first.access.value).await.answer(), "OK");
        assert_eq!(service.refresh(&second.refresh.value).await.answer(), "OK");
        for child in [&first, &second] {
            let row = service
                .tables()
                .session(&child.handle)
                .await
                .expect("it is live");
            assert_eq!(row.expires_at, child.refresh.expires);
        }
        service.freeze_at(first.refresh.expires - 1).await;
        service.data(&first.handle).await.expect(200, OK);
        service.freeze_at(first.refresh.expires).await;
        service.data(&first.handle).await.expect(200, UNAUTHORISED);
    }
}

#[test_on(everywhere)]
async fn a_child_that_nobody_used_extends_nothing(db: Backend) {
    let service = hourly(db).await;
    let session = service.create("ada").await;
    service.advance(30 * MINUTE).await;
    child_of(&service, &session).await;
    service.freeze_at(session.refresh.expires).await;
    service
        .data(&session.handle)
        .await
        .expect(200, UNAUTHORISED);
}

#[test_on(everywhere)]
async fn a_session_that_is_refreshed_lives_on(db: Backend) {
    let service = hourly(db).await;
    let mut session = service.create_with_data("ada", "1").await;
    for _ in 0..10 {
        service.advance(50 * MINUTE).await;
        session = child_of(&service, &session).await;
        assert_eq!(service.verify(&session.access.value).await.answer(), "OK");
    }
    let read = service.data(&session.handle).await;
    read.expect(200, r#"{"message":"[text]","status":"OK","sessionData":1}"#);
}

#[test_on(everywhere)]
async fn the_clean_up_removes_sessions_long_expired_and_no_live_one(db: Backend) {
    let service = hourly(db).await;
    let expired = [service.create("ada").await, service.create("ada").await];
    service.advance(DAY).await;
    let mut live = Vec::new();
    for _ in 0..3 {
        live.push(service.create("ada").await);
        service.advance(15 * MINUTE).await;
    }
    service.tick().await;
    for session in &expired {
        assert_eq!(service.tables().session(&session.handle).await, None);
        service
            .data(&session.handle)
            .await
            .expect(200, UNAUTHORISED);
    }
    for session in &live {
        service.data(&session.handle).await.expect(200, OK);
    }
    assert_eq!(service.tables().session_count().await, 3);
}
