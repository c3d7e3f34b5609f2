//! Input that is meant to hurt: Unicode, nesting, injection.

use session_tests::prelude::*;

#[test_on(everywhere)]
async fn in3_nul_is_a_character_like_any_other(db: Backend) {
    let service = db.service().start().await;
    let with = Session::created(&service.post_session(r#"{"userId":"a\u0000b"}"#).await);
    let without = service.create("a").await;
    assert_eq!(with.user, "a\0b");
    assert_eq!(
        service
            .refresh(&with.refresh.value)
            .await
            .string("session.userId"),
        "a\0b"
    );
    service.revoke_all("a").await;
    assert_eq!(service.data(&without.handle).await.answer(), "UNAUTHORISED");
    assert_eq!(service.data(&with.handle).await.answer(), "OK");
    service.revoke_all("a\0b").await;
    assert_eq!(service.data(&with.handle).await.answer(), "UNAUTHORISED");
}

#[test_on(everywhere)]
async fn in3_a_lone_surrogate_is_no_string_but_passes_inside_data(db: Backend) {
    let service = db.shared().await;
    for surrogate in [r#""\ud800""#, r#""\udc00""#, r#""\ud800\u0041""#] {
        let reply = service
            .post_session(format!(r#"{{"userId":{surrogate}}}"#))
            .await;
        reply.expect_error(400, "invalid_input");

        let body =
            format!(r#"{{"userId":"ada","jwtPayload":{surrogate},"sessionData":[{surrogate}]}}"#);
        let created = service.post_session(body).await;
        assert_eq!(
            created.part("session.jwtPayload").as_deref(),
            Some(surrogate)
        );
        let session = Session::created(&created);
        let verified = service.verify(&session.access.value).await;
        assert_eq!(
            verified.part("session.jwtPayload").as_deref(),
            Some(surrogate)
        );
        let read = service.data(&session.handle).await;
        assert_eq!(read.part("sessionData"), Some(format!("[{surrogate}]")));
    }
}

#[test_on(everywhere)]
async fn in3_a_field_sent_twice_is_400(db: Backend) {
    let service = db.shared().await;
    for body in [
        r#"{"userId":"ada","userId":"bob"}"#,
        r#"{"userId":"ada","\u0075serId":"bob"}"#,
        r#"{"userId":"ada","jwtPayload":1,"jwtPayload":1}"#,
        r#"{"userId":"ada","sessionData":1,"sessionData":2}"#,
    ] {
        service
            .post_session(body)
            .await
            .expect_error(400, "invalid_input");
    }
}

#[test_on(everywhere)]
async fn in3_random_unicode_comes_back(db: Backend) {
    let service = db.shared().await;
    let mut random = Random::new();
    for _ in 0..50 {
        let length = 1 + random.below(128);
        let user = random.text(length);
        let json = format!(
            r#"{{{}:[{}]}}"#,
            quote(&random.text(9)),
            quote(&random.text(300))
        );
        let body = format!(
            r#"{{"userId":{},"jwtPayload":{json},"sessionData":{json}}}"#,
            quote(&user)
        );
        let session = Session::created(&service.post_session(body).await);
        assert_eq!(session.user, user);
        let verified = service.verify(&session.access.value).await;
        assert_eq!(verified.string("session.userId"), user);
        assert_eq!(verified.part("session.jwtPayload").as_deref(), Some(&*json));
        let refreshed = service.refresh(&session.refresh.value).await;
        assert_eq!(refreshed.string("session.userId"), user);
        assert_eq!(
            refreshed.part("session.jwtPayload").as_deref(),
            Some(&*json)
        );
        let read = service.data(&session.handle).await;
        assert_eq!(read.part("sessionData").as_deref(), Some(&*json));
    }
}

#[test_on(everywhere)]
async fn in4_deep_nesting_is_exact_or_400(db: Backend) {
    let service = db.service().start().await;
    let deep = format!("{}{}", "[".repeat(32_000), "]".repeat(32_000));
    let objects = format!("{}1{}", r#"{"a":"#.repeat(10_000), "}".repeat(10_000));
    for json in [&deep, &objects] {
        for field in ["jwtPayload", "sessionData"] {
            let reply = service
                .post_session(format!(r#"{{"userId":"ada","{field}":{json}}}"#))
                .await;
            if reply.status == 400 {
                reply.expect_error(400, "invalid_input");
                continue;
            }
            let session = Session::created(&reply);
            let kept = match field {
                "jwtPayload" => service
                    .verify(&session.access.value)
                    .await
                    .part("session.jwtPayload"),
                _ => service.data(&session.handle).await.part("sessionData"),
            };
            assert!(kept.as_ref() == Some(json), "{field} is not what was sent");
        }
    }
    let unclosed = "[".repeat(262_144);
    let nested = [
        unclosed.clone(),
        format!(r#"{{"userId":{}"#, &unclosed[..200_000]),
        format!(r#"{{"unknown":{}"#, &unclosed[..200_000]),
        r#"{"a":"#.repeat(50_000),
    ];
    for body in nested {
        service
            .post_session(body.clone())
            .await
            .expect_error(400, "invalid_input");
        service
            .json("PUT", "/session", body)
            .await
            .expect_error(400, "invalid_input");
    }
    // Past the ceiling of a body it is that ceiling which answers.
    let brackets = "[".repeat(1_000_000);
    service.expect_cut_off("POST", "/session", brackets).await;
    service.assert_no_traps().await;
}

#[test_on(everywhere)]
async fn in6_metacharacters_are_stored_literally(db: Backend) {
    let service = db.service().start().await;
    let texts = [
        "' OR 1=1 -- ",
        "'; DROP TABLE refresh_tokens; --",
        "\\'; DELETE FROM signing_key; #",
        "\" UNION SELECT key_value FROM signing_key /*",
        "%00%27 %s %n {} {0} ${jndi:ldap://x} $(id) `id`",
        "a\r\nset-cookie: a=b\r\n\r\n<script>",
        "?",
        "??",
        ":a",
        "@a",
        "$1",
        "\u{1a}",
        "\u{b}",
        "\u{2028}",
    ];
    for text in texts {
        let json = quote(text);
        let body = format!(r#"{{"userId":{json},"jwtPayload":{json},"sessionData":{json}}}"#);
        let created = service.post_session(body).await;
        assert_eq!(created.header("set-cookie"), "");
        let session = Session::created(&created);
        assert_eq!(session.user, text);
        let row = service
            .tables()
            .session(&session.handle)
            .await
            .expect("it is stored");
        assert_eq!(row.user_id, text);
        assert_eq!(row.session_info.as_deref(), Some(&*json));
        assert_eq!(row.jwt_user_payload.as_deref(), Some(&*json));

        service
            .write_data(text, &json)
            .await
            .expect(200, UNAUTHORISED);
        service.verify(text).await.expect(200, TRY_REFRESH_TOKEN);
        assert_eq!(service.refresh(text).await.answer(), "UNAUTHORISED");
        assert_eq!(
            service
                .revoke(text)
                .await
                .part("deletedAnyEntry")
                .as_deref(),
            Some("false")
        );
    }
    assert_eq!(service.tables().session_count().await, texts.len() as i64);
    for text in texts {
        service.revoke_all(text).await;
    }
    assert_eq!(service.tables().session_count().await, 0);
}

#[test_on(everywhere)]
async fn in6_a_line_break_forges_no_log_line(db: Backend) {
    let service = db.service().start().await;
    service.freeze().await;
    for line_break in ["\n", "\r\n", "\r", "\u{85}", "\u{2028}", "\u{1b}[2K\n"] {
        let text = format!("ada{line_break}FORGED LINE");
        let session = service.create(&text).await;
        let child = Session::refreshed(&service.refresh(&session.refresh.value).await);
        service.verify(&child.access.value).await;
        // Theft is what is most likely to be logged with a name; within the slot it would be a race.
        service.advance(11 * SECOND).await;
        let theft = service.refresh(&session.refresh.value).await;
        assert_eq!(theft.string("sessionTheftDetected.session.userId"), text);
        service.refresh(&text).await;
        service.verify(&text).await;
        service.data(&text.replace(line_break, "%0A")).await;
        let headers = [
            ("content-type", "application/json"),
            ("user-agent", "FORGED LINE"),
        ];
        service
            .send("POST", "/session", &headers, quote(&text))
            .await;
        service.send("GET", "/ada%0AFORGED%20LINE", &[], "").await;
    }
    // The log is complete when the last line that a test can ask for is there.
    service.create("ada").await;
    service.database_away().await;
    service.post_session(r#"{"userId":"last"}"#).await;
    service.expect_logged(&["request_failed"]).await;
    let log = service.log();
    let breaks = |c: char| matches!(c, '\n' | '\r' | '\u{85}' | '\u{2028}');
    let forged = log.split(breaks).find(|line| line.starts_with("FORGED"));
    assert_eq!(forged, None, "{log}");
}
