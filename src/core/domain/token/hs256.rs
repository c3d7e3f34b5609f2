//! HMAC-SHA256 for `jsonwebtoken`, and nothing else.
//!
//! The library leaves its cryptography to a provider. The one that it brings for WebAssembly also carries RSA
//! and three kinds of elliptic curves; this one has the single algorithm that our tokens use, so that no other
//! can be chosen by mistake and the component stays small.

use std::cell::RefCell;
use std::sync::Once;

use hmac::{Hmac, KeyInit as _, Mac as _};
use jsonwebtoken::crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::{ErrorKind, Result};
use jsonwebtoken::signature::{Error as SignatureError, Signer, Verifier};
use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey, EncodingKey};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::domain::secret::equal;

static PROVIDER: CryptoProvider = CryptoProvider {
    signer_factory: |algorithm, key: &EncodingKey| {
        Ok(Box::new(Hs256::new(
            *algorithm,
            key.family(),
            key.as_bytes(),
        )?))
    },
    verifier_factory: |algorithm, key: &DecodingKey| {
        Ok(Box::new(Hs256::new(
            *algorithm,
            key.family(),
            key.try_get_as_bytes()?,
        )?))
    },
    key_utils: KeyUtils::new_unimplemented(),
};

/// Makes this the cryptography of `jsonwebtoken` in this process; any number of calls do it once.
pub fn install() {
    static ONCE: Once = Once::new();
    // Another provider may have been installed by a program that links this library; HS256 is HS256.
    ONCE.call_once(|| {
        let _ = PROVIDER.install_default();
    });
}

struct Hs256(Hmac<Sha256>);

/// The schedules of the keys that were used last. The library asks for a key's with every token, and to compute it
/// takes two of the dozen blocks that the check of a token hashes.
#[derive(Default)]
struct Schedules(Vec<(Zeroizing<Vec<u8>>, Hmac<Sha256>)>);

/// One key signs, and its forerunner's tokens are still around; as many again while a master key is changed.
const SCHEDULES_KEPT: usize = 4;

thread_local! {
    static SCHEDULES: RefCell<Schedules> = RefCell::default();
}

impl Schedules {
    fn of(&mut self, secret: &[u8]) -> Result<Hmac<Sha256>> {
        let known = |(key, _): &(Zeroizing<Vec<u8>>, _)| equal(key, secret);
        if let Some(place) = self.0.iter().position(known) {
            return Ok(self.0[place].1.clone());
        }
        let keyed = Hmac::<Sha256>::new_from_slice(secret)
            .map_err(|_| jsonwebtoken::errors::Error::from(ErrorKind::InvalidKeyFormat))?;
        self.0.truncate(SCHEDULES_KEPT - 1);
        let key = Zeroizing::new(secret.to_vec());
        self.0.insert(0, (key, keyed.clone()));
        Ok(keyed)
    }
}

impl Hs256 {
    fn new(algorithm: Algorithm, family: AlgorithmFamily, secret: &[u8]) -> Result<Self> {
        if algorithm != Algorithm::HS256 || family != AlgorithmFamily::Hmac {
            return Err(ErrorKind::InvalidAlgorithm.into());
        }
        SCHEDULES.with_borrow_mut(|schedules| schedules.of(secret).map(Self))
    }

    fn over(&self, message: &[u8]) -> Hmac<Sha256> {
        let mut mac = self.0.clone();
        mac.update(message);
        mac
    }
}

impl Signer<Vec<u8>> for Hs256 {
    fn try_sign(&self, message: &[u8]) -> std::result::Result<Vec<u8>, SignatureError> {
        Ok(self.over(message).finalize().into_bytes().to_vec())
    }
}

impl JwtSigner for Hs256 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::HS256
    }
}

impl Verifier<Vec<u8>> for Hs256 {
    fn verify(&self, message: &[u8], tag: &Vec<u8>) -> std::result::Result<(), SignatureError> {
        let expected = self.over(message).finalize().into_bytes();
        match equal(&expected, tag) {
            true => Ok(()),
            false => Err(SignatureError::new()),
        }
    }
}

impl JwtVerifier for Hs256 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::HS256
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::secret::testing::comparisons_in;

    #[test]
    fn schedules_are_those_of_their_keys_however_many_there_are() {
        let mut schedules = Schedules::default();
        for round in 0..3 {
            for number in 0..10_u8 {
                let key = [number; 40];
                let mut kept = schedules.of(&key).unwrap();
                let mut fresh = Hmac::<Sha256>::new_from_slice(&key).unwrap();
                kept.update(b"message");
                fresh.update(b"message");
                let tags = [kept, fresh].map(|mac| mac.finalize().into_bytes());
                assert_eq!(tags[0], tags[1], "key {number}, round {round}");
                assert!(schedules.0.len() <= SCHEDULES_KEPT);
            }
        }
    }
    /// SE3: wherever a tag is wrong, the whole of it is compared.
    #[test]
    fn tags_are_compared_in_constant_time() {
        let hs256 = Hs256::new(Algorithm::HS256, AlgorithmFamily::Hmac, &[7; 32]).unwrap();
        let tag = hs256.sign(b"message");
        assert!(hs256.verify(b"message", &tag).is_ok());
        for place in [0, 15, 31] {
            let mut wrong = tag.clone();
            wrong[place] ^= 1;
            let (answer, compared) = comparisons_in(|| hs256.verify(b"message", &wrong));
            assert!(answer.is_err());
            assert_eq!(compared, [32]);
        }
    }
}
