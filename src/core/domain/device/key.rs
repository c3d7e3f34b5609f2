//! The public half of a device's key.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use p256::ecdsa::signature::Verifier as _;
use p256::ecdsa::{Signature, VerifyingKey};
use sha2::{Digest as _, Sha256};

/// A public key of ES256: a point of P-256 (RFC 7518 §6.2.1). Whether it lies on the curve is seen when it verifies.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct DeviceKey {
    /// x, then y, 32 bytes each.
    point: [u8; 64],
}

impl DeviceKey {
    /// The key with the coordinates of a JWK: base64url without padding of exactly 32 bytes each.
    pub(super) fn from_coordinates(x: &str, y: &str) -> Option<Self> {
        let mut point = [0; 64];
        let (left, right) = point.split_at_mut(32);
        for (text, half) in [(x, left), (y, right)] {
            if text.len() != 43 || URL_SAFE_NO_PAD.decode_slice(text, half) != Ok(32) {
                return None;
            }
        }
        Some(Self { point })
    }

    /// Reads what [`Self::encode`] wrote.
    pub fn parse(text: &str) -> Option<Self> {
        let mut point = [0; 64];
        let length = URL_SAFE_NO_PAD.decode_slice(text, &mut point);
        (length == Ok(64)).then_some(Self { point })
    }

    /// As it is stored: base64url of x and y, 86 characters.
    pub fn encode(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.point)
    }

    /// Its JWK thumbprint (RFC 7638 §3), which `cnf.jkt` holds (RFC 9449 §6.1).
    pub fn thumbprint(&self) -> KeyThumbprint {
        let [x, y] =
            [&self.point[..32], &self.point[32..]].map(|half| URL_SAFE_NO_PAD.encode(half));
        let members = format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#);
        KeyThumbprint(Sha256::digest(members.as_bytes()).into())
    }

    /// Whether this key made a signature (RFC 7518 §3.4: r, then s) of a message.
    pub(super) fn has_signed(&self, message: &[u8], signature: &[u8; 64]) -> bool {
        let mut uncompressed = [4; 65];
        uncompressed[1..].copy_from_slice(&self.point);
        let key = VerifyingKey::from_sec1_bytes(&uncompressed);
        let signature = Signature::from_slice(signature);
        key.and_then(|key| key.verify(message, &signature?)).is_ok()
    }
}

impl fmt::Debug for DeviceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DeviceKey({})", self.thumbprint().encode())
    }
}

/// The SHA-256 thumbprint of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyThumbprint([u8; 32]);

impl KeyThumbprint {
    /// Reads what [`Self::encode`] wrote.
    pub fn parse(text: &str) -> Option<Self> {
        let mut hash = [0; 32];
        let is_exact = text.len() == 43 && URL_SAFE_NO_PAD.decode_slice(text, &mut hash) == Ok(32);
        is_exact.then_some(Self(hash))
    }

    /// Its text: base64url without padding.
    pub fn encode(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }
}
