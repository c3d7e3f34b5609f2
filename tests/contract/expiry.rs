//! The end of a session by time, on every endpoint, with and without the clean-up.

use session_tests::prelude::*;

const OK: &str = r#"{"message":"[text]","status":"OK"}"#;

/// Refreshes 20 seconds later, so that the child is issued at a time of its own.
async fn child_of(service: &Service, parent: &Session) -> Session {
    service.advance(20 * SECOND).await;
    service.child(parent).await
}

#[test_on(everywhere)]
async fn rv4_an_expired_session_is_a_missing_one_on_every_endpoint(db: Backend) {
    let settings = [
        ("refresh_token_validity", "1"),
        ("access_token_validity", "604800"),
    ];
    let service = db.frozen(&settings).await;
    let oldest = service.create("ada").await;
    let session = child_of(&service, &oldest).await;
    service.verify(&session.access.value).await;
    let child = child_of(&service, &session).await;

    let (handle, old, new) = (
        &session.handle,
        &session.refresh.value,
        &child.refresh.value,
    );
    service.freeze_at(session.refresh.expires - 1).await;
    service.data(handle).await.expect(200, OK);
    service.write_data(handle, "1").await.expect(200, OK);
    service.child(&session).await;

    service.freeze_at(session.refresh.expires).await;
    for cleaned in [false, true] {
        if cleaned {
            service.advance(2 * DAY).await;
            service.tick().await;
            assert_eq!(service.tables().session_count().await, 0);
        }
        service.data(handle).await.expect(200, UNAUTHORISED);
        let written = service.write_data(handle, "2").await;
        written.expect(200, UNAUTHORISED);
        // Not even a stolen token is theft any more.
        for token in [old, new, &oldest.refresh.value] {
            service.refresh(token).await.expect(200, REFUSED);
        }
        // No access token outlives its session, whatever its own validity.
        assert!(child.access.expires <= child.refresh.expires);
        let verified = service.verify(&child.access.value).await;
        assert_eq!(verified.answer(), "TRY_REFRESH_TOKEN");
        let deleted = service.revoke(handle).await.part("deletedAnyEntry");
        assert_eq!(deleted.as_deref(), Some("false"));
    }
}
