//! Access tokens: only what carries our signature over claims of our shape passes, and it says what was signed.

mod claims;

use std::sync::LazyLock;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use session_core::domain::id::{SessionHandle, UserId};
use session_core::domain::json::Json;
use session_core::domain::keys::{
    AccessKeys, MasterKey, MasterKeys, RotationPolicy, SigningKey, Slot,
};
use session_core::domain::protocol::Protocol;
use session_core::domain::secret::{Key, Sha256Hex, SingleHash};
use session_core::domain::time::Timestamp;
use session_core::domain::token::access::{AccessClaims, AccessTokenError, OptionalClaims};
use session_core::domain::token::header::TokenFormat;
use session_core::domain::token::key::{AccessKey, Algorithm, Class};
use sha2::Sha256;

use self::claims::{in_time, judge, plain};
use crate::NOW;
use crate::input::Input;
use crate::members::Members;

const MASTER: &str = "a master key that is long enough for that";
const FILE: &[u8] = b"the operator's own signing key, from a file";
const HOURS: u64 = 24;
const POLICY: RotationPolicy = RotationPolicy {
    dynamic: true,
    interval: Duration::from_secs(HOURS * 3600),
    token_validity: Duration::from_secs(3600),
};

/// Checks one input: a choice of keys, a choice of how the rest becomes a token, the rest.
///
/// # Panics
/// If a token passes that should not, does not pass that should, or does not say what was signed.
pub fn access_token(data: &[u8]) -> bool {
    let mut input = Input::new(data);
    let ring = &RINGS[input.choice(RINGS.len())];
    let key = ring.keys.signing(Class::Dynamic, NOW);
    let header = header(&format!(r#""{}""#, key.kid()));
    match input.choice(6) {
        0 => ring.check(&input.text()),
        1 => ring.check(&ring.sign(format!("{header}.{}", encode(input.rest())))),
        2 => ring.check(&ring.sign(format!("{}.{}", encode(input.rest()), encode(CLAIMS)))),
        3 => ring.check(&ring.sign(input.text().into_owned())),
        4 => {
            let original = match input.choice(3) {
                0 => sign(&claims(), &key),
                1 => sign(&claims(), &AccessKey::new(key.kid().to_owned(), &[9; 32])),
                _ => ring.sign(format!("{header}.{}", encode(CLAIMS))),
            };
            ring.check(&String::from_utf8_lossy(&input.edit(original.as_bytes())))
        }
        _ => ring.round_trip(&any_claims(input)),
    }
}

/// Claims that pass, as JSON.
const CLAIMS: &[u8] = br#"{"sub":"bob","sid":"BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcH","iat":1700000000,"exp":1700003600,"rt":"00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff","prt":"ffeeddccbbaa99887766554433221100ffeeddccbbaa99887766554433221100","userPayload":{"a": 1.0, "a": null}}"#;

/// The header that goes with a `kid`, given as JSON, encoded.
fn header(kid: &str) -> String {
    encode(format!(r#"{{"alg":"HS256","typ":"JWT","kid":{kid}}}"#).as_bytes())
}

fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn sign(claims: &AccessClaims, key: &AccessKey) -> String {
    claims.sign(key, Algorithm::Hs256, TokenFormat::Native)
}

fn claims() -> AccessClaims {
    AccessClaims {
        user_id: UserId::parse("bob").expect("three characters"),
        handle: SessionHandle::from_bytes([7; SessionHandle::BYTES]),
        issued_at: NOW,
        expires_at: NOW.plus(Duration::from_secs(3600)),
        refresh: SingleHash::of_token("child").double(),
        parent: Some(SingleHash::of_token("parent")),
        anti_csrf: None,
        key: None,
        optional: OptionalClaims::default(),
        payload: None,
    }
}

fn any_claims(mut input: Input<'_>) -> AccessClaims {
    let parent = input.choice(2) == 1;
    let times = [(); 2].map(|()| match input.choice(2) {
        0 => NOW
            .as_secs()
            .saturating_add_signed(i64::from(input.byte()) - 128),
        _ => input.number() / 1000,
    });
    AccessClaims {
        user_id: UserId::parse(String::from_utf8_lossy(input.line())).unwrap_or(claims().user_id),
        issued_at: Timestamp::from_secs(times[0]),
        expires_at: Timestamp::from_secs(times[1]),
        parent: claims().parent.filter(|_| parent),
        payload: Json::parse(input.text().into_owned()),
        ..claims()
    }
}

/// Keys as one kind of deployment has them.
struct Ring {
    keys: AccessKeys,
    /// The secret of the key that signs.
    secret: Vec<u8>,
    /// The secret behind a `kid`, as far as tokens under it are to be accepted at [`NOW`].
    find: fn(&str) -> Option<Vec<u8>>,
}

fn generations() -> [SigningKey; 3] {
    [(1, -2), (2, -1), (3, 1)].map(|(generation, day)| SigningKey {
        generation,
        key: Key::from_bytes([generation as u8; 32]),
        has_fingerprint: false,
        signs_from: Timestamp::from_secs(NOW.as_secs().saturating_add_signed(day * 86_400)),
    })
}

fn find_generation(kid: &str) -> Option<Vec<u8>> {
    let number: u8 = kid.parse().ok()?;
    matches!(kid, "1" | "2" | "3").then(|| vec![number; 32])
}

fn master() -> MasterKey {
    MasterKey::parse(MASTER).expect("long enough")
}

/// `<slot number>.<slot hours>.<fingerprint>`, for slots whose keys may have signed what is still good.
fn find_derived(kid: &str) -> Option<Vec<u8>> {
    let Some((slot, fingerprint)) = kid.rsplit_once('.') else {
        return (kid == "1").then(|| vec![1; 32]);
    };
    let (number, hours) = slot.split_once('.')?;
    let slot = Slot {
        number: number.parse().ok()?,
        hours: hours.parse().ok()?,
    };
    let exact = number == slot.number.to_string() && hours == slot.hours.to_string();
    let start = u128::from(slot.number) * u128::from(slot.hours) * 3600;
    let end = start + u128::from(slot.hours) * 3600 + 3600 + 2 * 3600;
    let now = u128::from(NOW.as_secs());
    let in_time =
        slot == Slot {
            hours: 0,
            number: 0,
        } || (start <= now + 60 && now <= end);
    let ours = exact && slot.hours <= 720 && in_time && fingerprint == master().fingerprint();
    ours.then(|| master().access_key(slot).expose().to_vec())
}

static RINGS: LazyLock<[Ring; 4]> = LazyLock::new(|| {
    let [first, second, third] = generations();
    let secret = second.key.expose().to_vec();
    let slot = Slot {
        hours: HOURS,
        number: NOW.as_secs() / 3600 / HOURS,
    };
    let derived = |list: &str| {
        let masters = MasterKeys::parse(list).expect("one is long enough");
        let earlier = std::slice::from_ref(&first);
        AccessKeys::derived(&masters, POLICY, earlier, None, None).expect("one signs")
    };
    let (master_signs, database_signs) = (derived(MASTER), derived(&format!("database,{MASTER}")));
    let first_secret = first.key.expose().to_vec();
    [
        Ring {
            keys: AccessKeys::generations(&[first, second, third]).expect("three keys"),
            secret,
            find: find_generation,
        },
        Ring {
            keys: master_signs,
            secret: master().access_key(slot).expose().to_vec(),
            find: find_derived,
        },
        Ring {
            keys: AccessKeys::file(FILE),
            secret: FILE.to_vec(),
            find: |kid| {
                let fingerprint = Sha256Hex::of(Sha256Hex::of(FILE).as_str().as_bytes());
                (kid == format!("file.{}", &fingerprint.as_str()[..8])).then(|| FILE.to_vec())
            },
        },
        Ring {
            keys: database_signs,
            secret: first_secret,
            find: find_derived,
        },
    ]
});

fn mac(secret: &[u8], message: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("any length will do");
    mac.update(message.as_bytes());
    encode(&mac.finalize().into_bytes())
}

impl Ring {
    fn sign(&self, message: String) -> String {
        let signature = mac(&self.secret, &message);
        message + "." + &signature
    }

    fn verify(&self, token: &str) -> Result<AccessClaims, AccessTokenError> {
        let find = |class, name: &str| self.keys.named(class, name, NOW);
        AccessClaims::verify(token, Protocol::Native, NOW, find).map(|(claims, _)| claims)
    }

    /// Holds the answer about any text against what it must be.
    fn check(&self, token: &str) -> bool {
        let answer = self.verify(token);
        let Some(claims) = self.signed_claims(token) else {
            assert!(
                matches!(
                    answer,
                    Err(AccessTokenError::Malformed
                        | AccessTokenError::UnknownKey(_)
                        | AccessTokenError::WrongSignature)
                ),
                "not signed by us, but {answer:?}: {token}"
            );
            return false;
        };
        assert_eq!(answer, judge(&claims), "{token}");
        answer.is_ok_and(|claims| self.round_trip(&claims))
    }

    /// What was signed, if it is a token with our signature. Its claims need not be ours in shape.
    fn signed_claims(&self, token: &str) -> Option<Vec<u8>> {
        let parts: Vec<_> = token.split('.').collect();
        let [first, claims, signature] = parts[..] else {
            return None;
        };
        let text = String::from_utf8(URL_SAFE_NO_PAD.decode(first).ok()?).ok()?;
        let (_, kid) = Members::read(&text)?.0.pop()?;
        let kid = plain(&kid)?;
        let secret = (self.find)(kid)?;
        let ours = first == header(&format!(r#""{kid}""#))
            && signature == mac(&secret, &format!("{first}.{claims}"));
        ours.then(|| URL_SAFE_NO_PAD.decode(claims).ok())?
    }

    /// Signs claims: the token says them again, if their times allow it.
    fn round_trip(&self, claims: &AccessClaims) -> bool {
        // The end of time is no whole second.
        let whole = |time: Timestamp| Timestamp::from_secs(time.as_secs());
        let claims = AccessClaims {
            issued_at: whole(claims.issued_at),
            expires_at: whole(claims.expires_at),
            ..claims.clone()
        };
        let token = sign(&claims, &self.keys.signing(Class::Dynamic, NOW));
        let answer = self.verify(&token);
        assert_eq!(answer, in_time(claims));
        answer.is_ok()
    }
}
