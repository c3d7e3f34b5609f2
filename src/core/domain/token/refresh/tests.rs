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
        false,
        NOW,
        NOW.plus(VALIDITY),
        &key(1),
        &random,
    )
}

fn child(now: Timestamp, window: Duration, seed: u64) -> RefreshToken {
    let issue = IssueTime::at(now, window);
    let end = issue.time().plus(VALIDITY);
    first()
        .as_parent()
        .child(issue, false, end, &key(1), &SeededRandom::new(seed))
}

#[test]
fn a_token_says_what_was_put_into_it() {
    let (old, new) = (key(2), key(1));
    for token in [first(), child(NOW, WINDOW, 1)] {
        assert_eq!(
            RefreshToken::verify(token.reveal(), Protocol::Native, [&old, &new]),
            Ok(token.clone())
        );
        assert_eq!(
            RefreshToken::verify(token.reveal(), Protocol::Native, [&old]),
            Err(RefreshTokenError::WrongMac)
        );
        assert_eq!(token.reveal().len(), 178);
    }
    assert_eq!((first().claims.parent, first().parent()), (None, None));
    assert_eq!(child(NOW, WINDOW, 1).parent(), Some(first().as_parent()));
    assert_eq!(child(NOW, WINDOW, 1).claims.parent, Some(first().hash()));
    assert_eq!(child(NOW, WINDOW, 1).claims.expires_at, NOW.plus(VALIDITY));
}

#[test]
fn tf3_only_the_original_passes() {
    let (token, key) = (first(), key(1));
    for i in 0..token.reveal().len() {
        for bit in 0..7 {
            let mut bytes = token.reveal().as_bytes().to_vec();
            bytes[i] ^= 1 << bit;
            let text = String::from_utf8(bytes).unwrap();
            assert!(
                RefreshToken::verify(&text, Protocol::Native, [&key]).is_err(),
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
            RefreshToken::verify(text, Protocol::Native, [&key]),
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

/// A token of CDI: its flag is authentic and agrees with nothing else, and no token is one of the other protocol.
#[test]
fn tokens_of_the_two_protocols_are_told_apart() {
    let random = SeededRandom::new(9);
    let of = |protocol, anti_csrf| {
        let handle = SessionHandle::generate(&SeededRandom::new(1)).for_protocol(protocol);
        RefreshToken::first(handle, anti_csrf, NOW, NOW.plus(VALIDITY), &key(1), &random)
    };
    let tokens = [
        of(Protocol::Native, false),
        of(Protocol::Cdi, false),
        of(Protocol::Cdi, true),
    ];
    let read = |text: &str, protocol| RefreshToken::verify(text, protocol, [&key(1)]);
    for token in &tokens {
        let protocol = token.claims.handle.protocol();
        assert_eq!(read(token.reveal(), protocol).as_ref(), Ok(token));
        let other = match protocol {
            Protocol::Native => Protocol::Cdi,
            Protocol::Cdi => Protocol::Native,
        };
        assert_eq!(
            read(token.reveal(), other),
            Err(RefreshTokenError::Malformed)
        );
        assert_eq!(token.anti_csrf(&key(1)).is_some(), token.claims.anti_csrf);
    }
    let mut bytes = URL_SAFE_NO_PAD.decode(tokens[2].reveal()).unwrap();
    bytes[1] = 0;
    let without = read(&URL_SAFE_NO_PAD.encode(bytes), Protocol::Cdi);
    assert_eq!(without, Err(RefreshTokenError::WrongMac));
    let children = |anti_csrf| {
        let issue = IssueTime::at(NOW, WINDOW);
        let end = issue.time().plus(VALIDITY);
        tokens[2]
            .as_parent()
            .child(issue, anti_csrf, end, &key(1), &random)
    };
    assert_eq!(children(true), children(true));
    assert_eq!(
        children(true).anti_csrf(&key(1)),
        children(true).anti_csrf(&key(1))
    );
    assert_ne!(children(true).claims, children(false).claims);
    assert_ne!(
        children(true).anti_csrf(&key(1)),
        tokens[2].anti_csrf(&key(1))
    );
}
