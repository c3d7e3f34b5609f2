//! The end of a session by time, on every endpoint, with and without the clean-up.

use session_tests::prelude::*;

const OK: &str = r#"{"message":"[text]","status":"OK"}"#;
const NOTHING_DELETED: &str = r#"{"message":"[text]","status":"OK","deletedAnyEntry":false}"#;

/// Refreshes 20 seconds later, so that the child is issued at a time of its own.
async fn child_of(service: &Service, parent: &Session) -> Session {
    service.advance(20 * SECOND).await;
    service.child(&parent).await
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
