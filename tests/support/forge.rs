//! Tokens as an attacker would make them: any header and claims, any key.
//!
//! Nothing here is the library's code: a fault in its cryptography must not cancel itself out.

use std::ops::Range;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::time::HOUR;

/// The lower-case hexadecimal SHA-256 of a text or of bytes.
pub fn sha256_hex(input: &(impl AsRef<[u8]> + ?Sized)) -> String {
    Sha256::digest(input)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// URL-safe base64 without padding (RFC 7515 §2).
pub fn base64url(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The bytes of URL-safe base64 without padding.
#[track_caller]
pub fn from_base64url(text: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD
        .decode(text)
        .unwrap_or_else(|_| panic!("not base64url: {text}"))
}

/// The bytes of base64 with padding (RFC 4648 §4).
#[track_caller]
pub fn from_base64(text: &str) -> Vec<u8> {
    STANDARD
        .decode(text)
        .unwrap_or_else(|_| panic!("not base64: {text}"))
}

/// A compact JWS with HMAC-SHA-256 over exactly this header and these claims (RFC 7515 §7.1).
pub fn sign(header: &str, claims: &[u8], key: &[u8]) -> String {
    let signed = format!("{}.{}", base64url(header.as_bytes()), base64url(claims));
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(signed.as_bytes());
    format!("{signed}.{}", base64url(&mac.finalize().into_bytes()))
}

/// A refresh token as somebody makes it who knows its layout (at the top of `src/core/domain/token/refresh.rs`) and its
/// session.
#[derive(Clone, Debug)]
pub struct RefreshToken(Vec<u8>);

impl RefreshToken {
    const GENERATION: Range<usize> = 25..29;
    const PARENT: Range<usize> = 69..101;

    /// The first of the session with this handle.
    pub fn of(handle: &str, now: i64) -> Self {
        let mut bytes = vec![1];
        bytes.extend(from_base64url(handle));
        bytes.extend([0; 4]);
        bytes.extend(now.to_be_bytes());
        bytes.extend((now + HOUR).to_be_bytes());
        bytes.resize(Self::PARENT.end, 0);
        Self(bytes)
    }

    /// The same with so many before it.
    pub fn with_generation(mut self, generation: u32) -> Self {
        self.0[Self::GENERATION].copy_from_slice(&generation.to_be_bytes());
        self
    }

    /// The same as child of the token with this single hash, of 32 bytes.
    pub fn with_parent(mut self, hash: &[u8]) -> Self {
        self.0[Self::PARENT].copy_from_slice(hash);
        self
    }

    /// Authenticated with a key.
    pub fn sign(&self, key: &[u8]) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
        mac.update(b"token 1\0");
        mac.update(&self.0);
        base64url(&[&*self.0, &*mac.finalize().into_bytes()].concat())
    }
}

/// An access token taken apart, to be put together again differently.
#[derive(Clone, Debug)]
pub struct Jwt {
    /// The header's text.
    pub header: String,
    /// The claims.
    pub claims: Value,
}

impl Jwt {
    /// Takes a token apart. Panics unless it is a compact JWS with JSON in its first two parts.
    #[track_caller]
    pub fn parse(token: &str) -> Self {
        let parts: Vec<&str> = token.split('.').collect();
        assert_eq!(parts.len(), 3, "not a compact JWS: {token}");
        let text = |part| String::from_utf8(from_base64url(part)).expect("a JWT's JSON is UTF-8");
        let claims = serde_json::from_str(&text(parts[1])).expect("the claims are JSON");
        Self {
            header: text(parts[0]),
            claims,
        }
    }

    /// The claims' text as it stands in a token.
    #[track_caller]
    pub fn claims_text(token: &str) -> String {
        let claims = token.split('.').nth(1).expect("a token has claims");
        String::from_utf8(from_base64url(claims)).expect("the claims are UTF-8")
    }

    /// The key id in the header.
    #[track_caller]
    pub fn kid(&self) -> String {
        let header: Value = serde_json::from_str(&self.header).expect("the header is JSON");
        header["kid"]
            .as_str()
            .expect("the header has a kid")
            .to_owned()
    }

    /// A claim that is an integer. Panics if it is not.
    #[track_caller]
    pub fn seconds(&self, claim: &str) -> i64 {
        self.claims[claim]
            .as_i64()
            .unwrap_or_else(|| panic!("no {claim} in {}", self.claims))
    }

    /// The same with another header.
    pub fn header(mut self, header: &str) -> Self {
        header.clone_into(&mut self.header);
        self
    }

    /// The same with another value of a claim.
    pub fn claim(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.claims[name] = value.into();
        self
    }

    /// The same without a claim.
    pub fn without(mut self, name: &str) -> Self {
        self.claims
            .as_object_mut()
            .expect("claims are an object")
            .remove(name);
        self
    }

    /// Signed with a key.
    pub fn sign(&self, key: &[u8]) -> String {
        sign(&self.header, self.claims.to_string().as_bytes(), key)
    }
}
