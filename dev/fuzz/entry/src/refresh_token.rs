//! Refresh tokens: only what carries our MAC passes, and it says what was sealed.

use std::sync::LazyLock;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use session_core::domain::id::SessionHandle;
use session_core::domain::protocol::Protocol;
use session_core::domain::secret::Key;
use session_core::domain::secret::testing::SeededRandom;
use session_core::domain::token::refresh::{IssueTime, RefreshToken, RefreshTokenError};
use sha2::Sha256;

use crate::NOW;
use crate::input::Input;

const VALIDITY: Duration = Duration::from_secs(3600);
/// The longest text that callers are promised.
const MAX_CHARS: usize = 400;
const BODY_BYTES: usize = 101;
const PURPOSE: &[u8] = b"token 1\0";

/// Checks one input: a choice of how the rest becomes a token, then the rest.
///
/// # Panics
/// If a token passes that should not, does not pass that should, or does not say what was sealed.
pub fn refresh_token(data: &[u8]) -> bool {
    let mut input = Input::new(data);
    match input.choice(4) {
        0 => check(&input.text()),
        1 => {
            let original = &TOKENS[input.choice(TOKENS.len())];
            check(&String::from_utf8_lossy(&input.edit(original.as_bytes())))
        }
        // A right MAC over anything.
        2 => {
            let key = &KEYS[input.choice(KEYS.len())];
            check(&seal(key, PURPOSE, input.rest()))
        }
        // A MAC made for another purpose, known or not, is none for this one.
        _ => {
            let purpose = input.line();
            purpose != PURPOSE && check(&seal(&KEYS[0], purpose, input.rest()))
        }
    }
}

/// Current and former keys of the deployment.
static KEYS: LazyLock<[Key; 2]> = LazyLock::new(|| [1, 2].map(|n| Key::from_bytes([n; 32])));

/// Tokens to start from: two that pass, their child, one of another deployment, and two texts that are no tokens.
static TOKENS: LazyLock<[String; 6]> = LazyLock::new(|| {
    let first = |key: &Key| {
        let handle = SessionHandle::from_bytes([7; SessionHandle::BYTES]);
        RefreshToken::first(
            handle,
            false,
            NOW,
            NOW.plus(VALIDITY),
            key,
            &SeededRandom::new(1),
        )
    };
    let token = first(&KEYS[0]);
    let issue = IssueTime::at(NOW, Duration::from_secs(10));
    let end = issue.time().plus(VALIDITY);
    let child = token
        .as_parent()
        .child(issue, false, end, &KEYS[0], &SeededRandom::new(2));
    [
        token.reveal().to_owned(),
        first(&KEYS[1]).reveal().to_owned(),
        child.reveal().to_owned(),
        first(&Key::from_bytes([3; 32])).reveal().to_owned(),
        token.id(&KEYS[0]),
        token.double_hash().as_str().to_owned(),
    ]
});

fn mac(key: &Key, purpose: &[u8], body: &[u8]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.expose()).expect("any length will do");
    mac.update(purpose);
    mac.update(body);
    mac.finalize().into_bytes().into()
}

fn seal(key: &Key, purpose: &[u8], body: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode([body, &mac(key, purpose, body)].concat())
}

/// Holds the answer about any text against what it must be.
fn check(text: &str) -> bool {
    let answer = RefreshToken::verify(text, Protocol::Native, KEYS.iter());
    let sealed = URL_SAFE_NO_PAD.decode(text).ok();
    let sealed = sealed.filter(|bytes| bytes.len() == BODY_BYTES + 32 && bytes[0] == 1);
    let Some(bytes) = sealed else {
        assert_eq!(answer, Err(RefreshTokenError::Malformed), "{text}");
        return false;
    };
    let (body, tag) = bytes.split_at(BODY_BYTES);
    if !KEYS.iter().any(|key| mac(key, PURPOSE, body) == tag) {
        assert_eq!(answer, Err(RefreshTokenError::WrongMac), "{text}");
        return false;
    }
    let token = answer.expect("it has our form and our MAC");
    assert_eq!(token.reveal(), text);
    assert!(text.len() <= MAX_CHARS);
    let number = |range: std::ops::Range<usize>| {
        body[range]
            .iter()
            .fold(0, |number, byte| number << 8 | u64::from(*byte))
    };
    let claims = &token.claims;
    assert_eq!(claims.handle.as_bytes()[..], body[1..25]);
    assert_eq!(u64::from(claims.generation.0), number(25..29));
    assert_eq!(claims.issued_at.as_millis(), number(29..37));
    assert_eq!(claims.expires_at.as_millis(), number(37..45));
    match claims.parent {
        Some(parent) => assert_eq!(parent.to_digest()[..], body[69..101]),
        None => assert_eq!(claims.generation.0, 0),
    }
    true
}
