//! Sessions that are bound to a key of a device: a refresh is then good only with a proof that the key made.
//!
//! Two protocols, one key: browsers speak Device Bound Session Credentials ([`dbsc`], a W3C draft), everything else DPoP
//! ([`dpop`], RFC 9449). Both proofs are compact JWS (RFC 7515) signed with ES256; what makes each fresh is a
//! [`challenge`] of ours.

pub mod challenge;
pub mod dbsc;
pub mod dpop;
mod jws;
mod key;

pub use self::jws::PROOF_MAX_BYTES;
pub use self::key::{DeviceKey, KeyThumbprint};

/// Whether a session is bound to a key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Binding {
    /// It is not, and need not be.
    #[default]
    Unbound,
    /// It is not, and can't be refreshed before it is.
    Required,
    /// It is bound to this key.
    Bound(DeviceKey),
}

/// What the column `device_key` holds of a session that has to be bound and is not yet.
pub const REQUIRED: &str = "required";

impl Binding {
    /// Reads what [`Self::stored`] wrote; `None` for anything else.
    pub fn from_stored(text: Option<&str>) -> Option<Self> {
        match text {
            None => Some(Self::Unbound),
            Some(REQUIRED) => Some(Self::Required),
            Some(text) => DeviceKey::parse(text).map(Self::Bound),
        }
    }

    /// As the column `device_key` holds it; none: unbound.
    pub fn stored(self) -> Option<String> {
        match self {
            Self::Unbound => None,
            Self::Required => Some(REQUIRED.to_owned()),
            Self::Bound(key) => Some(key.encode()),
        }
    }

    /// The key, if it is bound to one.
    pub fn key(self) -> Option<DeviceKey> {
        match self {
            Self::Bound(key) => Some(key),
            Self::Unbound | Self::Required => None,
        }
    }
}

/// Why a proof is not accepted. For the log; callers are not told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// Not a compact JWS of at most [`PROOF_MAX_BYTES`] with the members that are asked for.
    #[error("not a proof of this kind")]
    Malformed,
    /// Its `alg` is not ES256.
    #[error("signed with another algorithm than ES256")]
    WrongAlgorithm,
    /// Its `jwk` is missing, or not the public half of a key on P-256.
    #[error("without a public key of P-256")]
    WrongKey,
    /// A right registration, but the session has another key, or another token than the login's.
    #[error("another key was first, or a refresh")]
    TooLate,
    /// The key has not signed it, or another key has.
    #[error("signed by another key")]
    WrongSignature,
    /// Its challenge or nonce is missing, of another session or token, or too old.
    #[error("its challenge is not one for this token and time")]
    WrongChallenge,
    /// Its `htm` or `htu` is of another request.
    #[error("made for another request")]
    WrongRequest,
    /// Its `iat` is more than a minute off.
    #[error("made at another time")]
    WrongTime,
    /// Its `ath` is missing, or of another access token.
    #[error("made for another access token")]
    WrongAccessToken,
}

#[cfg(test)]
mod tests;
