//! Theft as it plays out between a victim and an attacker, and what happens then.

use session_tests::prelude::*;

async fn standing(db: Backend) -> Service {
    let service = db.service().start().await;
    service.freeze().await;
    service
}

/// Refreshes in a time slot of its own.
async fn refresh_later(service: &Service, parent: &Session) -> Reply {
    service.advance(11 * SECOND).await;
    service.refresh(&parent.refresh.value).await
}

/// A session whose first refresh token was refreshed by its owner, and can be replayed as theft.
async fn used(service: &Service, user: &str) -> (Session, Session) {
    let parent = service.create(user).await;
    let child = Session::refreshed(&refresh_later(service, &parent).await);
    assert_eq!(service.verify(&child.access.value).await.answer(), "OK");
    (parent, child)
}

#[test_on(everywhere)]
async fn th2_the_victim_is_first(db: Backend) {
    let service = standing(db).await;
    let parent = service.create("ada").await;
    let victim = Session::refreshed(&refresh_later(&service, &parent).await);
    assert_eq!(service.verify(&victim.access.value).await.answer(), "OK");
    refresh_later(&service, &parent)
        .await
        .expect(200, &theft_of(&parent));
}

#[test_on(everywhere)]
async fn th3_the_attacker_is_first_and_the_victim_refreshes(db: Backend) {
    let service = standing(db).await;
    let parent = service.create("ada").await;
    let attacker = Session::refreshed(&refresh_later(&service, &parent).await);
    assert_eq!(service.verify(&attacker.access.value).await.answer(), "OK");
    refresh_later(&service, &parent)
        .await
        .expect(200, &theft_of(&parent));
}

#[test_on(everywhere)]
async fn th3_the_attacker_is_first_and_the_victim_verifies(db: Backend) {
    let service = standing(db).await;
    let parent = service.create("ada").await;
    let victim = Session::refreshed(&refresh_later(&service, &parent).await);
    let attacker = Session::refreshed(&refresh_later(&service, &parent).await);
    assert_eq!(service.verify(&attacker.access.value).await.answer(), "OK");
    assert_eq!(
        service.verify(&victim.access.value).await.answer(),
        "TRY_REFRESH_TOKEN"
    );
    refresh_later(&service, &victim)
        .await
        .expect(200, &theft_of(&parent));
}

#[test_on(everywhere)]
async fn th4_the_attacker_sleeps(db: Backend) {
    let service = standing(db).await;
    let parent = service.create("ada").await;
    let attacker = Session::refreshed(&refresh_later(&service, &parent).await);
    let mut victim = parent.clone();
    for _ in 0..3 {
        victim = Session::refreshed(&refresh_later(&service, &victim).await);
        assert_eq!(service.verify(&victim.access.value).await.answer(), "OK");
        service.advance(HOUR).await;
    }
    assert_eq!(
        service.verify(&attacker.access.value).await.answer(),
        "TRY_REFRESH_TOKEN"
    );
    refresh_later(&service, &attacker)
        .await
        .expect(200, &theft_of(&parent));
}

#[test_on(everywhere)]
async fn th6_no_false_alarm(db: Backend) {
    let service = db
        .service()
        .set("on_token_theft", "revoke_user")
        .set("refresh_token_validity", 1)
        .start()
        .await;
    service.freeze().await;
    let foreign = db.service().start().await.create("ada").await;
    let (expired, expired_child) = used(&service, "ada").await;
    service.advance(2 * HOUR).await;
    let bystander = service.create("ada").await;
    let row = service.tables().session(&bystander.handle).await;
    let (gone, gone_child) = used(&service, "ada").await;
    service.revoke(&gone.handle).await;

    let token = &bystander.refresh.value;
    let swapped = format!("{}{}", &gone.refresh.value[..20], &token[20..]);
    let tokens = [
        "x",
        &swapped,
        &token[..token.len() - 1],
        &foreign.refresh.value,
        &expired.refresh.value,
        &expired_child.refresh.value,
        &gone.refresh.value,
        &gone_child.refresh.value,
        &bystander.access.value,
        &bystander.handle,
    ];
    for token in tokens {
        service.refresh(token).await.expect(200, REFUSED);
    }
    assert_eq!(service.tables().session(&bystander.handle).await, row);
    assert_eq!(
        service.refresh(&bystander.refresh.value).await.answer(),
        "OK"
    );
}

#[test_on(everywhere)]
async fn th7_within_the_reuse_window_there_is_no_theft(db: Backend) {
    let service = standing(db).await;
    let parent = service.create("ada").await;
    let first_tab = Session::refreshed(&service.refresh(&parent.refresh.value).await);
    let second_tab = Session::refreshed(&service.refresh(&parent.refresh.value).await);
    assert_eq!(first_tab.lasting(), second_tab.lasting());
    for tab in [&first_tab, &second_tab] {
        assert_eq!(service.verify(&tab.access.value).await.answer(), "OK");
    }
    service.advance(HOUR).await;
    let first_tab = Session::refreshed(&service.refresh(&first_tab.refresh.value).await);
    let second_tab = Session::refreshed(&service.refresh(&second_tab.refresh.value).await);
    assert_eq!(first_tab.lasting(), second_tab.lasting());
}

#[test_on(everywhere)]
async fn th7_the_reuse_window_revives_nothing(db: Backend) {
    let service = standing(db).await;
    let parent = service.create("ada").await;
    let child = Session::refreshed(&service.refresh(&parent.refresh.value).await);
    service.revoke(&parent.handle).await;
    service
        .refresh(&parent.refresh.value)
        .await
        .expect(200, REFUSED);
    service
        .refresh(&child.refresh.value)
        .await
        .expect(200, REFUSED);
    assert_eq!(service.tables().session(&parent.handle).await, None);
}

#[test_on(everywhere)]
async fn th8_lost_replies_cost_nothing(db: Backend) {
    let service = standing(db).await;
    let mut current = service.create("ada").await;
    for _ in 0..3 {
        let mut children = Vec::new();
        for _ in 0..10 {
            children.push(Session::refreshed(&refresh_later(&service, &current).await));
        }
        // Only the last reply arrived.
        current = children.pop().expect("there are ten");
    }
    assert_eq!(service.verify(&current.access.value).await.answer(), "OK");
}

#[test_on(everywhere)]
async fn on_theft_the_default_reports_and_leaves_the_session(db: Backend) {
    let service = standing(db).await;
    let (stolen, owner) = used(&service, "ada").await;
    for _ in 0..3 {
        refresh_later(&service, &stolen)
            .await
            .expect(200, &theft_of(&stolen));
    }
    assert_eq!(service.data(&owner.handle).await.answer(), "OK");
    assert_eq!(refresh_later(&service, &owner).await.answer(), "OK");
}

#[test_on(everywhere)]
async fn on_theft_revoke_session_ends_that_session(db: Backend) {
    let service = db
        .service()
        .set("on_token_theft", "revoke_session")
        .start()
        .await;
    service.freeze().await;
    let (stolen, owner) = used(&service, "ada").await;
    let other = service.create("ada").await;
    refresh_later(&service, &stolen)
        .await
        .expect(200, &theft_of(&stolen));
    assert_eq!(service.tables().session(&owner.handle).await, None);
    refresh_later(&service, &owner).await.expect(200, REFUSED);
    refresh_later(&service, &stolen).await.expect(200, REFUSED);
    assert_eq!(service.refresh(&other.refresh.value).await.answer(), "OK");
}

#[test_on(everywhere)]
async fn on_theft_revoke_user_ends_the_users_sessions(db: Backend) {
    let service = db
        .service()
        .set("on_token_theft", "revoke_user")
        .start()
        .await;
    service.freeze().await;
    let (stolen, owner) = used(&service, "ada").await;
    let others = [service.create("ada").await, service.create("ada").await];
    let bystanders = [service.create("Ada").await, service.create("bob").await];
    refresh_later(&service, &stolen)
        .await
        .expect(200, &theft_of(&stolen));
    assert_eq!(service.tables().session(&owner.handle).await, None);
    for other in &others {
        service
            .refresh(&other.refresh.value)
            .await
            .expect(200, REFUSED);
    }
    for bystander in &bystanders {
        assert_eq!(
            service.refresh(&bystander.refresh.value).await.answer(),
            "OK"
        );
    }
    assert_eq!(service.tables().session_count().await, 2);
}

#[test_on(everywhere)]
async fn th5_a_crash_before_the_revocation_leaves_the_theft_detectable(db: Backend) {
    for policy in ["revoke_session", "revoke_user"] {
        let mut service = db.service().set("on_token_theft", policy).start().await;
        service.freeze().await;
        let (stolen, _) = used(&service, "ada").await;
        service.advance(11 * SECOND).await;
        service.pause_at("DELETE", "before revoking").await;
        let client = service.another_client();
        let thief = stolen.refresh.value.clone();
        let pending = tokio::spawn(async move {
            let body = format!(
                r#"{{"refreshToken":{},"idRefreshToken":"id"}}"#,
                quote(&thief)
            );
            client.try_json("PUT", "/refresh", body).await
        });
        service.wait_until_paused("before revoking").await;
        service.process().kill();
        assert!(
            pending.await.expect("the request does not panic").is_err(),
            "nothing was said"
        );

        let restarted = service
            .place()
            .service()
            .set("on_token_theft", policy)
            .start()
            .await;
        restarted.freeze_at(service.now()).await;
        assert!(restarted.tables().session(&stolen.handle).await.is_some());
        refresh_later(&restarted, &stolen)
            .await
            .expect(200, &theft_of(&stolen));
        assert_eq!(restarted.tables().session(&stolen.handle).await, None);
    }
}
