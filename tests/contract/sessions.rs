//! Lifetimes, devices and fresh logins, as callers see them.

use session_tests::prelude::*;

/// One login with these fields besides the user.
async fn log_in(service: &Service, fields: &str) -> Session {
    let reply = service
        .post_session(format!(r#"{{"userId":"ada"{fields}}}"#))
        .await;
    Session::created(&reply)
}

async fn listed(service: &Service) -> Reply {
    let path = "/session/all?userId=ada";
    service.send("GET", path, &[], "").await
}

#[test_on(everywhere)]
async fn a_session_ends_when_its_lifetime_says_whatever_is_done_with_it(db: Backend) {
    let service = db.frozen(&[]).await;
    let mut session = log_in(&service, r#","lifetime":{"absolute":1200,"idle":600}"#).await;
    let end = session.refresh.expires + 600 * SECOND;
    for _ in 0..7 {
        service.advance(160 * SECOND).await;
        session = service.child(&session).await;
        assert!(session.access.expires <= end && session.refresh.expires <= end);
        service.expect_good(&session).await;
    }
    assert_eq!(session.refresh.expires, end);
    service.freeze_at(end - 1).await;
    assert_eq!(service.data(&session.handle).await.answer(), "OK");
    let late = service.child(&session).await;
    assert_eq!((late.access.expires, late.refresh.expires), (end, end));
    service.freeze_at(end).await;
    assert_eq!(service.data(&session.handle).await.answer(), "UNAUTHORISED");
    for token in [&session, &late] {
        service
            .refresh(&token.refresh.value)
            .await
            .expect(200, REFUSED);
    }
    let deleted = service
        .revoke(&session.handle)
        .await
        .part("deletedAnyEntry");
    assert_eq!(deleted.as_deref(), Some("false"));
}

#[test_on(everywhere)]
async fn the_list_says_which_device_and_since_when_and_the_others_can_be_signed_out(db: Backend) {
    let service = db.frozen(&[]).await;
    let phone = log_in(&service, r#","client":{ "userAgent":"phone 1.0" }"#).await;
    let other = log_in(&service, "").await;
    service.advance(100 * SECOND).await;
    let phone = service.child(&phone).await;
    service.verify(&phone.access.value).await;
    let list = listed(&service).await;
    let sessions: Vec<serde_json::Value> =
        serde_json::from_str(&list.part("sessions").expect("a list")).expect("JSON");
    assert_eq!(sessions.len(), 2);
    for session in sessions {
        let active = session["lastActiveAt"].as_i64().expect("a time");
        let made = session["createdAt"].as_i64().expect("a time");
        let is_phone = session["handle"] == *phone.handle;
        assert!(is_phone || session["handle"] == *other.handle);
        assert_eq!(active - made >= 90 * SECOND, is_phone);
        assert_eq!(session["client"]["userAgent"] == "phone 1.0", is_phone);
    }
    assert!(
        list.text()
            .contains(r#""client":{ "userAgent":"phone 1.0" }"#)
    );
    let body = format!(
        r#"{{"userId":"ada","exceptSessionHandle":"{}"}}"#,
        phone.handle
    );
    let reply = service.json("DELETE", "/session/all", body).await;
    assert_eq!(reply.part("excepted").as_deref(), Some("true"));
    assert_eq!(service.data(&other.handle).await.answer(), "UNAUTHORISED");
    assert_eq!(service.data(&phone.handle).await.answer(), "OK");
}

#[test_on(everywhere)]
async fn a_user_has_as_many_sessions_as_the_setting_says(db: Backend) {
    for (policy, statements) in [("end_oldest", 4), ("refuse", 3)] {
        let settings = [("max_sessions_per_user", "2"), ("on_session_limit", policy)];
        let service = db.service().set_all(&settings).one_instance().start().await;
        service.freeze().await;
        let mut sessions = Vec::new();
        for expected in [2, 2] {
            service.advance(SECOND).await;
            service.create("warm").await;
            service.forget_statements().await;
            sessions.push(log_in(&service, "").await);
            assert_eq!(service.statements().await, expected, "{policy}");
        }
        service.advance(SECOND).await;
        service.forget_statements().await;
        let third = service.post_session(r#"{"userId":"ada"}"#).await;
        assert_eq!(service.statements().await, statements, "{policy}");
        let first = service.data(&sessions[0].handle).await.answer();
        match policy {
            "refuse" => {
                third.expect_error(409, "too_many_sessions");
                assert_eq!(first, "OK");
            }
            _ => {
                Session::created(&third);
                assert_eq!(first, "UNAUTHORISED");
            }
        }
        assert_eq!(service.data(&sessions[1].handle).await.answer(), "OK");
    }
}

#[test_on(everywhere)]
async fn a_fresh_login_is_a_new_session_and_the_old_tokens_are_good_for_nothing(db: Backend) {
    let claims = ("access_token_authentication_claims", "true");
    let service = db.service().set_all(&[claims]).one_instance().start().await;
    service.freeze().await;
    let fields =
        r#","jwtPayload":{"a":1.0},"sessionData":[1e400],"authentication":{"methods":["pwd"]}"#;
    let old = log_in(&service, fields).await;
    service.advance(400 * SECOND).await;
    let check = async |session: &Session, age: u64| {
        let body = format!(
            r#"{{"accessToken":"{}","idRefreshToken":"x","maxAuthenticationAge":{age}}}"#,
            session.access.value
        );
        service.json("PUT", "/session", body).await
    };
    service.forget_statements().await;
    for (age, answer) in [(400, "OK"), (399, "REAUTHENTICATE")] {
        let reply = check(&old, age).await;
        assert_eq!(reply.answer(), answer);
        assert_eq!(reply.part("authenticationChecked").as_deref(), Some("true"));
    }
    assert_eq!(service.statements().await, 0);
    service.data(&old.handle).await;
    service.forget_statements().await;
    let again = |session: &Session| {
        format!(
            r#"{{"accessToken":"{}","idRefreshToken":"x","authentication":{{"methods":["pwd","otp"],"level":"2"}}}}"#,
            session.access.value
        )
    };
    let path = "/session/authentication";
    let reply = service.json("PUT", path, again(&old)).await;
    // Read all, insert, and a delete's two.
    assert_eq!(service.statements().await, 4);
    let new = Session::created(&reply);
    assert_ne!(new.handle, old.handle);
    assert_eq!(check(&new, 0).await.answer(), "OK");
    assert_eq!(
        reply.part("session.jwtPayload").as_deref(),
        Some(r#"{"a":1.0}"#)
    );
    let data = service.data(&new.handle).await;
    assert_eq!(data.part("sessionData").as_deref(), Some("[1e400]"));
    service
        .refresh(&old.refresh.value)
        .await
        .expect(200, REFUSED);
    let once_more = service.json("PUT", path, again(&old)).await;
    assert_eq!(once_more.answer(), "UNAUTHORISED");
    let nobody = r#"{"accessToken":"x","idRefreshToken":"x","authentication":{}}"#;
    let refused = service.json("PUT", path, nobody).await;
    assert_eq!(refused.answer(), "TRY_REFRESH_TOKEN");
}
