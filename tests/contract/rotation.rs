//! The decision table of refresh token rotation, row by row.

use session_tests::prelude::*;

const CONFIRMED: &str = r#"{
    "message": "[text]",
    "status": "OK",
    "session": {"handle": "[handle]", "userId": "ada"},
    "newAccessToken": {"value": "[token]", "expires": "[time]"}
}"#;
/// A service whose clock stands still.
async fn standing(db: Backend) -> Service {
    let service = db.service().start().await;
    service.freeze().await;
    service
}

/// A child of a refresh token, in a time slot of its own, so that it is another than all before.
async fn child_of(service: &Service, parent: &Session) -> Session {
    service.advance(11 * SECOND).await;
    Session::refreshed(&service.refresh(&parent.refresh.value).await)
}

#[test_on(everywhere)]
async fn the_current_refresh_token_gives_a_child_and_writes_nothing(db: Backend) {
    let service = standing(db).await;
    let parent = service.create("ada").await;
    let row = service
        .tables()
        .session(&parent.handle)
        .await
        .expect("it is stored");
    assert_eq!(
        row.refresh_token_hash_2,
        sha256_hex(&sha256_hex(&parent.refresh.value))
    );
    assert_eq!(row.generation, 0);
    for _ in 0..3 {
        child_of(&service, &parent).await;
    }
    assert_eq!(service.tables().session(&parent.handle).await, Some(row));
}

#[test_on(everywhere)]
async fn a_childs_refresh_token_becomes_current(db: Backend) {
    let service = standing(db).await;
    let parent = service.create("ada").await;
    let mut before = service
        .tables()
        .session(&parent.handle)
        .await
        .expect("it is stored");
    let child = child_of(&service, &parent).await;
    let grandchild = child_of(&service, &child).await;
    assert_ne!(grandchild.refresh.value, child.refresh.value);

    before.refresh_token_hash_2 = sha256_hex(&sha256_hex(&child.refresh.value));
    before.generation = 1;
    before.expires_at = child.refresh.expires;
    assert_eq!(service.tables().session(&parent.handle).await, Some(before));
}

#[test_on(everywhere)]
async fn an_older_refresh_token_is_theft(db: Backend) {
    let service = standing(db).await;
    let oldest = service.create("ada").await;
    let parent = child_of(&service, &oldest).await;
    let child = child_of(&service, &parent).await;
    child_of(&service, &child).await;
    let row = service.tables().session(&oldest.handle).await;
    for stolen in [&oldest, &parent] {
        let reply = service.refresh(&stolen.refresh.value).await;
        reply.expect(200, &theft_of(stolen));
    }
    // It is reported; what to do about it is the caller's decision.
    assert_eq!(service.tables().session(&oldest.handle).await, row);
    assert_eq!(service.refresh(&child.refresh.value).await.answer(), "OK");
}

#[test_on(everywhere)]
async fn a_sibling_of_the_current_refresh_token_is_theft(db: Backend) {
    let service = standing(db).await;
    let parent = service.create("ada").await;
    let child = child_of(&service, &parent).await;
    let sibling = child_of(&service, &parent).await;
    service
        .verify(&child.access.value)
        .await
        .expect(200, CONFIRMED);
    service
        .refresh(&sibling.refresh.value)
        .await
        .expect(200, &theft_of(&sibling));
    assert_eq!(service.refresh(&child.refresh.value).await.answer(), "OK");
}

#[test_on(everywhere)]
async fn a_refresh_token_of_the_next_generation_with_another_parent_is_theft(db: Backend) {
    let service = standing(db).await;
    let parent = service.create("ada").await;
    let child = child_of(&service, &parent).await;
    let sibling = child_of(&service, &parent).await;
    let nephew = child_of(&service, &sibling).await;
    // The sibling is current now. Make its brother current instead, as a race lost would have.
    let current = sha256_hex(&sha256_hex(&child.refresh.value));
    service
        .tables()
        .edit_session(&parent.handle, "refresh_token_hash_2", &current)
        .await;
    service
        .refresh(&nephew.refresh.value)
        .await
        .expect(200, &theft_of(&nephew));
}

#[test_on(everywhere)]
async fn a_refresh_token_ahead_of_the_database_is_a_restored_backup_and_no_theft(db: Backend) {
    let service = standing(db).await;
    let parent = service.create("ada").await;
    let backup = service
        .tables()
        .session(&parent.handle)
        .await
        .expect("it is stored");
    let child = child_of(&service, &parent).await;
    let grandchild = child_of(&service, &child).await;
    let ahead = child_of(&service, &grandchild).await;

    let tables = service.tables();
    tables
        .edit_session(
            &parent.handle,
            "refresh_token_hash_2",
            &backup.refresh_token_hash_2,
        )
        .await;
    tables.edit_session(&parent.handle, "generation", "0").await;
    tables
        .edit_session(&parent.handle, "expires_at", &backup.expires_at.to_string())
        .await;
    service
        .refresh(&grandchild.refresh.value)
        .await
        .expect(200, REFUSED);
    service
        .refresh(&ahead.refresh.value)
        .await
        .expect(200, REFUSED);
    service.expect_logged(&["WARN", "backup"]).await;
    // The child of the token that was restored is where it was before.
    assert_eq!(service.refresh(&child.refresh.value).await.answer(), "OK");
}

#[test_on(everywhere)]
async fn a_refresh_token_that_is_not_genuine_is_unauthorised_and_no_theft(db: Backend) {
    let service = standing(db).await;
    let session = service.create("ada").await;
    let row = service.tables().session(&session.handle).await;
    let token = session.refresh.value.as_bytes();
    for bit in (0..token.len() * 8).filter(|bit| bit % 8 != 7) {
        let mut changed = token.to_vec();
        changed[bit / 8] ^= 1 << (bit % 8);
        let changed: String = changed.into_iter().map(char::from).collect();
        service.refresh(&changed).await.expect(200, REFUSED);
    }
    let token = &session.refresh.value;
    for changed in [
        format!("{token}="),
        format!("{token}A"),
        format!("{token}.{token}"),
        token[1..].to_owned(),
        token[..token.len() - 1].to_owned(),
    ] {
        service.refresh(&changed).await.expect(200, REFUSED);
    }
    let foreign = db.service().start().await;
    let foreign = foreign.create("ada").await;
    service
        .refresh(&foreign.refresh.value)
        .await
        .expect(200, REFUSED);

    assert_eq!(service.tables().session(&session.handle).await, row);
    assert_eq!(service.refresh(token).await.answer(), "OK");
}

#[test_on(everywhere)]
async fn an_access_token_without_a_parent_is_ok_without_the_database(db: Backend) {
    let service = db.service().one_instance().start().await;
    let session = service.create("ada").await;
    service.database_away().await;
    let reply = service.verify(&session.access.value).await;
    reply.expect(
        200,
        r#"{"message":"[text]","status":"OK","session":{"handle":"[handle]","userId":"ada"}}"#,
    );
}

#[test_on(everywhere)]
async fn an_access_token_of_a_child_makes_its_refresh_token_current(db: Backend) {
    let service = standing(db).await;
    let parent = service.create("ada").await;
    let mut before = service
        .tables()
        .session(&parent.handle)
        .await
        .expect("it is stored");
    let child = child_of(&service, &parent).await;
    service
        .verify(&child.access.value)
        .await
        .expect(200, CONFIRMED);

    before.refresh_token_hash_2 = sha256_hex(&sha256_hex(&child.refresh.value));
    before.generation = 1;
    before.expires_at = child.refresh.expires;
    assert_eq!(service.tables().session(&parent.handle).await, Some(before));
}

#[test_on(everywhere)]
async fn an_access_token_whose_refresh_token_is_current_is_replaced_without_a_write(db: Backend) {
    let service = standing(db).await;
    let parent = service.create("ada").await;
    let child = child_of(&service, &parent).await;
    let first = service
        .verify(&child.access.value)
        .await
        .expect(200, CONFIRMED);
    let row = service.tables().session(&parent.handle).await;
    service.advance(MINUTE).await;
    let second = service
        .verify(&child.access.value)
        .await
        .expect(200, CONFIRMED);
    assert_eq!(second.body, first.body);
    assert_eq!(service.tables().session(&parent.handle).await, row);
    // The replacement needs none.
    let replaced = first.string("newAccessToken.value");
    assert_eq!(service.verify(&replaced).await.part("newAccessToken"), None);
}

#[test_on(everywhere)]
async fn an_access_token_of_another_lineage_is_to_be_refreshed(db: Backend) {
    let service = standing(db).await;
    let parent = service.create("ada").await;
    let child = child_of(&service, &parent).await;
    let sibling = child_of(&service, &parent).await;
    service
        .verify(&child.access.value)
        .await
        .expect(200, CONFIRMED);
    let row = service.tables().session(&parent.handle).await;
    service
        .verify(&sibling.access.value)
        .await
        .expect(200, TRY_REFRESH_TOKEN);
    assert_eq!(service.tables().session(&parent.handle).await, row);

    // The child's own access token falls behind when the grandchild is confirmed.
    let grandchild = child_of(&service, &child).await;
    service
        .verify(&grandchild.access.value)
        .await
        .expect(200, CONFIRMED);
    service
        .verify(&child.access.value)
        .await
        .expect(200, TRY_REFRESH_TOKEN);
}

#[test_on(everywhere)]
async fn an_access_token_of_a_child_whose_session_is_gone_is_unauthorised(db: Backend) {
    let service = standing(db).await;
    let parent = service.create("ada").await;
    let child = child_of(&service, &parent).await;
    service.revoke(&parent.handle).await;
    service
        .verify(&child.access.value)
        .await
        .expect(200, UNAUTHORISED);
}
