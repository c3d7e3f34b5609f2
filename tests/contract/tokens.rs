//! What access tokens hold, and how hard tokens and keys are to guess.

use std::collections::HashSet;

use serde_json::{Value, json};
use session_tests::forge::from_base64url;
use session_tests::prelude::*;

#[test_on(everywhere)]
async fn an_access_token_is_a_jwt_that_names_a_parent_until_it_is_confirmed(db: Backend) {
    let service = db.frozen(&[]).await;
    let now = service.now() / SECOND;
    let parent = service.create_with_payload("ada", "1.0").await;
    service.advance(MINUTE).await;
    let child = service.child(&parent).await;
    service.advance(MINUTE).await;
    let confirmed = service.expect_good(&child).await;
    let confirmed = Token::read(&confirmed, "newAccessToken");
    assert_eq!(confirmed.expires, child.access.expires);

    let kid = service.tables().signing_keys().await[0].kid().to_owned();
    let key = service.tables().signing_key(&kid).await.bytes();
    let expected = |of: &Session, age: i64| {
        let rt = sha256_hex(&sha256_hex(&of.refresh.value));
        json!({"sub": "ada", "sid": parent.handle, "iat": now + age, "exp": of.access.expires / SECOND, "rt": rt,
               "userPayload": 1.0})
    };
    let mut unconfirmed = expected(&child, 60);
    unconfirmed["prt"] = sha256_hex(&parent.refresh.value).into();
    for (token, claims) in [
        (&parent.access.value, expected(&parent, 0)),
        (&child.access.value, unconfirmed),
        (&confirmed.value, expected(&child, 60)),
    ] {
        let parsed = Jwt::parse(token);
        let header: Value = serde_json::from_str(&parsed.header).expect("the header is JSON");
        assert_eq!(header, json!({"alg": "HS256", "typ": "JWT", "kid": kid}));
        assert_eq!(parsed.claims, claims);
        let text = Jwt::claims_text(token);
        assert_eq!(sign(&parsed.header, text.as_bytes(), &key), *token);
    }
}

#[test_on(everywhere)]
async fn tf9_handles_and_tokens_have_at_least_128_random_bits(db: Backend) {
    let count = if db == Backend::Sqlite {
        100_000
    } else {
        1_500
    };
    let service = db.service().of_many_requests().start().await;
    check_randomness(&sessions(&service, count).await);
}

/// So many sessions, from several clients.
async fn sessions(service: &Service, count: usize) -> Vec<Session> {
    const CLIENTS: usize = 8;
    let client = |_| {
        let client = service.another_client();
        async move {
            let mut sessions = Vec::new();
            for _ in 0..count.div_ceil(CLIENTS) {
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
