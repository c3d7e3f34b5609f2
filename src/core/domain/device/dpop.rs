//! DPoP (RFC 9449): what native apps, command lines and backends sign.

use std::borrow::Cow;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::Uri;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use super::jws::Jws;
use super::{DeviceKey, ProofError};
use crate::domain::time::Timestamp;

const TYPE: &str = "dpop+jwt";

/// By how much `iat` may differ from our time, either way (RFC 9449 §11.1).
const MAX_SKEW: Duration = Duration::from_secs(60);

/// The request that a proof has to be made for, as the site's backend received it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProvenRequest {
    method: String,
    uri: String,
}

impl ProvenRequest {
    /// A request by its method and its address; a query or fragment does not count (RFC 9449 §4.2). `None` if that is no
    /// absolute `http` or `https` address.
    pub fn new(method: impl Into<String>, uri: &str) -> Option<Self> {
        Some(Self {
            method: method.into(),
            uri: normalize(uri)?,
        })
    }
}

/// The address in the one form in which all its spellings agree (RFC 3986 §6.2.2, §6.2.3).
fn normalize(uri: &str) -> Option<String> {
    let uri: Uri = uri.split(['?', '#']).next()?.parse().ok()?;
    let scheme = uri.scheme_str()?.to_ascii_lowercase();
    let default_port = match scheme.as_str() {
        "https" => 443,
        "http" => 80,
        _ => return None,
    };
    let authority = uri.authority().filter(|it| !it.as_str().contains('@'))?;
    let host = authority.host().to_ascii_lowercase();
    let port = authority.port_u16().unwrap_or(default_port);
    Some(format!("{scheme}://{host}:{port}{}", uri.path()))
}

#[derive(Deserialize)]
struct Payload<'a> {
    #[serde(borrow)]
    jti: Cow<'a, str>,
    #[serde(borrow)]
    htm: Cow<'a, str>,
    #[serde(borrow)]
    htu: Cow<'a, str>,
    iat: f64,
    #[serde(borrow)]
    nonce: Option<Cow<'a, str>>,
    #[serde(borrow)]
    ath: Option<Cow<'a, str>>,
}

/// A proof that was made for a request by the key that it brings along.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DpopProof {
    /// That key.
    pub key: DeviceKey,
    /// The challenge of ours that it has signed, if there is one in it.
    pub nonce: Option<String>,
    access_token_hash: Option<String>,
}

impl DpopProof {
    /// Verifies all of RFC 9449 §4.3 but what its receiver has to compare: key, nonce and access token.
    ///
    /// # Errors
    /// The first reason against it.
    pub fn verify(
        proof: &str,
        request: &ProvenRequest,
        now: Timestamp,
    ) -> Result<Self, ProofError> {
        let jws = Jws::parse(proof, TYPE)?;
        let key = jws.key()?;
        let payload: Payload<'_> = jws.verify(&key)?;
        if payload.jti.is_empty() {
            return Err(ProofError::Malformed);
        }
        let is_of_request = payload.htm == request.method.as_str()
            && normalize(&payload.htu).as_deref() == Some(&request.uri);
        if !is_of_request {
            return Err(ProofError::WrongRequest);
        }
        let off_by = payload.iat - now.as_millis() as f64 / 1000.0;
        let is_in_time = off_by.abs() <= MAX_SKEW.as_secs_f64();
        if !is_in_time {
            return Err(ProofError::WrongTime);
        }
        Ok(Self {
            key,
            nonce: payload.nonce.map(Cow::into_owned),
            access_token_hash: payload.ath.map(Cow::into_owned),
        })
    }

    /// Holds `ath` (RFC 9449 §4.2) against the access token that came with the proof.
    ///
    /// # Errors
    /// If it is missing or of another one.
    pub fn check_access_token(&self, token: &str) -> Result<(), ProofError> {
        let hash = URL_SAFE_NO_PAD.encode(Sha256::digest(token.as_bytes()));
        match self.access_token_hash.as_deref() == Some(&hash) {
            true => Ok(()),
            false => Err(ProofError::WrongAccessToken),
        }
    }
}
