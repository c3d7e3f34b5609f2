//! A device with a key in software: what browsers and native clients sign.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{Signature, SigningKey};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::domain::device::{DeviceKey, dbsc};

/// A device.
pub struct Device(SigningKey);

impl Device {
    /// The device with the key of this number.
    pub fn new(number: u8) -> Self {
        let secret = Sha256::digest([b'd', number]);
        Self(SigningKey::from_slice(&secret).expect("hardly any hash is no scalar"))
    }

    /// The public half as a JWK.
    pub fn jwk(&self) -> Value {
        let point = self.0.verifying_key().to_sec1_point(false);
        let [x, y] =
            [point.x(), point.y()].map(|half| URL_SAFE_NO_PAD.encode(half.expect("uncompressed")));
        json!({ "crv": "P-256", "kty": "EC", "x": x, "y": y })
    }

    /// The public half.
    pub fn key(&self) -> DeviceKey {
        let (key, _) = dbsc::registration(&self.registration("")).expect("its own signature");
        key
    }

    /// A compact JWS of any header and payload.
    pub fn sign(&self, header: &Value, payload: &Value) -> String {
        self.sign_bytes(
            header.to_string().as_bytes(),
            payload.to_string().as_bytes(),
        )
    }

    /// A compact JWS of any bytes as header and payload.
    pub fn sign_bytes(&self, header: &[u8], payload: &[u8]) -> String {
        let [header, payload] = [header, payload].map(|part| URL_SAFE_NO_PAD.encode(part));
        let message = format!("{header}.{payload}");
        let signature: Signature = self.0.sign(message.as_bytes());
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature.to_bytes()))
    }

    /// What a browser sends to bind a session.
    pub fn registration(&self, challenge: &str) -> String {
        let header = json!({ "alg": "ES256", "jwk": self.jwk(), "typ": "dbsc+jwt" });
        self.sign(&header, &json!({ "jti": challenge }))
    }

    /// What a browser sends to refresh a bound session.
    pub fn proof(&self, challenge: &str) -> String {
        let header = json!({ "alg": "ES256", "typ": "dbsc+jwt" });
        self.sign(&header, &json!({ "jti": challenge }))
    }

    /// A DPoP proof; `more` members are added, or replace others.
    pub fn dpop(&self, method: &str, uri: &str, iat: u64, more: &Value) -> String {
        let header = json!({ "alg": "ES256", "jwk": self.jwk(), "typ": "dpop+jwt" });
        let mut payload = json!({ "jti": "1", "htm": method, "htu": uri, "iat": iat });
        for (name, value) in more.as_object().into_iter().flatten() {
            payload[name] = value.clone();
        }
        self.sign(&header, &payload)
    }

    /// `ath` of an access token.
    pub fn ath(token: &str) -> String {
        URL_SAFE_NO_PAD.encode(Sha256::digest(token.as_bytes()))
    }
}
