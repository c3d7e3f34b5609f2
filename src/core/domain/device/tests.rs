//! Which proofs pass, and the attacks that don't.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::challenge::{self, Purpose};
use super::dpop::{DpopProof, ProvenRequest};
use super::*;
use crate::domain::id::SessionHandle;
use crate::domain::secret::{Key, testing::SeededRandom};
use crate::domain::time::Timestamp;
use crate::domain::token::refresh::RefreshToken;
use crate::testing::Device;

const NOW: Timestamp = Timestamp::from_secs(1_700_000_000);
const URI: &str = "https://api.example/refresh";

fn dbsc_header(more: Value) -> Value {
    let mut header = json!({ "alg": "ES256", "typ": "dbsc+jwt" });
    for (name, value) in more.as_object().expect("an object") {
        header[name] = value.clone();
    }
    header
}

#[test]
fn a_thumbprint_is_that_of_rfc_7638() {
    // Made with another implementation (RFC 9449 §4.1's key, whose thumbprint §6.1 gives).
    let key = DeviceKey::from_coordinates(
        "l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs",
        "9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA",
    );
    let thumbprint = key.expect("a key").thumbprint();
    assert_eq!(
        thumbprint.encode(),
        "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"
    );
    assert_eq!(KeyThumbprint::parse(&thumbprint.encode()), Some(thumbprint));
}

#[test]
fn a_binding_is_stored_and_read() {
    for binding in [
        Binding::Unbound,
        Binding::Required,
        Binding::Bound(Device::new(1).key()),
    ] {
        assert_eq!(
            Binding::from_stored(binding.stored().as_deref()),
            Some(binding)
        );
    }
    for other in ["", "Required", &"A".repeat(85), &"A".repeat(87)] {
        assert_eq!(Binding::from_stored(Some(other)), None, "{other}");
    }
}

/// A session's refresh tokens: the first, and another session's.
fn tokens(key: &Key) -> [RefreshToken; 2] {
    [1, 2].map(|n| {
        let handle = SessionHandle::from_bytes([n; SessionHandle::BYTES]);
        RefreshToken::first(
            handle,
            false,
            NOW,
            NOW.plus(Duration::from_secs(60)),
            key,
            &SeededRandom::new(1),
        )
    })
}

#[test]
fn a_challenge_is_good_for_one_token_and_purpose() {
    let keys = [1, 2].map(|n| Key::from_bytes([n; 32]));
    let [token, other] = tokens(&keys[0]);
    let challenge = challenge::make(Purpose::Refresh, &token, NOW, &keys[1]);
    let made_at = |text: &str, purpose, token| challenge::made_at(text, purpose, token, &keys);
    assert_eq!(made_at(&challenge, Purpose::Refresh, &token), Some(NOW));
    assert_eq!(made_at(&challenge, Purpose::Bind, &token), None);
    assert_eq!(made_at(&challenge, Purpose::Refresh, &other), None);
    assert_eq!(
        challenge::made_at(&challenge, Purpose::Refresh, &token, &keys[..1]),
        None
    );
    for place in 0..challenge.len() {
        let mut forged = challenge.clone().into_bytes();
        forged[place] = if forged[place] == b'A' { b'B' } else { b'A' };
        let forged = String::from_utf8(forged).expect("ASCII");
        assert_eq!(made_at(&forged, Purpose::Refresh, &token), None, "{place}");
    }
    assert_eq!(made_at("", Purpose::Refresh, &token), None);
}

/// Every attack on a proof of a browser, as a registration and as a refresh.
#[test]
fn attacks_on_browsers_proofs_fail() {
    use ProofError::{Malformed, WrongAlgorithm, WrongKey, WrongSignature};
    let (device, thief) = (Device::new(1), Device::new(2));
    let payload = json!({ "jti": "c" });
    let with_key = |key: Value| device.sign(&dbsc_header(json!({ "jwk": key })), &payload);
    let jwk = |more: Value| {
        let mut jwk = device.jwk();
        for (name, value) in more.as_object().expect("an object") {
            jwk[name] = value.clone();
        }
        jwk
    };
    let algorithm = |name: &str| {
        device.sign(
            &dbsc_header(json!({ "alg": name, "jwk": device.jwk() })),
            &payload,
        )
    };
    let good = device.registration("c");
    let (message, _) = good.rsplit_once('.').expect("three parts");
    let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
    let not_on_the_curve = URL_SAFE_NO_PAD.encode([1; 32]);
    let huge = "A".repeat(65_536);
    let attacks = [
        (
            "alg none, unsigned",
            format!(
                "{}.{}.",
                part(r#"{"alg":"none","typ":"dbsc+jwt"}"#),
                part("{}")
            ),
            WrongAlgorithm,
        ),
        ("alg none", algorithm("none"), WrongAlgorithm),
        ("alg HS256", algorithm("HS256"), WrongAlgorithm),
        ("alg RS256", algorithm("RS256"), WrongAlgorithm),
        ("no signature", format!("{message}."), Malformed),
        ("a short signature", format!("{message}.AAAA"), Malformed),
        (
            "zeros for a signature",
            format!("{message}.{}", URL_SAFE_NO_PAD.encode([0; 64])),
            WrongSignature,
        ),
        ("padding", format!("{good}="), Malformed),
        (
            "another type",
            device.sign(
                &json!({ "alg": "ES256", "typ": "JWT", "jwk": device.jwk() }),
                &payload,
            ),
            Malformed,
        ),
        (
            "crit",
            device.sign(
                &dbsc_header(json!({ "jwk": device.jwk(), "crit": ["b64"] })),
                &payload,
            ),
            Malformed,
        ),
        ("the key swapped", with_key(thief.jwk()), WrongSignature),
        (
            "not on the curve",
            with_key(jwk(json!({ "x": not_on_the_curve }))),
            WrongSignature,
        ),
        (
            "a private key",
            with_key(jwk(json!({ "d": "AA" }))),
            WrongKey,
        ),
        (
            "another curve",
            with_key(jwk(json!({ "crv": "P-384" }))),
            WrongKey,
        ),
        (
            "an RSA key",
            with_key(json!({ "kty": "RSA", "n": "AA", "e": "AQAB" })),
            WrongKey,
        ),
        (
            "a long coordinate",
            with_key(jwk(json!({ "y": "A".repeat(44) }))),
            WrongKey,
        ),
        (
            "a key of 64 KB",
            with_key(jwk(json!({ "x": huge }))),
            Malformed,
        ),
        (
            "a key that is an array",
            with_key(json!(["EC", "P-256", "AA", "AA"])),
            WrongKey,
        ),
        (
            "a header that is an array",
            device.sign(&json!(["dbsc+jwt", "ES256"]), &payload),
            Malformed,
        ),
        (
            "no challenge",
            device.sign(&dbsc_header(json!({ "jwk": device.jwk() })), &json!({})),
            Malformed,
        ),
        ("nothing", String::new(), Malformed),
    ];
    for (name, proof, error) in attacks {
        assert_eq!(dbsc::registration(&proof), Err(error), "{name}");
        // Whatever key a refresh brings along, the session's is the one that counts.
        assert!(dbsc::refresh(&proof, &thief.key()).is_err(), "{name}");
    }
    assert_eq!(
        dbsc::registration(&good),
        Ok((device.key(), "c".to_owned()))
    );
    assert_eq!(dbsc::registration(&device.proof("c")), Err(WrongKey));
    assert_eq!(
        dbsc::refresh(&device.proof("c"), &device.key()),
        Ok("c".to_owned())
    );
    assert_eq!(
        dbsc::refresh(&thief.registration("c"), &device.key()),
        Err(WrongSignature)
    );
    let dpop = device.dpop("POST", URI, 0, &json!({ "jti": "c" }));
    assert_eq!(dbsc::refresh(&dpop, &device.key()), Err(Malformed));
}

/// Every attack on a DPoP proof but those on its form, which is that of a browser's.
#[test]
fn attacks_on_dpop_proofs_fail() {
    use ProofError::{Malformed, WrongAccessToken, WrongKey, WrongRequest, WrongTime};
    let device = Device::new(1);
    let request = ProvenRequest::new("POST", URI).expect("an address");
    let verify = |proof: &str| DpopProof::verify(proof, &request, NOW);
    let secs = NOW.as_secs();
    let with = |more: Value| device.dpop("POST", URI, secs, &more);
    for (name, proof, error) in [
        (
            "another method",
            device.dpop("PUT", URI, secs, &json!({})),
            WrongRequest,
        ),
        (
            "the method in lower case",
            device.dpop("post", URI, secs, &json!({})),
            WrongRequest,
        ),
        (
            "another path",
            device.dpop("POST", "https://api.example/x", secs, &json!({})),
            WrongRequest,
        ),
        (
            "another host",
            device.dpop("POST", "https://api.example.evil/refresh", secs, &json!({})),
            WrongRequest,
        ),
        (
            "by plain HTTP",
            device.dpop("POST", "http://api.example/refresh", secs, &json!({})),
            WrongRequest,
        ),
        (
            "a user in the address",
            device.dpop("POST", "https://api.example@evil/refresh", secs, &json!({})),
            WrongRequest,
        ),
        (
            "too old",
            device.dpop("POST", URI, secs - 61, &json!({})),
            WrongTime,
        ),
        (
            "of the future",
            device.dpop("POST", URI, secs + 61, &json!({})),
            WrongTime,
        ),
        ("no time", with(json!({ "iat": null })), Malformed),
        (
            "a time as text",
            with(json!({ "iat": "1700000000" })),
            Malformed,
        ),
        ("no id", with(json!({ "jti": "" })), Malformed),
        (
            "no key",
            device.sign(&json!({ "alg": "ES256", "typ": "dpop+jwt" }), &json!({})),
            WrongKey,
        ),
        ("a browser's", device.registration("c"), Malformed),
    ] {
        assert_eq!(verify(&proof), Err(error), "{name}");
    }
    let token = "an access token";
    let proof =
        verify(&with(json!({ "nonce": "n", "ath": Device::ath(token) }))).expect("it is good");
    assert_eq!(
        (proof.key, proof.nonce.as_deref()),
        (device.key(), Some("n"))
    );
    assert_eq!(proof.check_access_token(token), Ok(()));
    assert_eq!(proof.check_access_token("another"), Err(WrongAccessToken));
    let without = verify(&with(json!({}))).expect("it is good");
    assert_eq!(without.check_access_token(token), Err(WrongAccessToken));
    for same in [
        "HTTPS://API.example:443/refresh",
        "https://api.example/refresh?a=b#c",
    ] {
        assert!(
            verify(&device.dpop("POST", same, secs, &json!({}))).is_ok(),
            "{same}"
        );
    }
    for bad in [
        "",
        "/refresh",
        "ftp://api.example/",
        "https:///refresh",
        "https://a@b/",
    ] {
        assert_eq!(ProvenRequest::new("POST", bad), None, "{bad}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// A proof says what its device signed, under its key and no other, and no byte of it can be changed.
    #[test]
    fn only_what_the_device_signed_passes(
        number in 0..4u8,
        other in 0..4u8,
        challenge in ".{0,40}",
        place in any::<prop::sample::Index>(),
        byte in prop::sample::select(b"ABab01_.".to_vec()),
    ) {
        let (device, other) = (Device::new(number), Device::new(other));
        let proof = device.proof(&challenge);
        let read = dbsc::refresh(&proof, &other.key());
        prop_assert_eq!(read.is_ok(), device.key() == other.key());
        let registration = device.registration(&challenge);
        prop_assert_eq!(dbsc::registration(&registration), Ok((device.key(), challenge)));
        let mut changed = registration.clone().into_bytes();
        let place = place.index(changed.len());
        changed[place] = byte;
        let changed = String::from_utf8(changed).expect("ASCII");
        prop_assert_eq!(dbsc::registration(&changed).is_ok(), changed == registration);
    }
}
