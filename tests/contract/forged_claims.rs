//! Access tokens whose signature is right and whose claims are not, and tokens of one kind in the place of
//! another.

use serde_json::json;
use session_tests::prelude::*;

use crate::forgery::{refused, signed};

#[test_on(everywhere)]
async fn tf5_times_are_checked(db: Backend) {
    let service = db.service().start().await;
    let now = service.freeze().await / SECOND;
    let (_, token, key) = signed(&service).await;
    let mut forged = vec![token.clone().without("exp"), token.clone().without("iat")];
    for time in [
        json!("9999999999"),
        json!(null),
        json!(true),
        json!([now + 9]),
        json!({}),
    ] {
        forged.push(token.clone().claim("exp", time.clone()));
        forged.push(token.clone().claim("iat", time));
    }
    for exp in [now, now - 1, now - 60, now - 3600, 0, -1, i64::MIN] {
        forged.push(token.clone().claim("exp", exp));
    }
    for iat in [now + 61, now + 3600, i64::MAX] {
        forged.push(token.clone().claim("iat", iat).claim("exp", now + 7200));
    }
    refused(&service, forged.iter().map(|token| token.sign(&key))).await;

    let claims = token.claims.to_string();
    let spelled = [
        "1e400",
        "-1e400",
        "99999999999999999999",
        "1e999999",
        "NaN",
        "\"\"",
    ];
    let spelled = spelled.map(|exp| {
        let exp_now = format!("\"exp\":{}", token.seconds("exp"));
        let changed = claims.replace(&exp_now, &format!("\"exp\":{exp}"));
        assert_ne!(changed, claims);
        sign(&token.header, changed.as_bytes(), &key)
    });
    refused(&service, spelled).await;

    // Clocks may differ by a minute.
    for iat in [now + 60, now + 30, now - 30] {
        let skewed = token
            .clone()
            .claim("iat", iat)
            .claim("exp", now + 3600)
            .sign(&key);
        assert_eq!(
            service.verify(&skewed).await.answer(),
            "OK",
            "iat {}",
            iat - now
        );
    }
    let session = service.create("ada").await;
    service.advance(3600 * SECOND - 1).await;
    assert_eq!(service.verify(&session.access.value).await.answer(), "OK");
    service.advance(1).await;
    refused(&service, [session.access.value]).await;
}

#[test_on(everywhere)]
async fn tf6_kinds_of_tokens_are_not_interchangeable(db: Backend) {
    let service = db.service().start().await;
    let parent = service.create("ada").await;
    let child = Session::refreshed(&service.refresh(&parent.refresh.value).await);
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
        let reply = service.refresh(&other).await;
        assert_eq!(reply.answer(), "UNAUTHORISED");
        assert_eq!(
            reply.part("sessionTheftDetected.value").as_deref(),
            Some("false")
        );
    }
    for other in [
        &row.session_handle_hash_1,
        &parent.id.value,
        &parent.refresh.value,
    ] {
        service.data(other).await.expect(200, UNAUTHORISED);
        assert_eq!(
            service
                .revoke(other)
                .await
                .part("deletedAnyEntry")
                .as_deref(),
            Some("false")
        );
    }
    assert_eq!(service.tables().session(&parent.handle).await, Some(row));

    // A JWT about something else, with the right key: no access token of ours lacks these claims.
    let token = Jwt::parse(&parent.access.value);
    let key = service.tables().signing_key(&token.kid()).await.bytes();
    let incomplete = ["sub", "sid", "rt", "iat", "exp"].map(|claim| {
        let incomplete = token.clone().without(claim);
        incomplete.sign(&key)
    });
    refused(&service, incomplete).await;
}

#[test_on(everywhere)]
async fn tf7_signed_nonsense_is_refused_or_exact(db: Backend) {
    let service = db.service().start().await;
    let (_, token, key) = signed(&service).await;
    let claims = token.claims.to_string();
    let inner = &claims[1..claims.len() - 1];
    let deep = "[".repeat(100_000);
    let nonsense: Vec<Vec<u8>> = vec![
        b"".into(),
        b"null".into(),
        b"[]".into(),
        b"{}".into(),
        b"\"ada\"".into(),
        format!("{{{inner}").into(),
        format!("{{{inner}}}}}").into(),
        format!("{{{inner}}} x").into(),
        format!("[{claims}]").into(),
        format!("{{{inner},\"sub\":\"eve\"}}").into(),
        format!("{{{inner},\"exp\":9999999999}}").into(),
        format!("{{\"userPayload\":{deep},{inner}}}").into(),
        format!("{{\"unknown\":{deep},{inner}}}").into(),
        format!("{{{inner},\"userPayload\":{deep}").into(),
        deep.clone().into(),
        [b"{\"userPayload\":\"\xff\xfe\",", inner.as_bytes(), b"}"].concat(),
        [b"{\"unknown\":\"\xc3\x28\",", inner.as_bytes(), b"}"].concat(),
        claims.replace("\"ada\"", "\"a\0b\"").into(),
        claims.replace("\"ada\"", "[\"ada\"]").into(),
        claims.replace("\"ada\"", "\"\"").into(),
        claims.replace("\"ada\"", "\"\\ud800\"").into(),
        claims.replace("\"ada\"", "7").into(),
    ];
    refused(
        &service,
        nonsense
            .iter()
            .map(|claims| sign(&token.header, claims, &key)),
    )
    .await;

    let header = token.header.replace("HS256", "HS256\",\"alg\":\"none");
    refused(&service, [sign(&header, claims.as_bytes(), &key)]).await;
    for header in ["", "null", "[]", "\u{feff}{}", "{", &deep] {
        refused(&service, [sign(header, claims.as_bytes(), &key)]).await;
    }

    let exact = [
        r#""\u0000""#.to_owned(),
        r#"{"a":1,"a":2}"#.to_owned(),
        format!("{}{}", "[".repeat(30_000), "]".repeat(30_000)),
        quote(&"x".repeat(65_533)),
    ];
    for payload in exact {
        let claims = format!("{{\"userPayload\":{payload},{inner}}}");
        let forged = sign(&token.header, claims.as_bytes(), &key);
        let started = std::time::Instant::now();
        let reply = service.verify(&forged).await;
        assert!(
            started.elapsed().as_millis() < 1_000,
            "{:?}",
            started.elapsed()
        );
        if reply.answer() == "OK" {
            assert!(
                reply.part("session.jwtPayload") == Some(payload),
                "not exact"
            );
        }
    }
    let large = sign(&token.header, &vec![b'['; 1 << 20], &key);
    let body = format!(r#"{{"accessToken":"{large}","idRefreshToken":"id"}}"#);
    service.expect_cut_off("PUT", "/session", body).await;
    service.assert_no_traps().await;
}
