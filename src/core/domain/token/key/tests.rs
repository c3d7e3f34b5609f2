//! Signatures: each algorithm against published examples or a second implementation, and none for another.

use ed25519_dalek::Verifier as _;

use super::*;
use crate::domain::secret::{Random, testing::SeededRandom};

fn key(seed: u64) -> AccessKey {
    let random: &dyn Random = &SeededRandom::new(seed);
    AccessKey::new(seed.to_string(), &random.bytes::<32>())
}

/// Only the very signature of this key, algorithm and message passes, and it is the same each time.
#[test]
fn a_signature_is_of_one_key_algorithm_and_message() {
    let keys = [key(1), key(2)];
    for of in Algorithm::ALL {
        let signature = keys[0].sign(of, b"message");
        assert_eq!(signature, keys[0].clone().sign(of, b"message"));
        for (key, algorithm, message) in keys.iter().flat_map(|key| {
            let messages = [b"message".as_slice(), b"massage"];
            Algorithm::ALL
                .into_iter()
                .flat_map(move |algorithm| messages.map(|message| (key, algorithm, message)))
        }) {
            let same = key.kid() == "1" && algorithm == of && message == b"message";
            let passes = key.verify(algorithm, message, &signature) == Some(true);
            assert_eq!(passes, same, "{of:?} as {algorithm:?}");
        }
        assert_ne!(keys[0].verify(of, b"message", ""), Some(true));
    }
}

/// The public keys, read back from what a set of keys shows, check the signatures.
#[test]
fn public_keys_check_signatures() {
    let key = key(3);
    let bytes = |text: &str| URL_SAFE_NO_PAD.decode(text).unwrap();
    assert_eq!(key.public(Algorithm::Hs256), None);
    let Some(PublicKey::Ed25519 { x }) = key.public(Algorithm::EdDsa) else {
        panic!("it has another kind of key");
    };
    let public = ed25519_dalek::VerifyingKey::from_bytes(&bytes(&x).try_into().unwrap()).unwrap();
    let signature = bytes(&key.sign(Algorithm::EdDsa, b"message"));
    let signature = ed25519_dalek::Signature::from_slice(&signature).unwrap();
    assert!(public.verify(b"message", &signature).is_ok());
    assert!(public.verify(b"massage", &signature).is_err());
    let Some(PublicKey::P256 { x, y }) = key.public(Algorithm::Es256) else {
        panic!("it has another kind of key");
    };
    let point = [vec![4], bytes(&x), bytes(&y)].concat();
    let public = p256::ecdsa::VerifyingKey::from_sec1_bytes(&point).unwrap();
    let signature = bytes(&key.sign(Algorithm::Es256, b"message"));
    let signature = p256::ecdsa::Signature::from_slice(&signature).unwrap();
    assert!(public.verify(b"message", &signature).is_ok());
    assert!(public.verify(b"massage", &signature).is_err());
}
