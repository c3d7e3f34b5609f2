//! Whose sessions a deletion ends, and how often it says so.

use session_tests::prelude::*;

const OK: &str = r#"{"message":"[text]","status":"OK"}"#;

#[test_on(everywhere)]
async fn rv2_of_64_deletes_at_once_exactly_one_deletes(db: Backend) {
    let service = db.service().start().await;
    let elsewhere = service.place().service().start().await;
    elsewhere.data("x").await;
    for _ in 0..5 {
        let session = service.create("ada").await;
        let deletes = (0..64).map(|n| {
            let process = if n % 2 == 0 { &service } else { &elsewhere };
            process.revoke(&session.handle)
        });
        let replies = futures::future::join_all(deletes).await;
        let deleted = replies.iter().filter(|reply| {
            assert_eq!(reply.answer(), "OK");
            reply.part("deletedAnyEntry").as_deref() == Some("true")
        });
        assert_eq!(deleted.count(), 1);
    }
}

#[test_on(everywhere)]
async fn rv3_users_are_told_apart_byte_by_byte(db: Backend) {
    let service = db.service().start().await;
    let users = "Bob|bob|bób|bo\u{301}b|bob | bob|bob\t|bob\\|b%b|b_b|böb|ß|ss|İ|i|ı|ﬁ|fi|🦀|🦁|1|01|1.0|1e0";
    let users: Vec<_> = users.split('|').collect();
    let mut sessions = Vec::new();
    for user in &users {
        let session = service.create(user).await;
        assert_eq!(session.user, *user);
        sessions.push(session);
    }
    for (deleted, user) in users.iter().enumerate() {
        service.revoke_all(user).await.expect(200, OK);
        assert_eq!(
            service.data(&sessions[deleted].handle).await.answer(),
            "UNAUTHORISED"
        );
        for alive in &sessions[deleted + 1..] {
            let reply = service.data(&alive.handle).await;
            assert_eq!(
                reply.answer(),
                "OK",
                "deleting {user:?} deleted {:?}",
                alive.user
            );
        }
    }
}

#[test_on(everywhere)]
async fn rv3_a_user_with_100000_sessions(db: Backend) {
    let service = db.service().one_instance().start().await;
    let other = service.create("bob").await;
    let tables = service.tables();
    // Rows 0 to 99,999 from the digits of the row's number.
    let digits = "(SELECT 0 n UNION SELECT 1 UNION SELECT 2 UNION SELECT 3 UNION SELECT 4 UNION \
                  SELECT 5 UNION SELECT 6 UNION SELECT 7 UNION SELECT 8 UNION SELECT 9)";
    let number = "a.n + 10 * b.n + 100 * c.n + 1000 * d.n + 10000 * e.n";
    let hash = match db {
        Backend::Sqlite => format!("printf('%064d', {number})"),
        _ => format!("LPAD({number}, 64, '0')"),
    };
    let sql = format!(
        "INSERT INTO refresh_tokens (session_handle_hash_1, user_id, refresh_token_hash_2, \
         expires_at, generation, created_at) \
         SELECT {hash}, 'ada', {hash}, 9999999999999, 0, 1 FROM \
         {digits} a, {digits} b, {digits} c, {digits} d, {digits} e"
    );
    tables.query(&sql, &[]).await;
    assert_eq!(tables.session_count().await, 100_001);

    service.forget_statements().await;
    service.revoke_all("ada").await.expect(200, OK);
    let statements = service.statements().await;
    assert!(
        (10..=210).contains(&statements),
        "{statements} statements for 100,000 sessions"
    );
    assert_eq!(tables.session_count().await, 1);
    assert_eq!(service.data(&other.handle).await.answer(), "OK");
}

/// What backends read that check access tokens by themselves, the same on every database.
#[test_on(everywhere)]
async fn revocations_can_be_followed(db: Backend) {
    let service = db.service().start().await;
    service.freeze().await;
    let gone = service.create("ada").await;
    service.create("ada").await;
    let read = async |query: &str| {
        let path = format!("/session/revocations{query}");
        let reply = service.send("GET", &path, &[], "").await;
        assert_eq!(reply.answer(), "OK");
        (reply.part("revocations"), reply.number("now"))
    };
    assert_eq!(read("").await.0.as_deref(), Some("[]"));
    assert_eq!(service.revoke(&gone.handle).await.answer(), "OK");
    let (revoked, now) = read("").await;
    let revoked = revoked.expect("a page of revocations");
    let hash = sha256_hex(&gone.handle);
    assert!(revoked.contains(&format!(r#""sessionHandleHash":"{hash}""#)));
    assert!(revoked.contains(r#""reason":"signed_out""#));
    assert_eq!(revoked.matches("until").count(), 1, "{revoked}");
    // So far back each read begins.
    service.advance(75 * SECOND).await;
    assert_eq!(read(&format!("?since={now}")).await.0, Some(revoked));
    service.advance(SECOND).await;
    let (_, later) = read("").await;
    assert_eq!(
        read(&format!("?since={later}")).await.0.as_deref(),
        Some("[]")
    );
}
