//! A tick of maintenance over HTTP, for hosts without a cron trigger.

use session_tests::prelude::*;
use testbed::service::{Action, FaultRule, On};

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

#[test_on(everywhere)]
async fn it_fails_when_the_database_is_away(db: Backend) {
    let setup = db.service().set("api_keys", KEY);
    let service = setup.set("maintenance_endpoint", true).start().await;
    let away = FaultRule::new(On::Statement, Action::cut_before());
    service.faults(&[away.for_ever()]).await;
    let reply = ask(&service, KEY).await;
    reply.expect_error(503, "maintenance_failed");
    service.expect_logged(&["ERROR maintenance"]).await;
    service.database_back().await;
    assert_eq!(ask(&service, KEY).await.answer(), "OK");
}

#[test_on(everywhere)]
async fn without_api_keys_it_is_misconfigured(db: Backend) {
    let service = db.service().set("maintenance_endpoint", true).start().await;
    ask(&service, KEY).await.expect_error(500, "misconfigured");
    service
        .expect_logged(&["maintenance_endpoint", "api_keys"])
        .await;
}
