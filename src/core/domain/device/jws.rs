//! What both kinds of proof are: a compact JWS (RFC 7515 §3.1) of JSON, signed with ES256 by the device.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::ProofError;
use super::key::DeviceKey;
use crate::domain::json::present;

/// The longest proof that is looked at. Chromium's have about 400 bytes; a DPoP proof has an address in it.
pub const PROOF_MAX_BYTES: usize = 4096;

/// A proof in its parts; nothing of it is verified.
pub(super) struct Jws<'a> {
    message: &'a str,
    signature: [u8; 64],
    jwk: Option<DeviceKey>,
    payload: Vec<u8>,
}

#[derive(Deserialize)]
struct Header<'a> {
    /// Some encoders escape the `+` in it.
    #[serde(borrow)]
    typ: Cow<'a, str>,
    alg: &'a str,
    #[serde(default, deserialize_with = "present", borrow)]
    jwk: Option<&'a RawValue>,
    /// What must be understood (RFC 7515 §4.1.11), and is not.
    #[serde(default, deserialize_with = "present", borrow)]
    crit: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Jwk<'a> {
    kty: &'a str,
    crv: &'a str,
    x: &'a str,
    y: &'a str,
    /// The private half (RFC 9449 §4.3, check 7).
    #[serde(default, deserialize_with = "present", borrow)]
    d: Option<&'a RawValue>,
}

impl<'a> Jws<'a> {
    /// Takes a proof of type `typ` apart.
    ///
    /// # Errors
    /// If it is not one, or not by ES256.
    pub(super) fn parse(text: &'a str, typ: &str) -> Result<Self, ProofError> {
        if text.len() > PROOF_MAX_BYTES {
            return Err(ProofError::Malformed);
        }
        let (message, signature) = text.rsplit_once('.').ok_or(ProofError::Malformed)?;
        let (header, payload) = message.split_once('.').ok_or(ProofError::Malformed)?;
        let header = decode(header)?;
        let header: Header<'_> = object(&header)?;
        if header.typ != typ || header.crit.is_some() {
            return Err(ProofError::Malformed);
        }
        // The only one: a proof doesn't choose how it is verified (RFC 8725 §3.1).
        if header.alg != "ES256" {
            return Err(ProofError::WrongAlgorithm);
        }
        let jwk = header
            .jwk
            .map(|jwk| read_jwk(jwk.get()).ok_or(ProofError::WrongKey));
        let signature = decode(signature)?;
        Ok(Self {
            message,
            signature: signature.try_into().map_err(|_| ProofError::Malformed)?,
            jwk: jwk.transpose()?,
            payload: decode(payload)?,
        })
    }

    /// The payload, if `key` has signed it.
    ///
    /// # Errors
    /// If another one has, or the payload is of another form.
    pub(super) fn verify<'p, T: Deserialize<'p>>(
        &'p self,
        key: &DeviceKey,
    ) -> Result<T, ProofError> {
        match key.has_signed(self.message.as_bytes(), &self.signature) {
            true => object(&self.payload),
            false => Err(ProofError::WrongSignature),
        }
    }

    /// The key that it brings along.
    pub(super) fn key(&self) -> Result<DeviceKey, ProofError> {
        self.jwk.ok_or(ProofError::WrongKey)
    }
}

fn decode(part: &str) -> Result<Vec<u8>, ProofError> {
    URL_SAFE_NO_PAD
        .decode(part)
        .map_err(|_| ProofError::Malformed)
}

/// serde would also take an array, its elements as the members in order.
fn object<'a, T: Deserialize<'a>>(json: &'a [u8]) -> Result<T, ProofError> {
    match json.trim_ascii_start().starts_with(b"{") {
        true => serde_json::from_slice(json).map_err(|_| ProofError::Malformed),
        false => Err(ProofError::Malformed),
    }
}

fn read_jwk(text: &str) -> Option<DeviceKey> {
    let jwk: Jwk<'_> = object(text.as_bytes()).ok()?;
    let is_public = jwk.kty == "EC" && jwk.crv == "P-256" && jwk.d.is_none();
    DeviceKey::from_coordinates(jwk.x, jwk.y).filter(|_| is_public)
}
