//! Tokens that the service did not make, through HTTP: each is refused and changes nothing. What a parser takes for what
//! is tried exhaustively natively, in `src/core/domain/token/*/tests.rs` and `dev/fuzz`.

use futures::StreamExt;
use session_tests::forge::base64url;
use session_tests::prelude::*;

/// A session, its access token taken apart, and the key that signed it.
async fn signed(service: &Service) -> (Session, Jwt, Vec<u8>) {
    let session = service.create("ada").await;
    let token = Jwt::parse(&session.access.value);
    let key = service.tables().signing_key(&token.kid()).await.bytes();
    (session, token, key)
}

pub(crate) async fn refused(service: &Service, tokens: impl IntoIterator<Item = String>) {
    let check = |token: String| async move {
        let reply = service.verify(&token).await;
        assert!(
            reply.status == 200 && reply.string("status") == "TRY_REFRESH_TOKEN",
            "{reply:?} for {token:.2000}"
        );
    };
    let checks = futures::stream::iter(tokens).map(check);
    checks.buffer_unordered(16).collect::<Vec<()>>().await;
}

/// Headers, of which each is tried with the right signature, with one of the empty key, and without any.
fn headers(kid: &str) -> Vec<String> {
    let algorithms = r#""none" "NONE" "HS384" "RS256" "hs256" null ["HS256"]"#.split(' ');
    let algorithms = algorithms.map(|alg| format!(r#"{{"alg":{alg},"typ":"JWT","kid":"{kid}"}}"#));
    let mut headers: Vec<String> = algorithms.collect();
    let kids = r#"""|"0"|"01"|"1 "|"+1"|"4294967297"|"refresh_token_key"|"1' OR '1'='1"|"../../dev/null"|"\u0000"|1|["1"]"#;
    let long = quote(&"1".repeat(64 * 1024));
    let kids = kids.split('|').chain([&*long]);
    headers.extend(kids.map(|kid| format!(r#"{{"alg":"HS256","typ":"JWT","kid":{kid}}}"#)));
    // RFC 7515 §4.1.11: extensions that are not understood make a signature invalid.
    let parameters = [
        r#""crit":["exp"],"exp":1"#,
        r#""jku":"http://127.0.0.1/keys""#,
        r#""x5u":"http://127.0.0.1/keys""#,
        r#""jwk":{"kty":"oct","k":"AAAA"}"#,
        r#""alg":"none""#,
    ];
    let with = |more| format!(r#"{{"alg":"HS256","typ":"JWT","kid":"{kid}",{more}}}"#);
    headers.extend(parameters.map(with));
    headers.extend(["", "null", "[]", "{", r#"{"typ":"JWT"}"#].map(str::to_owned));
    headers
}

/// Signed nonsense in place of claims.
fn claims(good: &Jwt, now: i64) -> Vec<Vec<u8>> {
    let text = good.claims.to_string();
    let inner = &text[1..text.len() - 1];
    let deep = "[".repeat(100_000);
    let mut all: Vec<Vec<u8>> = vec![
        b"".into(),
        b"null".into(),
        b"{}".into(),
        format!("{{{inner}").into(),
        format!("{{{inner}}} x").into(),
        format!("{{{inner},\"sub\":\"eve\"}}").into(),
        format!("{{\"unknown\":{deep},{inner}}}").into(),
        deep.into(),
        [b"{\"userPayload\":\"\xff\xfe\",", inner.as_bytes(), b"}"].concat(),
        text.replace("\"ada\"", "\"\\ud800\"").into(),
    ];
    let exp = format!("\"exp\":{}", good.seconds("exp"));
    for wrong in [
        "1e400",
        "\"9999999999\"",
        "null",
        "99999999999999999999",
        "0",
        "-1",
    ] {
        all.push(text.replace(&exp, &format!("\"exp\":{wrong}")).into());
    }
    let mut edited: Vec<Jwt> = ["sub", "sid", "rt", "iat", "exp"]
        .map(|claim| good.clone().without(claim))
        .into();
    edited.extend([now, now - 1].map(|exp| good.clone().claim("exp", exp)));
    edited.extend([now + 61, i64::MAX].map(|iat| good.clone().claim("iat", iat)));
    all.extend(edited.iter().map(|jwt| jwt.claims.to_string().into_bytes()));
    all
}

/// The token in other spellings, and with one bit of each of its characters flipped.
fn spellings(token: &str) -> Vec<String> {
    let (message, mac) = token.rsplit_once('.').expect("a JWS has dots");
    let (header, claims) = message.split_once('.').expect("a JWS has three parts");
    let mut all = vec![
        message.to_owned(),
        format!("{message}."),
        format!("{header}..{mac}"),
        format!("{token}."),
        format!("{token}.{mac}"),
        format!("{token}="),
        format!("{header}=.{claims}.{mac}"),
        format!("{token}A"),
        format!(" {token}"),
        format!("{token}\n"),
        format!("Bearer {token}"),
        token.to_lowercase(),
    ];
    // The last of 43 characters carries two bits that decode to nothing.
    let last = mac.chars().last();
    let others = ('A'..='Z')
        .chain('a'..='z')
        .filter(|other| Some(*other) != last);
    all.extend(others.map(|other| format!("{message}.{}{other}", &mac[..42])));
    all.extend((0..token.len()).map(|at| {
        let mut changed = token.as_bytes().to_vec();
        changed[at] ^= 1 << (at % 7);
        changed.into_iter().map(char::from).collect()
    }));
    all
}

#[test_on(everywhere)]
async fn tf1_tf2_tf3_tf5_tf7_a_forged_access_token_is_refused_and_changes_nothing(db: Backend) {
    let service = db.frozen(&[]).await;
    let (session, token, key) = signed(&service).await;
    // Signing by hand works: the same claims with the right header and key are accepted; clocks may differ by a minute.
    let now = service.now() / SECOND;
    for iat in [now - 30, now + 60] {
        let reply = service
            .verify(&token.clone().claim("iat", iat).sign(&key))
            .await;
        assert_eq!(reply.answer(), "OK");
    }
    let row = service.tables().session(&session.handle).await;
    let child = token
        .clone()
        .claim("prt", sha256_hex(&session.refresh.value));
    let child = child.claim("rt", sha256_hex(&sha256_hex("stolen")));
    for header in headers(&token.kid()) {
        for token in [&token, &child] {
            let signed = token.clone().header(&header).sign(&key);
            let (message, _) = signed.rsplit_once('.').expect("a JWS has dots");
            let forged = [
                format!("{message}."),
                format!("{message}.{}", base64url(&[0; 32])),
                token.clone().header(&header).sign(b""),
            ];
            refused(&service, forged.into_iter().chain([signed])).await;
        }
    }
    let claims = claims(&token, now);
    refused(
        &service,
        claims
            .iter()
            .map(|claims| sign(&token.header, claims, &key)),
    )
    .await;
    refused(&service, spellings(&session.access.value)).await;
    assert_eq!(service.tables().session(&session.handle).await, row);
    service.expect_good(&session).await;
    // What is signed and strange is exact.
    let text = token.claims.to_string();
    for payload in [
        r#""\u0000""#,
        r#"{"a":1,"a":2}"#,
        &format!("{}{}", "[".repeat(30_000), "]".repeat(30_000)),
    ] {
        let claims = format!("{{\"userPayload\":{payload},{}", &text[1..]);
        let reply = service
            .verify(&sign(&token.header, claims.as_bytes(), &key))
            .await;
        assert!(
            reply.part("session.jwtPayload").as_deref() == Some(payload),
            "{payload:.20}"
        );
    }
    service.advance(HOUR - 1).await;
    service.expect_good(&session).await;
    service.advance(1).await;
    refused(&service, [session.access.value]).await;
    service.assert_no_traps().await;
}

#[test_on(everywhere)]
async fn tf2_unknown_kids_reload_the_keys_at_most_once_in_5_seconds(db: Backend) {
    let service = db.service().one_instance().start().await;
    service.freeze().await;
    let (_, token, key) = signed(&service).await;
    service.forget_statements().await;
    // One after the other: under many at once the host would make further instances, with keys of
    // their own to load.
    for n in 1_000..1_200 {
        let header = format!(r#"{{"alg":"HS256","typ":"JWT","kid":"{n}"}}"#);
        refused(&service, [token.clone().header(&header).sign(&key)]).await;
    }
    let stats = service.stats().await;
    assert_eq!(stats.instances, 0, "made in the meantime");
    assert!(
        stats.statements_run() <= 1,
        "for 200 unknown key ids: {:?}",
        stats.statements
    );
}

#[test_on(everywhere)]
async fn tf4_only_the_key_that_is_named_and_present(db: Backend) {
    let service = db
        .service()
        .set("access_token_signing_key_update_interval", 1)
        .start()
        .await;
    let start = service.freeze().await;
    let (session, token, key) = signed(&service).await;
    let other_deployment = db.service().start().await;
    let foreign = other_deployment.create("ada").await;
    refused(&service, [foreign.access.value]).await;
    refused(&other_deployment, [session.access.value.clone()]).await;

    // Live through hours until another key signs and the first one is gone.
    let mut newest = session.clone();
    for quarter in 1..=24 {
        service.freeze_at(start + quarter * 15 * MINUTE).await;
        service.tick().await;
        newest = service.create("ada").await;
    }
    let newer = Jwt::parse(&newest.access.value);
    assert_ne!(newer.kid(), token.kid());
    let keys = service.tables().signing_keys().await;
    assert!(
        keys.iter().all(|kept| kept.kid() != token.kid()),
        "{keys:?}"
    );

    let fresh = newer.clone().claim("sid", session.handle.clone());
    let mut forged = vec![
        fresh.clone().header(&token.header).sign(&key),
        fresh.sign(&key),
    ];
    for kept in &keys {
        let header = format!(r#"{{"alg":"HS256","typ":"JWT","kid":"{}"}}"#, kept.kid());
        let swapped = newer.clone().header(&header);
        let answer = service.verify(&swapped.sign(&kept.bytes())).await.answer();
        assert_eq!(answer, "OK", "signed by hand with key {}", kept.kid());
        for wrong in keys.iter().filter(|wrong| wrong.kid() != kept.kid()) {
            forged.push(swapped.sign(&wrong.bytes()));
        }
    }
    assert!(
        forged.len() > 2,
        "two keys are in the table at least: {keys:?}"
    );
    refused(&service, forged).await;
}

#[test_on(everywhere)]
async fn tf6_kinds_of_tokens_are_not_interchangeable(db: Backend) {
    let service = db.service().start().await;
    let parent = service.create("ada").await;
    let child = service.child(&parent).await;
    let row = service
        .tables()
        .session(&parent.handle)
        .await
        .expect("it is stored");
    let keys = service.tables().key_rows().await;

    let mut others = vec![
        parent.handle.clone(),
        sha256_hex(&parent.refresh.value),
        sha256_hex(&sha256_hex(&child.refresh.value)),
        row.session_handle_hash_1.clone(),
        row.refresh_token_hash_2.clone(),
        parent.id.value.clone(),
        child.id.value.clone(),
    ];
    others.extend(keys.iter().map(|key| key.key_value.clone()));

    let refresh_tokens = [parent.refresh.value.clone(), child.refresh.value.clone()];
    refused(&service, others.clone().into_iter().chain(refresh_tokens)).await;

    let access_tokens = [parent.access.value.clone(), child.access.value.clone()];
    for other in others.into_iter().chain(access_tokens) {
        service.refresh(&other).await.expect(200, REFUSED);
    }
    for other in [
        &row.session_handle_hash_1,
        &parent.id.value,
        &parent.refresh.value,
    ] {
        service.data(other).await.expect(200, UNAUTHORISED);
        let deleted = service.revoke(other).await.part("deletedAnyEntry");
        assert_eq!(deleted.as_deref(), Some("false"));
    }
    assert_eq!(service.tables().session(&parent.handle).await, Some(row));
}
