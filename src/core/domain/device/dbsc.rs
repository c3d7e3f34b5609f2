//! Device Bound Session Credentials (W3C draft webappsec-dbsc, §9): what browsers sign, as Chromium 156 writes it.
//!
//! A registration brings the key along; a refresh does not, and a `jwk` in it means nothing. Neither says when it was made.
//! Members that are not named here, `aud` among them, are passed over.

use std::borrow::Cow;

use serde::Deserialize;

use super::jws::Jws;
use super::{DeviceKey, ProofError};

const TYPE: &str = "dbsc+jwt";

#[derive(Deserialize)]
struct Payload<'a> {
    #[serde(borrow)]
    jti: Cow<'a, str>,
}

/// The key of a registration and the challenge that it has signed.
///
/// # Errors
/// If it is no registration, or not signed by the key that it brings.
pub fn registration(proof: &str) -> Result<(DeviceKey, String), ProofError> {
    let jws = Jws::parse(proof, TYPE)?;
    let key = jws.key()?;
    let Payload { jti } = jws.verify(&key)?;
    Ok((key, jti.into_owned()))
}

/// The challenge that the session's key has signed.
///
/// # Errors
/// If it is no proof of this kind, or another key has signed it.
pub fn refresh(proof: &str, key: &DeviceKey) -> Result<String, ProofError> {
    let jws = Jws::parse(proof, TYPE)?;
    let Payload { jti } = jws.verify(key)?;
    Ok(jti.into_owned())
}
