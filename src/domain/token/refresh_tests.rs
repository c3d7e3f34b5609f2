//! Refresh tokens: what passes, what does not, and when two children are the same.

use super::*;
use crate::domain::secret::testing::SeededRandom;

const NOW: Timestamp = Timestamp::from_secs(1_700_000_000);
const VALIDITY: Duration = Duration::from_secs(3600);
const WINDOW: Duration = Duration::from_secs(10);

fn key(seed: u64) -> Key {
    Key::generate(&SeededRandom::new(seed))
}

fn first() -> RefreshToken {
    let random = SeededRandom::new(9);
    RefreshToken::first(
        SessionHandle::generate(&random),
        NOW,
        VALIDITY,
        &key(1),
        &random,
    )
}

fn child(now: Timestamp, window: Duration, seed: u64) -> RefreshToken {
    first().child(
        Issue::at(now, window),
        VALIDITY,
        &key(1),
        &SeededRandom::new(seed),
    )
}

#[test]
fn a_token_says_what_was_put_into_it() {
    let (old, new) = (key(2), key(1));
    for token in [first(), child(NOW, WINDOW, 1)] {
        assert_eq!(
            RefreshToken::verify(token.reveal(), [&old, &new]),
            Ok(token.clone())
        );
        assert_eq!(
            RefreshToken::verify(token.reveal(), [&old]),
            Err(RefreshTokenError::WrongMac)
        );
        assert_eq!(token.reveal().len(), 178);
    }
    assert_eq!(first().claims.parent, None);
    assert_eq!(child(NOW, WINDOW, 1).claims.parent, Some(first().hash()));
    assert_eq!(child(NOW, WINDOW, 1).claims.expires_at, NOW.plus(VALIDITY));
}

#[test]
fn only_the_original_passes() {
    let (token, key) = (first(), key(1));
    for i in 0..token.reveal().len() {
        for bit in 0..7 {
            let mut bytes = token.reveal().as_bytes().to_vec();
            bytes[i] ^= 1 << bit;
            let text = String::from_utf8(bytes).unwrap();
            assert!(
                RefreshToken::verify(&text, [&key]).is_err(),
                "byte {i}, bit {bit}"
            );
        }
    }
    for text in [
        "",
        "AAAA",
        &token.reveal()[1..],
        &format!("{}=", token.reveal()),
    ] {
        assert_eq!(
            RefreshToken::verify(text, [&key]),
            Err(RefreshTokenError::Malformed)
        );
    }
}

#[test]
fn in_one_slot_all_children_are_the_same() {
    let later = NOW.plus(Duration::from_millis(9_999));
    assert_eq!(child(NOW, WINDOW, 1), child(later, WINDOW, 2));
    assert_eq!(child(later, WINDOW, 1).claims.issued_at, NOW);
    assert_eq!(
        child(NOW, WINDOW, 1).id(&key(1)),
        child(later, WINDOW, 2).id(&key(1))
    );
    assert_ne!(child(NOW, WINDOW, 1), child(NOW.plus(WINDOW), WINDOW, 1));
}

#[test]
fn without_a_window_no_two_children_are_the_same() {
    assert_ne!(child(NOW, Duration::ZERO, 1), child(NOW, Duration::ZERO, 2));
}
