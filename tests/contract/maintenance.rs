//! A tick of maintenance over HTTP, for hosts without a cron trigger.

use session_tests::prelude::*;

const KEY: &str = "0123456789abcdef";

async fn ask(service: &Service, key: &str) -> Reply {
    let headers = [("api-key", key)];
    service.send("POST", "/maintenance", &headers, "").await
}

#[test_on(everywhere)]
async fn it_removes_what_has_expired_and_says_so(db: Backend) {
    let place = db.place().await;
    let service = place.service().start().await;
    let (gone, stays) = (service.create("ada").await, service.create("ada").await);
    place
        .tables()
        .edit_session(&gone.handle, "expires_at", "1")
        .await;
    let reply = ask(&service, KEY).await;
    reply.expect_error(404, "not_found");

    let service = place
        .service()
        .set("api_keys", KEY)
        .set("maintenance_endpoint", true)
        .start()
        .await;
    ask(&service, "fedcba9876543210")
        .await
        .expect_error(401, "unauthenticated");
    assert_eq!(place.tables().session_count().await, 2);
    let reply = ask(&service, KEY).await;
    assert_eq!(reply.answer(), "OK");
    assert_eq!((reply.number("removed"), reply.number("remaining")), (1, 0));
    assert!(place.tables().session(&stays.handle).await.is_some());
    assert_eq!(place.tables().session_count().await, 1);
    service
        .expect_logged(&["INFO maintenance", "removed=1"])
        .await;
}
