//! Text that is meant to hurt a database or a log: it comes back byte for byte, or is refused. Shapes of requests, which
//! no database sees, are tested in `src/api/tests`.

use session_tests::prelude::*;

/// Creates a session with this user, and this JSON as payload and data; looks at them wherever they can be seen.
async fn comes_back(service: &Service, user: &str, json: &str) -> Session {
    let body = format!(
        r#"{{"userId":{},"jwtPayload":{json},"sessionData":{json}}}"#,
        quote(user)
    );
    let created = service.post_session(body).await;
    let session = Session::created(&created);
    let verified = service.verify(&session.access.value).await;
    let refreshed = service.refresh(&session.refresh.value).await;
    for reply in [created, verified, refreshed] {
        assert_eq!(reply.string("session.userId"), user);
        assert_eq!(reply.part("session.jwtPayload").as_deref(), Some(json));
    }
    let read = service.data(&session.handle).await;
    assert_eq!(read.part("sessionData").as_deref(), Some(json));
    session
}

#[test_on(everywhere)]
async fn in2_in3_texts_of_every_kind_come_back_byte_for_byte(db: Backend) {
    let service = db.service().start().await;
    let largest = [
        quote(&"x".repeat(65_533)),
        format!(r#""{}xxxxx""#, "🦀".repeat(16_382)),
    ];
    let deep = format!("{}{}", "[".repeat(32_000), "]".repeat(32_000));
    let any = r#"null|-0|1.0|1e400|-1E-400|9007199254740993|""|"\ud800"|"Zoë 👩‍🚀 \u00e9 \ud83d\ude00 \/ \" \\ \b"|[ 1 ,	2
,3 ]|{"twice":1,"twice":2,"__proto__":{"admin":true},"":0}"#;
    let any = any.split('|').chain([&*deep, &largest[0], &largest[1]]);
    for json in any {
        comes_back(&service, "ada", json).await;
    }
    let (x, crabs) = ("x".repeat(128), "🦀".repeat(128));
    for user in [
        "a\0b",
        " ada ",
        "\tada",
        "\u{feff}ada",
        "e\u{301}",
        "\u{7f}",
        &x,
        &crabs,
    ] {
        comes_back(&service, user, "{}").await;
    }
    let mut random = Random::new();
    for _ in 0..50 {
        let length = 1 + random.below(128);
        let user = random.text(length);
        let json = format!(
            "{{{}:[{}]}}",
            quote(&random.text(9)),
            quote(&random.text(300))
        );
        comes_back(&service, &user, &json).await;
    }
    let rows = service.tables().session_count().await;
    let too_long = [
        ("userId", "🦀".repeat(129)),
        ("sessionData", "x".repeat(65_535)),
    ];
    for (field, text) in too_long {
        let reply = service
            .post_session(format!(r#"{{"userId":"a","{field}":"{text}"}}"#))
            .await;
        assert_eq!(reply.status, 400, "{reply:?}");
    }
    assert_eq!(service.tables().session_count().await, rows);
    // A NUL ends no text.
    let with = service.create("a\0b").await;
    service.revoke_all("a").await;
    assert_eq!(service.data(&with.handle).await.answer(), "OK");
}

#[test_on(everywhere)]
async fn in6_metacharacters_are_stored_literally(db: Backend) {
    let service = db.service().start().await;
    let texts = [
        "'; DROP TABLE refresh_tokens; --",
        "\\'; DELETE FROM signing_key; #",
        "%00%27 %s %n {} {0} ${jndi:ldap://x} $(id) `id`",
        "a\r\nset-cookie: a=b\r\n\r\n<script>",
        "? ?? :a @a $1",
        "\u{1a}\u{b}\u{2028}",
    ];
    for text in texts {
        let json = quote(text);
        let session = comes_back(&service, text, &json).await;
        let row = service.tables().session(&session.handle).await;
        let row = row.expect("it is stored");
        assert_eq!(row.user_id, text);
        assert_eq!(row.session_info.as_deref(), Some(&*json));
        let written = service.write_data(text, &json).await;
        written.expect(200, UNAUTHORISED);
        service.verify(text).await.expect(200, TRY_REFRESH_TOKEN);
        service.refresh(text).await.expect(200, REFUSED);
        let deleted = service.revoke(text).await.part("deletedAnyEntry");
        assert_eq!(deleted.as_deref(), Some("false"));
    }
    assert_eq!(service.tables().session_count().await, texts.len() as i64);
    for text in texts {
        service.revoke_all(text).await;
    }
    assert_eq!(service.tables().session_count().await, 0);
}
