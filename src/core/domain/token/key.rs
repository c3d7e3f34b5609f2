//! The keys of access tokens: one secret each, from which the key of every algorithm comes.
//!
//! HS256 takes the secret as it is. The private keys of EdDSA and ES256 are derived from it (HKDF-SHA256, RFC 5869), so
//! nothing asymmetric is stored, and a change of algorithm needs no new key. All three sign without
//! randomness (RFC 8032, RFC 6979), so this service checks a signature by making it again: that takes a third of the time
//! of checking it with the public key, and no second signature of a message passes.

use std::fmt;
use std::sync::OnceLock;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hkdf::Hkdf;
use jsonwebtoken::{DecodingKey, EncodingKey, crypto};
use p256::ecdsa::signature::Signer as _;
use sha2::Sha256;
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use super::hs256;

/// How tokens are signed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Algorithm {
    /// HMAC-SHA256: only this service checks its tokens.
    #[default]
    Hs256,
    /// Ed25519 (RFC 8037): whoever has the public key checks them.
    EdDsa,
    /// ECDSA on P-256 with SHA-256 (RFC 7518 §3.4): likewise.
    Es256,
}

impl Algorithm {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Hs256, Self::EdDsa, Self::Es256];

    /// The header parameter `alg` (RFC 7518 §3.1, RFC 8037 §3.1).
    pub fn name(self) -> &'static str {
        match self {
            Self::Hs256 => "HS256",
            Self::EdDsa => "EdDSA",
            Self::Es256 => "ES256",
        }
    }

    /// What it adds to a key's name: verifiers keep public keys by `kid`, and one secret has several.
    pub(super) fn kid_end(self) -> &'static str {
        match self {
            Self::Hs256 => "",
            Self::EdDsa => "-ed",
            Self::Es256 => "-es",
        }
    }
}

/// Whether a key rotates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// It does.
    Dynamic,
    /// It stays.
    Static,
}

impl Class {
    pub(super) const ALL: [Self; 2] = [Self::Dynamic, Self::Static];

    /// How SuperTokens' SDKs want a `kid` to begin.
    pub(super) fn kid_start(self) -> &'static str {
        match self {
            Self::Dynamic => "d-",
            Self::Static => "s-",
        }
    }
}

/// The longest name, in characters. Longer ones are not ours.
const NAME_MAX_CHARS: usize = 64;

/// Whether a text may be a key's name.
pub(super) fn is_name(name: &str) -> bool {
    (1..=NAME_MAX_CHARS).contains(&name.len())
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'))
}

/// A key that signs access tokens, with its name.
#[derive(Clone)]
pub struct AccessKey {
    kid: String,
    encoding: EncodingKey,
    decoding: DecodingKey,
    /// Made when they are needed first.
    eddsa: OnceLock<ed25519_dalek::SigningKey>,
    es256: OnceLock<p256::ecdsa::SigningKey>,
}

/// A public key, as a set of keys shows it (RFC 7517).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PublicKey {
    /// `OKP` of the curve Ed25519 (RFC 8037 §2).
    Ed25519 {
        /// The point.
        x: String,
    },
    /// `EC` of the curve P-256 (RFC 7518 §6.2).
    P256 {
        /// The point's abscissa.
        x: String,
        /// The point's ordinate.
        y: String,
    },
}

impl AccessKey {
    /// A key named `kid` (letters, digits, `.`, `-` and `_`, at most 64) with at least 256 bits of secret
    /// (RFC 7518 §3.2).
    pub fn new(kid: String, secret: &[u8]) -> Self {
        debug_assert!(is_name(&kid) && secret.len() >= 32);
        hs256::install();
        Self {
            kid,
            encoding: EncodingKey::from_secret(secret),
            decoding: DecodingKey::from_secret(secret),
            eddsa: OnceLock::new(),
            es256: OnceLock::new(),
        }
    }

    /// Its name: the `kid` of tokens that it signs with HS256.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The signature of a message, as base64url without padding.
    pub fn sign(&self, algorithm: Algorithm, message: &[u8]) -> String {
        match algorithm {
            Algorithm::Hs256 => {
                crypto::sign(message, &self.encoding, jsonwebtoken::Algorithm::HS256)
                    .expect("HS256 signs with a key of any length")
            }
            // Not through `jsonwebtoken`: it hands its provider a key's bytes for each token, and to expand them costs
            // as much as to sign.
            Algorithm::EdDsa => URL_SAFE_NO_PAD.encode(self.eddsa().sign(message).to_bytes()),
            Algorithm::Es256 => {
                let signature: p256::ecdsa::Signature = self.es256().sign(message);
                URL_SAFE_NO_PAD.encode(signature.to_bytes())
            }
        }
    }

    /// Whether a signature is the one of this message; `None` if it is no base64 of one.
    pub fn verify(&self, algorithm: Algorithm, message: &[u8], signature: &str) -> Option<bool> {
        if algorithm == Algorithm::Hs256 {
            let hs256 = jsonwebtoken::Algorithm::HS256;
            return crypto::verify(signature, message, &self.decoding, hs256).ok();
        }
        let ours = self.sign(algorithm, message);
        Some(ours.as_bytes().ct_eq(signature.as_bytes()).into())
    }

    /// What others check its signatures with; `None` for HS256.
    pub fn public(&self, algorithm: Algorithm) -> Option<PublicKey> {
        let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        match algorithm {
            Algorithm::Hs256 => None,
            Algorithm::EdDsa => Some(PublicKey::Ed25519 {
                x: text(self.eddsa().verifying_key().as_bytes()),
            }),
            Algorithm::Es256 => {
                let point = self.es256().verifying_key().to_sec1_point(false);
                Some(PublicKey::P256 {
                    x: text(point.x()?),
                    y: text(point.y()?),
                })
            }
        }
    }

    fn eddsa(&self) -> &ed25519_dalek::SigningKey {
        self.eddsa
            .get_or_init(|| ed25519_dalek::SigningKey::from_bytes(&self.derive(b"ed25519 1\0", 0)))
    }

    fn es256(&self) -> &p256::ecdsa::SigningKey {
        self.es256.get_or_init(|| {
            // A scalar has to be less than the order of the curve: one of 2^32 tries is not, and then the next one is taken
            // (FIPS 186-5 §A.2.2).
            (0..=u8::MAX)
                .find_map(|n| {
                    p256::ecdsa::SigningKey::from_slice(&*self.derive(b"es256 1\0", n)).ok()
                })
                .expect("256 numbers are never all too large")
        })
    }

    fn derive(&self, purpose: &[u8], number: u8) -> Zeroizing<[u8; 32]> {
        let mut bytes = Zeroizing::new([0; 32]);
        Hkdf::<Sha256>::new(None, self.encoding.as_bytes())
            .expand_multi_info(&[purpose, &[number]], &mut *bytes)
            .expect("32 bytes are less than 255 hashes");
        bytes
    }
}

impl fmt::Debug for AccessKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AccessKey({})", self.kid)
    }
}

#[cfg(test)]
mod tests;
