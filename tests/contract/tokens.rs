//! What the tokens hold, how long they live, and how hard they are to guess.

use std::collections::HashSet;

use serde_json::{Value, json};
use session_tests::forge::from_base64url;
use session_tests::prelude::*;

#[test_on(everywhere)]
async fn an_access_token_is_a_standard_jwt(db: Backend) {
    let service = db.service().start().await;
    let now = service.freeze().await / SECOND;
    let session = service.create("ada").await;
    let token = Jwt::parse(&session.access.value);
    let kid = service.tables().signing_keys().await[0].kid().to_owned();
    let header: Value = serde_json::from_str(&token.header).expect("the header is JSON");
    assert_eq!(header, json!({"alg": "HS256", "typ": "JWT", "kid": kid}));
    assert_eq!(
        token.claims,
        json!({
            "sub": "ada",
            "sid": session.handle,
            "iat": now,
            "exp": now + 3600,
            "rt": sha256_hex(&sha256_hex(&session.refresh.value)),
        })
    );
    let key = service.tables().signing_key(&kid).await.bytes();
    let claims = Jwt::claims_text(&session.access.value);
    assert_eq!(
        sign(&token.header, claims.as_bytes(), &key),
        session.access.value
    );
}

#[test_on(everywhere)]
async fn a_childs_access_token_names_its_parent_until_it_is_confirmed(db: Backend) {
    let service = db.service().start().await;
    let now = service.freeze().await / SECOND;
    let parent = service.create("ada").await;
    service.advance(MINUTE).await;
    let child = Session::refreshed(&service.refresh(&parent.refresh.value).await);
    // Drawn among the last tenth of the hour, TH9.
    let exp = child.access.expires / SECOND;
    assert!((now + 3300..=now + 3660).contains(&exp), "{exp}");
    assert_eq!(
        Jwt::parse(&child.access.value).claims,
        json!({
            "sub": "ada",
            "sid": parent.handle,
            "iat": now + 60,
            "exp": exp,
            "rt": sha256_hex(&sha256_hex(&child.refresh.value)),
            "prt": sha256_hex(&parent.refresh.value),
        })
    );

    service.advance(MINUTE).await;
    let confirmed = Token::read(&service.verify(&child.access.value).await, "newAccessToken");
    assert_eq!(confirmed.expires, child.access.expires);
    assert_eq!(
        Jwt::parse(&confirmed.value).claims,
        json!({
            "sub": "ada",
            "sid": parent.handle,
            "iat": now + 60,
            "exp": exp,
            "rt": sha256_hex(&sha256_hex(&child.refresh.value)),
        })
    );
    let reply = service.verify(&confirmed.value).await;
    assert_eq!(reply.answer(), "OK");
    assert_eq!(reply.part("newAccessToken"), None);
}

#[test_on(everywhere)]
async fn the_payload_is_a_claim_byte_for_byte_and_only_if_it_was_sent(db: Backend) {
    let service = db.shared().await;
    for payload in [
        r#"{ "n" : 1.0 , "big":1e400,"é":"\u00e9" }"#,
        "null",
        "9007199254740993",
    ] {
        let parent = service.create_with_payload("ada", payload).await;
        let child = Session::refreshed(&service.refresh(&parent.refresh.value).await);
        let replaced = service
            .verify(&child.access.value)
            .await
            .string("newAccessToken.value");
        for token in [&parent.access.value, &child.access.value, &replaced] {
            let claims = Jwt::claims_text(token);
            let kept = session_tests::json::at(&claims, "userPayload");
            assert_eq!(kept.as_deref(), Some(payload), "{claims}");
        }
    }
    let session = service.create("ada").await;
    assert_eq!(
        Jwt::parse(&session.access.value).claims.get("userPayload"),
        None
    );
}

#[test_on(everywhere)]
async fn validities_are_as_configured(db: Backend) {
    let service = db
        .service()
        .set("access_token_validity", 10)
        .set("refresh_token_validity", 1)
        .start()
        .await;
    let now = service.freeze().await;
    let session = service.create("ada").await;
    assert_eq!(session.access.expires, now + 10 * SECOND);
    assert_eq!(session.refresh.expires, now + HOUR);
    let token = Jwt::parse(&session.access.value);
    assert_eq!(token.seconds("exp") - token.seconds("iat"), 10);

    // Expiry does not fall on a whole second when the issue did not; no token outlives its `expires`.
    service.advance(777).await;
    let session = service.create("ada").await;
    let exp = Jwt::parse(&session.access.value).seconds("exp") * SECOND;
    assert!(
        (exp..exp + SECOND).contains(&session.access.expires),
        "{exp} {session:?}"
    );

    let by_default = db.service().start().await;
    let now = by_default.freeze().await;
    let session = by_default.create("ada").await;
    assert_eq!(session.access.expires, now + HOUR);
    assert_eq!(session.refresh.expires, now + 2400 * HOUR);
}

#[test_on(everywhere)]
async fn a_refresh_token_is_short_and_names_no_user(db: Backend) {
    let service = db.shared().await;
    let user = "🦀 somebody with a long name ".repeat(4);
    let body = format!(
        r#"{{"userId":{},"jwtPayload":"{1}","sessionData":"{1}"}}"#,
        quote(&user),
        "p".repeat(60_000)
    );
    let first = Session::created(&service.post_session(body).await);
    let second = Session::refreshed(&service.refresh(&first.refresh.value).await);
    let third = Session::refreshed(&service.refresh(&second.refresh.value).await);
    for token in [first, second, third].map(|session| session.refresh.value) {
        assert!(token.len() <= 400, "{} characters", token.len());
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_.~".contains(c);
        assert!(token.chars().all(plain), "{token}");
        for part in token.split('.') {
            let readable = String::from_utf8_lossy(&from_base64url(part)).into_owned();
            assert!(
                !readable.contains("somebody") && !readable.contains("pppp"),
                "{readable}"
            );
        }
    }
}

#[test_on(everywhere)]
async fn the_id_refresh_token_lives_as_long_as_the_refresh_token(db: Backend) {
    let service = db.shared().await;
    let parent = service.create("ada").await;
    let child = Session::refreshed(&service.refresh(&parent.refresh.value).await);
    assert_eq!(parent.id.expires, parent.refresh.expires);
    assert_eq!(child.id.expires, child.refresh.expires);
}

#[test_on(everywhere)]
async fn tf9_handles_and_tokens_have_at_least_128_random_bits(db: Backend) {
    let service = db.service().start().await;
    service.freeze().await;
    check_randomness(&sessions(&service, 1_500).await);
}

#[test_on(sqlite)]
async fn tf9_100000_handles_and_tokens_have_at_least_128_random_bits(db: Backend) {
    let service = db.service().of_many_requests().start().await;
    service.freeze().await;
    check_randomness(&sessions(&service, 100_000).await);
}

/// So many sessions, from several clients.
async fn sessions(service: &Service, count: usize) -> Vec<Session> {
    const CLIENTS: usize = 50;
    let client = |_| {
        let client = service.another_client();
        async move {
            let mut sessions = Vec::new();
            for _ in 0..count / CLIENTS {
                sessions.push(client.create("ada").await);
            }
            sessions
        }
    };
    futures::future::join_all((0..CLIENTS).map(client))
        .await
        .concat()
}

#[track_caller]
fn check_randomness(sessions: &[Session]) {
    let handles: Vec<&str> = sessions.iter().map(|session| &*session.handle).collect();
    let refresh: Vec<&str> = sessions
        .iter()
        .map(|session| &*session.refresh.value)
        .collect();
    let id: Vec<&str> = sessions.iter().map(|session| &*session.id.value).collect();
    for tokens in [handles, refresh, id] {
        let different: HashSet<&&str> = tokens.iter().collect();
        assert_eq!(different.len(), tokens.len());
        assert!(balanced_bits(&tokens) >= 128, "{}", tokens[0]);
    }
}

/// In how many positions a bit of the tokens is 1 about half the time. With 1,500 tokens a random
/// bit is outside 40 to 60 % once in 10^14 positions.
fn balanced_bits(tokens: &[&str]) -> usize {
    let decoded: Vec<Vec<u8>> = tokens
        .iter()
        .map(|token| token.split('.').flat_map(from_base64url).collect())
        .collect();
    let shortest = decoded.iter().map(Vec::len).min().unwrap_or(0);
    let ones = |position: usize| {
        decoded
            .iter()
            .filter(|bytes| bytes[position / 8] >> (position % 8) & 1 == 1)
            .count()
    };
    let balanced = |position: &usize| {
        let share = ones(*position) as f64 / tokens.len() as f64;
        (0.4..0.6).contains(&share)
    };
    (0..shortest * 8).filter(balanced).count()
}

#[test_on(everywhere)]
async fn tf9_keys_have_256_random_bits(db: Backend) {
    let mut values = HashSet::new();
    for _ in 0..2 {
        let service = db.service().start().await;
        service.create("ada").await;
        let keys = service.tables().key_rows().await;
        assert_eq!(keys.len(), 2, "{keys:?}");
        for key in keys {
            assert_eq!(key.bytes().len(), 32);
            assert!(values.insert(key.key_value), "a key appears twice");
        }
    }
}
