//! Access tokens: what passes, what does not, and that nothing else can be made of one.

use super::*;
use crate::domain::secret::{Random, testing::SeededRandom};

const NOW: Timestamp = Timestamp::from_secs(1_700_000_000);

fn claims() -> AccessClaims {
    AccessClaims {
        user_id: UserId::parse("bob").unwrap(),
        handle: SessionHandle::generate(&SeededRandom::new(1)),
        issued_at: NOW,
        expires_at: Timestamp::from_secs(1_700_003_600),
        refresh: SingleHash::of_token("child").double(),
        parent: Some(SingleHash::of_token("parent")),
        anti_csrf: None,
        key: None,
        optional: OptionalClaims::default(),
        payload: Json::parse(r#"{"a": 1.0, "a": null}"#.to_owned()),
    }
}

fn key(kid: &str, seed: u64) -> AccessKey {
    let random: &dyn Random = &SeededRandom::new(seed);
    AccessKey::new(kid.to_owned(), &random.bytes::<32>())
}

fn verify(token: &str, key: &AccessKey, now: Timestamp) -> Result<AccessClaims, AccessTokenError> {
    let find = |class, name: &str| {
        (class == Class::Dynamic && name == key.kid()).then(|| Arc::new(key.clone()))
    };
    AccessClaims::verify(token, Protocol::Native, now, find).map(|(claims, _)| claims)
}

fn header(name: &str) -> String {
    let mut text = String::new();
    Header {
        algorithm: Algorithm::Hs256,
        form: TokenFormat::Native,
        name,
    }
    .write(&mut text);
    text
}

fn sign(claims: &AccessClaims, key: &AccessKey) -> String {
    claims.sign(key, Algorithm::Hs256, TokenFormat::Native)
}

/// A token with our signature over any claims.
fn forge(key: &AccessKey, claims: &[u8]) -> String {
    let message = format!("{}.{}", header(key.kid()), URL_SAFE_NO_PAD.encode(claims));
    let signature = key.sign(Algorithm::Hs256, message.as_bytes());
    format!("{message}.{signature}")
}

#[test]
fn a_token_says_what_was_put_into_it() {
    let key = key("1", 1);
    assert_eq!(verify(&sign(&claims(), &key), &key, NOW), Ok(claims()));
    let bare = AccessClaims {
        parent: None,
        payload: None,
        ..claims()
    };
    assert_eq!(verify(&sign(&bare, &key), &key, NOW), Ok(bare));
    let null = AccessClaims {
        payload: Json::parse("null".to_owned()),
        ..claims()
    };
    assert_eq!(verify(&sign(&null, &key), &key, NOW), Ok(null));
    let full = AccessClaims {
        optional: OptionalClaims {
            issuer: Some("https://us.example/\"".to_owned()),
            audience: Some(String::new()),
            authentication: Authentication::of(NOW, vec!["pwd".to_owned()], Some("2".to_owned()))
                .ok(),
        },
        ..claims()
    };
    assert_eq!(verify(&sign(&full, &key), &key, NOW), Ok(full));
}

/// What nobody writes: parts of a statement, an empty list, words that are too long.
#[test]
fn claims_about_the_authentication_are_all_there_or_none() {
    let key = key("1", 1);
    let text = String::from_utf8(shape::native::write(&claims())).unwrap();
    let with = |members: &str| {
        let text = format!("{},{members}}}", text.strip_suffix('}').unwrap());
        verify(&forge(&key, text.as_bytes()), &key, NOW).is_ok()
    };
    assert!(with(r#""auth_time":1"#) && with(r#""auth_time":1,"amr":["otp"],"acr":"2""#));
    let long = format!(r#""auth_time":1,"amr":["{}"]"#, "x".repeat(33));
    for strange in [
        r#""acr":"2""#,
        r#""amr":["otp"]"#,
        r#""auth_time":null"#,
        r#""auth_time":-1"#,
        r#""auth_time":1,"amr":[]"#,
        r#""auth_time":1,"amr":"otp""#,
        r#""aud":["site"]"#,
        &long,
    ] {
        assert!(!with(strange), "{strange}");
    }
}

#[test]
fn a_claim_counts_where_its_setting_is_set() {
    let named = |issuer: Option<&str>, audience: Option<&str>| {
        let optional = OptionalClaims {
            issuer: issuer.map(str::to_owned),
            audience: audience.map(str::to_owned),
            authentication: None,
        };
        AccessClaims {
            optional,
            ..claims()
        }
    };
    for (claims, issuer, audience, expected) in [
        (named(None, None), Some("a"), Some("b"), Ok(())),
        (named(Some("a"), Some("b")), None, None, Ok(())),
        (named(Some("a"), Some("b")), Some("a"), Some("b"), Ok(())),
        (
            named(Some("A"), None),
            Some("a"),
            None,
            Err(AccessTokenError::WrongIssuer),
        ),
        (
            named(None, Some("")),
            None,
            Some("b"),
            Err(AccessTokenError::WrongAudience),
        ),
    ] {
        assert_eq!(claims.check_names(issuer, audience), expected);
    }
}

#[test]
fn tf5_times_are_checked() {
    let (key, token) = (key("1", 1), sign(&claims(), &key("1", 1)));
    let at = |secs: u64| verify(&token, &key, Timestamp::from_secs(1_700_000_000 + secs));
    assert!(at(3599).is_ok());
    assert_eq!(at(3600), Err(AccessTokenError::Expired));
    let earlier = |secs: u64| verify(&token, &key, Timestamp::from_secs(1_700_000_000 - secs));
    assert!(earlier(60).is_ok());
    assert_eq!(earlier(61), Err(AccessTokenError::IssuedInFuture));
}

#[test]
fn tf3_only_the_original_passes() {
    let key = key("1", 1);
    let token = sign(&claims(), &key);
    for i in 0..token.len() {
        for bit in 0..7 {
            let mut bytes = token.clone().into_bytes();
            bytes[i] ^= 1 << bit;
            let changed = String::from_utf8(bytes).unwrap();
            assert!(verify(&changed, &key, NOW).is_err(), "byte {i}, bit {bit}");
        }
    }
    for changed in [
        format!("{token}="),
        format!("{token}."),
        format!(".{token}"),
        format!(" {token}"),
        token.replacen('.', "..", 1),
        token[..token.rfind('.').unwrap()].to_owned(),
        String::new(),
    ] {
        assert!(verify(&changed, &key, NOW).is_err(), "{changed}");
    }
}

#[test]
fn tf1_tf2_a_key_is_found_by_its_exact_header_only() {
    let (ours, other) = (key("1", 1), key("2", 2));
    let token = sign(&claims(), &other);
    assert_eq!(
        verify(&token, &ours, NOW),
        Err(AccessTokenError::UnknownKey("2".to_owned()))
    );
    let swapped = token.replacen(&header("2"), &header("1"), 1);
    assert_eq!(
        verify(&swapped, &ours, NOW),
        Err(AccessTokenError::WrongSignature)
    );
    let rest = token.split_once('.').unwrap().1;
    for header in [
        r#"{"alg":"none","typ":"JWT","kid":"1"}"#,
        r#"{"alg":"HS384","typ":"JWT","kid":"1"}"#,
        r#"{"alg":"HS256","typ":"JWT"}"#,
        r#"{"alg":"HS256","typ":"JWT","kid":["1"]}"#,
        r#"{"alg":"HS256","typ":"JWT","kid":"1","crit":["exp"]}"#,
        r#"{"alg":"HS256","typ":"JWT","kid":"' OR 1=1"}"#,
        r#"{"alg":"HS256","typ":"JWT","kid":""}"#,
        r#"{"alg":"EdDSA","typ":"JWT","kid":"1"}"#,
        r#"{"alg":"EdDSA","typ":"JWT","kid":"1-es"}"#,
    ] {
        let token = format!("{}.{rest}", URL_SAFE_NO_PAD.encode(header));
        assert_eq!(
            verify(&token, &ours, NOW),
            Err(AccessTokenError::Malformed),
            "{header}"
        );
    }
}

#[test]
fn tf7_signed_claims_of_another_shape_are_refused() {
    let key = key("1", 1);
    let good = String::from_utf8(
        URL_SAFE_NO_PAD
            .decode(sign(&claims(), &key).split('.').nth(1).unwrap())
            .unwrap(),
    )
    .unwrap();
    assert!(verify(&forge(&key, good.as_bytes()), &key, NOW).is_ok());
    let deep = format!(r#","userPayload":{}}}"#, "[".repeat(100_000));
    for (from, to) in [
        ("\"exp\":1700003600", "\"exp\":\"1700003600\""),
        ("\"exp\":1700003600", "\"exp\":1e400"),
        ("\"exp\":1700003600,", ""),
        ("\"sub\":\"bob\"", "\"sub\":\"bob\",\"sub\":\"eve\""),
        ("\"sub\":\"bob\"", "\"sub\":\"\""),
        ("\"sub\":\"bob\"", "\"sub\":\"bob\",\"admin\":true"),
        ("\"prt\":\"", "\"prt\":null,\"x\":\""),
        (",\"userPayload\":{\"a\": 1.0, \"a\": null}}", &deep),
    ] {
        assert!(good.contains(from), "{from}");
        let token = forge(&key, good.replacen(from, to, 1).as_bytes());
        assert_eq!(
            verify(&token, &key, NOW),
            Err(AccessTokenError::WrongClaims),
            "{to:.60}"
        );
    }
    assert_eq!(
        verify(&forge(&key, b"\xff"), &key, NOW),
        Err(AccessTokenError::WrongClaims)
    );
}

/// Every algorithm, form and class: a token is read as what it is, and as nothing else.
#[test]
fn tf1_a_token_passes_for_its_protocol_class_and_algorithm_only() {
    use super::super::header::{CdiFormat, CdiTokenVersion};
    let key = key("1", 1);
    let cdi = |version, class| TokenFormat::Cdi(CdiFormat { version, class });
    let forms = [
        TokenFormat::Native,
        cdi(CdiTokenVersion::V4, Class::Dynamic),
        cdi(CdiTokenVersion::V5, Class::Dynamic),
        cdi(CdiTokenVersion::V5, Class::Static),
    ];
    let mut tokens = Vec::new();
    for algorithm in Algorithm::ALL {
        for form in forms {
            let claims = AccessClaims {
                handle: claims().handle.for_protocol(form.protocol()),
                ..claims()
            };
            let token = claims.sign(&key, algorithm, form);
            for protocol in [Protocol::Native, Protocol::Cdi] {
                let find = |class, name: &str| {
                    let found = class == form.class() && name == "1";
                    found.then(|| Arc::new(key.clone()))
                };
                let answer = AccessClaims::verify(&token, protocol, NOW, find);
                let expected = match protocol == form.protocol() {
                    true => Ok((claims.clone(), form)),
                    false => Err(AccessTokenError::Malformed),
                };
                assert_eq!(answer, expected, "{algorithm:?}, {form:?}");
            }
            tokens.push((algorithm, form, token));
        }
    }
    // The header of one with the claims and the signature of another.
    for (_, form, token) in &tokens {
        for (_, of, other) in &tokens {
            let header = token.split('.').next().unwrap();
            let mixed = format!("{header}.{}", other.split_once('.').unwrap().1);
            if mixed == *other {
                continue;
            }
            let find = |_, _: &str| Some(Arc::new(key.clone()));
            let answer = AccessClaims::verify(&mixed, form.protocol(), NOW, find);
            let refused = matches!(
                answer,
                Err(AccessTokenError::WrongSignature | AccessTokenError::Malformed)
            );
            assert!(refused, "{form:?} with {of:?}: {answer:?}");
        }
    }
}

/// The public key is known to everybody; as the secret of HS256 it must be worth nothing (RFC 8725 §2.1).
#[test]
fn a_public_key_signs_nothing() {
    use super::super::key::PublicKey;
    let key = key("1", 1);
    let Some(PublicKey::Ed25519 { x }) = key.public(Algorithm::EdDsa) else {
        panic!("it has another kind of key");
    };
    let jwk = format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{x}"}}"#);
    for secret in [
        x.as_bytes(),
        &URL_SAFE_NO_PAD.decode(&x).unwrap(),
        jwk.as_bytes(),
    ] {
        let forger = AccessKey::new("1".to_owned(), secret);
        for algorithm in Algorithm::ALL {
            let forged = claims().sign(&forger, algorithm, TokenFormat::Native);
            assert_eq!(
                verify(&forged, &key, NOW),
                Err(AccessTokenError::WrongSignature)
            );
        }
    }
}
