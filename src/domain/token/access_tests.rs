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
        payload: Json::parse(r#"{"a": 1.0, "a": null}"#.to_owned()),
    }
}

fn key(kid: &str, seed: u64) -> AccessKey {
    let random: &dyn Random = &SeededRandom::new(seed);
    AccessKey::new(kid.to_owned(), &random.bytes::<32>())
}

fn verify(token: &str, key: &AccessKey, now: Timestamp) -> Result<AccessClaims, AccessTokenError> {
    AccessClaims::verify(token, now, |kid| {
        (kid == key.kid()).then(|| Arc::new(key.clone()))
    })
}

/// A token with our signature over any claims.
fn forge(key: &AccessKey, claims: &[u8]) -> String {
    let message = format!("{}.{}", key.header, URL_SAFE_NO_PAD.encode(claims));
    let signature = crypto::sign(message.as_bytes(), &key.encoding, Algorithm::HS256).unwrap();
    format!("{message}.{signature}")
}

#[test]
fn a_token_says_what_was_put_into_it() {
    let key = key("1", 1);
    assert_eq!(verify(&claims().sign(&key), &key, NOW), Ok(claims()));
    let bare = AccessClaims {
        parent: None,
        payload: None,
        ..claims()
    };
    assert_eq!(verify(&bare.sign(&key), &key, NOW), Ok(bare));
    let null = AccessClaims {
        payload: Json::parse("null".to_owned()),
        ..claims()
    };
    assert_eq!(verify(&null.sign(&key), &key, NOW), Ok(null));
}

#[test]
fn times_are_checked() {
    let (key, token) = (key("1", 1), claims().sign(&key("1", 1)));
    let at = |secs: u64| verify(&token, &key, Timestamp::from_secs(1_700_000_000 + secs));
    assert!(at(3599).is_ok());
    assert_eq!(at(3600), Err(AccessTokenError::Expired));
    let earlier = |secs: u64| verify(&token, &key, Timestamp::from_secs(1_700_000_000 - secs));
    assert!(earlier(60).is_ok());
    assert_eq!(earlier(61), Err(AccessTokenError::IssuedInFuture));
}

#[test]
fn only_the_original_passes() {
    let key = key("1", 1);
    let token = claims().sign(&key);
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
fn a_key_is_found_by_its_exact_header_only() {
    let (ours, other) = (key("1", 1), key("2", 2));
    let token = claims().sign(&other);
    assert_eq!(
        verify(&token, &ours, NOW),
        Err(AccessTokenError::UnknownKey("2".to_owned()))
    );
    let swapped = token.replacen(&other.header, &ours.header, 1);
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
fn signed_claims_of_another_shape_are_refused() {
    let key = key("1", 1);
    let good = String::from_utf8(
        URL_SAFE_NO_PAD
            .decode(claims().sign(&key).split('.').nth(1).unwrap())
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
