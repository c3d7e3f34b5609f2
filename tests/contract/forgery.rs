//! Access tokens with another header, signature, spelling or key than the service's. Those with other
//! claims are in `forged_claims`, refresh tokens in `rotation`.

use std::time::Duration;

use futures::StreamExt;
use session_tests::forge::base64url;
use session_tests::prelude::*;

/// A session, its access token taken apart, and the key that signed it.
pub(crate) async fn signed(service: &Service) -> (Session, Jwt, Vec<u8>) {
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
    futures::stream::iter(tokens)
        .map(check)
        .buffer_unordered(16)
        .collect::<Vec<()>>()
        .await;
}

#[test_on(everywhere)]
async fn tf1_no_algorithm_but_hs256(db: Backend) {
    let service = db.service().start().await;
    let (session, token, key) = signed(&service).await;
    // Signing by hand works: the same claims with the right header and key are accepted.
    assert_eq!(service.verify(&token.sign(&key)).await.answer(), "OK");

    let row = service.tables().session(&session.handle).await;
    let child = token
        .clone()
        .claim("prt", sha256_hex(&session.refresh.value))
        .claim("rt", sha256_hex(&sha256_hex("stolen")));
    let algorithms = [
        r#""none""#,
        r#""NONE""#,
        r#""None""#,
        r#""HS384""#,
        r#""HS512""#,
        r#""RS256""#,
        r#""ES256""#,
        r#""EdDSA""#,
        r#""PS256""#,
        r#""hs256""#,
        r#""HS256 ""#,
        r#""""#,
        "null",
        r#"["HS256"]"#,
        "256",
    ];
    let kid = token.kid();
    let mut forged = Vec::new();
    for token in [token, child] {
        for algorithm in algorithms {
            let header = format!(r#"{{"alg":{algorithm},"typ":"JWT","kid":"{kid}"}}"#);
            let genuine = token.clone().header(&header).sign(&key);
            let unsigned = &genuine[..=genuine.rfind('.').expect("a JWS has dots")];
            forged.push(unsigned.to_owned());
            forged.push(format!("{unsigned}{}", base64url(&[0; 32])));
            forged.push(token.clone().header(&header).sign(b""));
            forged.push(genuine);
        }
        let genuine = token.sign(&key);
        forged.push(genuine[..=genuine.rfind('.').expect("a JWS has dots")].to_owned());
        forged.push(token.sign(b""));
        forged.push(
            token
                .clone()
                .header(&format!(r#"{{"typ":"JWT","kid":"{kid}"}}"#))
                .sign(&key),
        );
    }
    refused(&service, forged).await;
    assert_eq!(service.tables().session(&session.handle).await, row);
}

#[test_on(everywhere)]
async fn tf2_kid_is_a_lookup_nothing_else(db: Backend) {
    let service = db.service().start().await;
    let (_, token, key) = signed(&service).await;
    let kid = token.kid();
    let attacker = b"a key that the attacker knows: 32 bytes";
    let header = |kid: &str| format!(r#"{{"alg":"HS256","typ":"JWT","kid":{kid}}}"#);
    let long = quote(&"1".repeat(64 * 1024));
    let kids = [
        r#""""#,
        r#""0""#,
        r#""-1""#,
        r#"" 1""#,
        r#""01""#,
        r#""1 ""#,
        r#""+1""#,
        r#""1.0""#,
        r#""999999""#,
        r#""4294967297""#,
        r#""18446744073709551617""#,
        r#""refresh_token_key""#,
        r#""access_token_signing_key.1""#,
        r#""1' OR '1'='1""#,
        r#""1; DROP TABLE signing_key""#,
        r#""../../../dev/null""#,
        r#""/dev/null""#,
        r#""file:///dev/null""#,
        r#""\u0000""#,
        "1",
        "null",
        "true",
        "1.0",
        r#"["1"]"#,
        r#"{"1":"1"}"#,
        &long,
    ];
    let mut forged = Vec::new();
    for other in kids {
        if other != format!("\"{kid}\"") {
            forged.push(token.clone().header(&header(other)).sign(&key));
            forged.push(token.clone().header(&header(other)).sign(b""));
        }
    }
    let jwk = format!(r#"{{"kty":"oct","k":"{}"}}"#, base64url(attacker));
    for parameter in [
        r#""jku":"http://127.0.0.1/keys""#.to_owned(),
        r#""x5u":"http://127.0.0.1/keys""#.to_owned(),
        r#""x5c":["AAAA"]"#.to_owned(),
        format!(r#""jwk":{jwk}"#),
    ] {
        let header = format!(r#"{{"alg":"HS256","typ":"JWT","kid":"{kid}",{parameter}}}"#);
        forged.push(token.clone().header(&header).sign(attacker));
    }
    // RFC 7515 §4.1.11: extensions that are not understood make a signature invalid.
    let header = format!(r#"{{"alg":"HS256","typ":"JWT","kid":"{kid}","crit":["exp"],"exp":1}}"#);
    forged.push(token.clone().header(&header).sign(&key));
    forged.push(
        token
            .clone()
            .header(r#"{"alg":"HS256","typ":"JWT"}"#)
            .sign(attacker),
    );
    refused(&service, forged).await;
    service.assert_no_traps().await;
    assert_eq!(service.verify(&token.sign(&key)).await.answer(), "OK");
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
async fn tf2_a_key_that_another_process_made_is_found(db: Backend) {
    let service = db.service().one_instance().start().await;
    let now = service.freeze().await;
    let (_, token, _) = signed(&service).await;
    let key = base64url(&[7; 32]);
    let sql = "INSERT INTO signing_key VALUES ('access_token_signing_key.2', ?, ?)";
    service.tables().query(sql, &[&key, &now.to_string()]).await;
    let by_it = token
        .header(r#"{"alg":"HS256","typ":"JWT","kid":"2"}"#)
        .sign(&[7; 32]);

    // The pause between two looks is on the monotonic clock, which no test can move.
    let mut refusals = 0;
    loop {
        match &*service.verify(&by_it).await.answer() {
            "OK" => break,
            answer => assert_eq!(answer, "TRY_REFRESH_TOKEN"),
        }
        refusals += 1;
        assert!(refusals < 70, "the key was not looked for");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(
        refusals > 30,
        "looked for again after {refusals} tenths of a second"
    );
}

#[test_on(everywhere)]
async fn tf3_no_bit_of_an_access_token_can_change(db: Backend) {
    let service = db.service().start().await;
    let session = service.create("ada").await;
    let token = session.access.value.as_bytes();
    let flipped = (0..token.len() * 8).map(|bit| {
        let mut changed = token.to_vec();
        changed[bit / 8] ^= 1 << (bit % 8);
        // The eighth bit of a character makes it another one of Latin-1.
        changed.into_iter().map(char::from).collect::<String>()
    });
    refused(&service, flipped).await;
    assert_eq!(service.verify(&session.access.value).await.answer(), "OK");
}

#[test_on(everywhere)]
async fn tf3_no_other_spelling_of_an_access_token(db: Backend) {
    let service = db.service().start().await;
    let session = service.create("ada").await;
    let token = &session.access.value;
    let [header, claims, mac]: [&str; 3] = token
        .split('.')
        .collect::<Vec<_>>()
        .try_into()
        .expect("a JWS has three parts");
    let mut forged = vec![
        format!("{header}.{claims}"),
        format!("{header}.{claims}."),
        format!("{header}..{mac}"),
        format!(".{claims}.{mac}"),
        format!("{token}."),
        format!(".{token}"),
        format!("{token}.{mac}"),
        format!("{header}.{claims}.{mac}.{mac}.{mac}"),
        format!("{header}.{claims}.{mac}="),
        format!("{header}=.{claims}.{mac}"),
        format!("{header}.{claims}==.{mac}"),
        format!("{header}.{claims}.{mac}A"),
        format!("{header}.{claims}.{}", &mac[..42]),
        format!(" {token}"),
        format!("{token} "),
        format!("{token}\n"),
        format!("{token}\0"),
        format!("Bearer {token}"),
        format!("{header}. {claims}.{mac}"),
        token.to_lowercase(),
        token.to_uppercase(),
    ];
    // The last of 43 characters carries two bits that decode to nothing.
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let last = mac.chars().last().expect("a MAC is not empty");
    let others = alphabet.chars().filter(|other| *other != last);
    forged.extend(others.map(|other| format!("{header}.{claims}.{}{other}", &mac[..42])));
    // The same bytes in the other alphabet of base64.
    let standard = token.replace('-', "+").replace('_', "/");
    if standard != *token {
        forged.push(standard);
    }
    refused(&service, forged).await;
    assert_eq!(service.verify(token).await.answer(), "OK");
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
