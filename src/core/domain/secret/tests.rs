use super::testing::{SeededRandom, comparisons_in};
use super::*;

#[test]
fn a_key_round_trips_and_never_prints() {
    let key = Key::generate(&SeededRandom::new(1));
    assert_eq!(Key::decode(&key.encode()), Some(key.clone()));
    assert_eq!(Key::decode("short"), None);
    assert_eq!(format!("{key:?}"), "Key(..)");
}

/// RFC 4231 §4.3 (test case 2), its key padded with zeros as HMAC itself does.
#[test]
fn the_mac_is_hmac_sha256() {
    let mut bytes = [0; 32];
    bytes[..4].copy_from_slice(b"Jefe");
    let tag = Key::from_bytes(bytes).mac(&[b"what do ya want ", b"for nothing?"]);
    assert_eq!(
        Sha256Hex::from_digest(&tag).as_str(),
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    );
}

#[test]
fn hex_digits_are_checked() {
    let hash = Sha256Hex::of(b"");
    assert_eq!(
        hash.as_str(),
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    );
    assert_eq!(Sha256Hex::parse(hash.as_str()), Some(hash));
    assert_eq!(Sha256Hex::from_digest(&hash.to_digest()), hash);
    assert_eq!(Sha256Hex::parse(&hash.as_str().to_uppercase()), None);
    assert_eq!(Sha256Hex::parse(&hash.as_str()[1..]), None);
}

#[test]
fn secrets_match_only_themselves() {
    let secret = SecretString::new("swordfish");
    assert!(secret.matches(b"swordfish"));
    assert!(!secret.matches(b"swordfis"));
    assert!(!secret.matches(b""));
    assert_eq!(format!("{secret:?}"), "SecretString(..)");
}

/// Wherever two secrets differ, the whole of them goes through [`equal`].
#[test]
fn se3_macs_hashes_and_api_keys_are_compared_in_constant_time() {
    let key = Key::from_bytes([7; Key::BYTES]);
    let hash = SingleHash::of_token("token").double();
    let secret = SecretString::new("swordfish");
    let tag = key.mac(&[b"message"]);
    for place in [0, 15, 31] {
        let mut bytes = [7; Key::BYTES];
        bytes[place] ^= 1;
        let other = Key::from_bytes(bytes);
        assert_eq!(comparisons_in(|| key == other), (false, vec![32]));
        let mut wrong = tag;
        wrong[place] ^= 1;
        let verify = || key.verify_mac(&[b"message"], &wrong);
        assert_eq!(comparisons_in(verify), (false, vec![32]));
        let mut digits = hash.as_str().as_bytes().to_vec();
        digits[2 * place] = if digits[2 * place] == b'0' {
            b'1'
        } else {
            b'0'
        };
        let digits = String::from_utf8(digits).unwrap();
        let other = DoubleHash::from_hex(Sha256Hex::parse(&digits).unwrap());
        assert_eq!(comparisons_in(|| hash == other), (false, vec![64]));
    }
    for given in ["", "s", "swordfisH", "Swordfish"] {
        let matches = || secret.matches(given.as_bytes());
        assert_eq!(comparisons_in(matches), (false, vec![32]));
        let other = SecretString::new(given);
        assert_eq!(comparisons_in(|| secret == other), (false, vec![32]));
    }
    assert!(comparisons_in(|| key.verify_mac(&[b"message"], &tag)).0);
}
