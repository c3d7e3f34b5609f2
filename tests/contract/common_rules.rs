//! What holds for every endpoint: how strings are read and how replies look. Paths, methods, content
//! types and bodies are in `http`.

use session_tests::prelude::*;

#[test_on(everywhere)]
async fn every_reply_is_json_of_a_known_length(db: Backend) {
    let service = db.service().start().await;
    let session = service.create("ada").await;
    let mut replies = vec![
        service.post_session(r#"{"userId":"ada"}"#).await,
        service.verify(&session.access.value).await,
        service.verify("x").await,
        service.refresh(&session.refresh.value).await,
        service.refresh("x").await,
        service.data(&session.handle).await,
        service.data("x").await,
        service.write_data(&session.handle, "1").await,
        service.revoke(&session.handle).await,
        service.revoke_all("ada").await,
        service.post_session("{}").await,
        service.send("GET", "/", &[], "").await,
        service.send("GET", "/refresh", &[], "").await,
        service
            .send("POST", "/session", &[("content-type", "text/plain")], "{}")
            .await,
        service.post_session(vec![b' '; 262_145]).await,
    ];
    service.database_away().await;
    replies.push(service.data(&session.handle).await);

    let statuses: Vec<u16> = replies.iter().map(|reply| reply.status).collect();
    let expected = [
        200, 200, 200, 200, 200, 200, 200, 200, 200, 200, 400, 404, 405, 415, 413, 503,
    ];
    assert_eq!(statuses, expected);
    for reply in replies {
        assert_eq!(
            reply.header("content-type"),
            "application/json",
            "{reply:?}"
        );
        assert_eq!(
            reply.header("content-length"),
            reply.body.len().to_string(),
            "{reply:?}"
        );
        assert_eq!(reply.header("transfer-encoding"), "", "{reply:?}");
    }
}

#[test_on(everywhere)]
async fn every_refusal_of_a_kind_has_the_same_text(db: Backend) {
    let service = db.service().start().await;
    service.freeze().await;
    let parent = service.create("ada").await;
    let gone = service.create("ada").await;
    let gone_child = Session::refreshed(&service.refresh(&gone.refresh.value).await);
    service.revoke(&gone.handle).await;
    let child = Session::refreshed(&service.refresh(&parent.refresh.value).await);
    service.advance(30 * SECOND).await;
    let sibling = Session::refreshed(&service.refresh(&parent.refresh.value).await);
    service.verify(&child.access.value).await;

    let unauthorised = [
        service.json("PUT", "/session", "{}").await,
        service.json("PUT", "/refresh", "{}").await,
        service.verify(&gone_child.access.value).await,
        service.refresh("x").await,
        service.refresh(&gone.refresh.value).await,
        service.refresh(&parent.refresh.value).await,
        service.refresh(&sibling.refresh.value).await,
        service.data("x").await,
        service.write_data(&gone.handle, "1").await,
    ];
    for reply in &unauthorised {
        assert_eq!(reply.answer(), "UNAUTHORISED");
        assert_eq!(reply.string("message"), unauthorised[0].string("message"));
    }

    service.advance(2 * HOUR).await;
    let try_refresh_token = [
        service.verify("x").await,
        service.verify(&parent.refresh.value).await,
        service.verify(&parent.access.value).await,
        service.verify(&sibling.access.value).await,
    ];
    for reply in &try_refresh_token {
        assert_eq!(reply.answer(), "TRY_REFRESH_TOKEN");
        assert_eq!(reply.body, try_refresh_token[0].body);
    }
}

#[test_on(everywhere)]
async fn unknown_fields_are_ignored(db: Backend) {
    let service = db.shared().await;
    let extra = r#""unknown":{"a":[1e999]},"user_id":1,"":null"#;
    let body = format!(r#"{{{extra},"userId":"ada","sessionData":1}}"#);
    let session = Session::created(&service.post_session(body).await);
    let handle = quote(&session.handle);
    let requests = [
        (
            "PUT",
            "/session",
            format!(r#""accessToken":{}"#, quote(&session.access.value)),
        ),
        (
            "PUT",
            "/refresh",
            format!(r#""refreshToken":{}"#, quote(&session.refresh.value)),
        ),
        (
            "PUT",
            "/session/data",
            format!(r#""sessionHandle":{handle},"sessionData":2"#),
        ),
        ("DELETE", "/session", format!(r#""sessionHandle":{handle}"#)),
        ("DELETE", "/session/all", r#""userId":"nobody""#.to_owned()),
    ];
    for (method, path, fields) in requests {
        let body = format!(r#"{{{extra},{fields},"idRefreshToken":"id"}}"#);
        let reply = service.json(method, path, body).await;
        assert_eq!(reply.answer(), "OK", "{method} {path}");
    }
}

#[test_on(everywhere)]
async fn strings_are_taken_byte_for_byte(db: Backend) {
    let service = db.shared().await;
    for user in [
        " ada ",
        "\tada",
        "ADA",
        "\u{feff}ada",
        "e\u{301}",
        "é",
        "a\u{0}b",
        "\u{7f}",
    ] {
        let session = service.create(user).await;
        assert_eq!(session.user, user);
        assert_eq!(
            service
                .verify(&session.access.value)
                .await
                .string("session.userId"),
            user
        );
        let row = service
            .tables()
            .session(&session.handle)
            .await
            .expect("it is stored");
        assert_eq!(row.user_id, user);
    }
    let session = service.create("ada").await;
    for changed in [
        format!(" {}", session.handle),
        format!("{}\n", session.handle),
        session.handle.to_lowercase(),
        session.handle.to_uppercase(),
    ] {
        if changed != session.handle {
            service
                .write_data(&changed, "1")
                .await
                .expect(200, UNAUTHORISED);
        }
    }
    for token in [
        format!(" {}", session.access.value),
        format!("{}\n", session.access.value),
    ] {
        service.verify(&token).await.expect(200, TRY_REFRESH_TOKEN);
    }
    for token in [
        format!(" {}", session.refresh.value),
        format!("{}\n", session.refresh.value),
    ] {
        assert_eq!(service.refresh(&token).await.answer(), "UNAUTHORISED");
    }
}

#[test_on(everywhere)]
async fn a_database_that_is_away_is_503_with_retry_after(db: Backend) {
    let service = db.service().start().await;
    let session = service.create("ada").await;
    let child = Session::refreshed(&service.refresh(&session.refresh.value).await);
    service.database_away().await;
    for reply in [
        service.post_session(r#"{"userId":"ada"}"#).await,
        service.verify(&child.access.value).await,
        service.refresh(&child.refresh.value).await,
        service.revoke(&session.handle).await,
        service.revoke_all("ada").await,
        service.data(&session.handle).await,
        service.write_data(&session.handle, "1").await,
    ] {
        let reply = reply.expect_error(503, "database_unavailable");
        let seconds: u32 = reply
            .header("retry-after")
            .parse()
            .expect("Retry-After is seconds");
        assert!((1..=60).contains(&seconds), "Retry-After: {seconds}");
    }
    let check = service.verify(&session.access.value).await;
    match service.keeps_keys() {
        true => assert_eq!(check.answer(), "OK"),
        false => drop(check.expect_error(503, "database_unavailable")),
    }

    service.database_back().await;
    assert_eq!(service.verify(&child.access.value).await.answer(), "OK");
}
