//! Access tokens: JWS compact JWTs (RFC 7515, RFC 7519). What each says, whatever its shape, and when it is good.
//!
//! A token passes only with the exact header that this service writes for one of its keys. So the algorithm
//! is pinned (RFC 8725 §3.1), `kid` is nothing but a name in a map, and no other header parameter can have an
//! effect.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::header::{HEADER_MAX_BYTES, Header, TokenFormat};
use super::key::{AccessKey, Algorithm, Class};
use super::shape;
use crate::domain::authentication::Authentication;
use crate::domain::device::KeyThumbprint;
use crate::domain::id::{SessionHandle, UserId};
use crate::domain::json::Json;
use crate::domain::protocol::Protocol;
use crate::domain::secret::{DoubleHash, SecretString, SingleHash};
use crate::domain::time::Timestamp;

/// How far in the future a token's `iat` may lie, in seconds: what clocks of two machines may differ by.
const MAX_CLOCK_SKEW_SECS: u64 = 60;

/// What an access token says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessClaims {
    /// Whose session it is.
    pub user_id: UserId,
    /// Which session.
    pub handle: SessionHandle,
    /// `iat`, whole seconds.
    pub issued_at: Timestamp,
    /// `exp`, whole seconds: the token is good before it, not at it.
    pub expires_at: Timestamp,
    /// The double hash of the refresh token that came with it.
    pub refresh: DoubleHash,
    /// The single hash of that refresh token's parent, until the child is confirmed.
    pub parent: Option<SingleHash>,
    /// What has to come with it against cross-site request forgery. The native API have no such thing.
    pub anti_csrf: Option<SecretString>,
    /// The key that must have made a proof which comes with it (`cnf.jkt`, RFC 9449 §6.1), if it is bound to one.
    pub key: Option<KeyThumbprint>,
    /// Claims that settings and sites choose.
    pub optional: OptionalClaims,
    /// The session's payload, if it has one.
    pub payload: Option<Json>,
}

/// Claims that settings and sites choose. Tokens for SuperTokens' SDKs have none of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OptionalClaims {
    /// `iss`.
    pub issuer: Option<String>,
    /// `aud`.
    pub audience: Option<String>,
    /// `auth_time`, and perhaps `amr` and `acr`.
    pub authentication: Option<Authentication>,
}

/// Why an access token is not accepted. For the log; callers are not told.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AccessTokenError {
    /// Not three parts of canonical base64 with a header of ours.
    #[error("not a token of this service")]
    Malformed,
    /// A header of ours that names a key that is not loaded.
    #[error("signed with key {0}, which is not among the loaded ones")]
    UnknownKey(String),
    /// The signature is another one.
    #[error("wrong signature")]
    WrongSignature,
    /// Signed with our key, but the claims are not such as we write.
    #[error("claims of another shape")]
    WrongClaims,
    /// `iss` is another one than the setting's.
    #[error("of another issuer")]
    WrongIssuer,
    /// `aud` is another one than the setting's.
    #[error("for another audience")]
    WrongAudience,
    /// At or after `exp`.
    #[error("expired")]
    Expired,
    /// `iat` is more than a minute ahead.
    #[error("issued in the future")]
    IssuedInFuture,
}

impl AccessClaims {
    /// Writes and signs the token.
    pub fn sign(&self, key: &AccessKey, algorithm: Algorithm, form: TokenFormat) -> String {
        let claims = match form {
            TokenFormat::Native => shape::native::write(self),
            TokenFormat::Cdi(form) => shape::cdi::write(self, form.version),
        };
        let mut token = String::with_capacity(claims.len() * 4 / 3 + 256);
        let name = key.kid();
        Header {
            algorithm,
            form,
            name,
        }
        .write(&mut token);
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(claims, &mut token);
        let signature = key.sign(algorithm, token.as_bytes());
        token.push('.');
        token.push_str(&signature);
        token
    }

    /// Checks the form, signature and times of a token for callers of `protocol`, and reads it.
    ///
    /// `find_key` looks a key up by its class and name.
    ///
    /// # Errors
    /// The first reason against it.
    pub fn verify(
        token: &str,
        protocol: Protocol,
        now: Timestamp,
        find_key: impl FnOnce(Class, &str) -> Option<Arc<AccessKey>>,
    ) -> Result<(Self, TokenFormat), AccessTokenError> {
        let (claims, form) = Self::authenticate(token, protocol, find_key)?;
        claims.check_times(now)?;
        Ok((claims, form))
    }

    /// What a token of the native API claims, without a look at signature and times.
    pub fn unverified(token: &str) -> Option<Self> {
        let claims = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
        shape::native::read(str::from_utf8(&claims).ok()?)
    }

    /// Checks all but the times.
    ///
    /// # Errors
    /// As [`Self::verify`].
    pub fn authenticate(
        token: &str,
        protocol: Protocol,
        find_key: impl FnOnce(Class, &str) -> Option<Arc<AccessKey>>,
    ) -> Result<(Self, TokenFormat), AccessTokenError> {
        let (message, signature) = token.rsplit_once('.').ok_or(AccessTokenError::Malformed)?;
        let (header, claims) = message.split_once('.').ok_or(AccessTokenError::Malformed)?;
        let mut buffer = [0; HEADER_MAX_BYTES];
        let Header {
            algorithm,
            form,
            name,
        } = Header::read(header, &mut buffer)
            .filter(|header| header.form.protocol() == protocol)
            .ok_or(AccessTokenError::Malformed)?;
        let key = find_key(form.class(), name)
            .ok_or_else(|| AccessTokenError::UnknownKey(name.to_owned()))?;
        match key.verify(algorithm, message.as_bytes(), signature) {
            Some(true) => {}
            Some(false) => return Err(AccessTokenError::WrongSignature),
            None => return Err(AccessTokenError::Malformed),
        }
        let claims = URL_SAFE_NO_PAD
            .decode(claims)
            .map_err(|_| AccessTokenError::Malformed)?;
        let claims = str::from_utf8(&claims)
            .ok()
            .and_then(|text| match form {
                TokenFormat::Native => shape::native::read(text),
                TokenFormat::Cdi(form) => shape::cdi::read(text, form.version),
            })
            .filter(|claims| claims.handle.protocol() == protocol)
            .ok_or(AccessTokenError::WrongClaims)?;
        Ok((claims, form))
    }

    /// Whether the token is one of this issuer for this audience, as far as they are set (RFC 7519 §4.1.1, §4.1.3). A token
    /// without the claim passes: it is from before the setting, and signed with our key.
    ///
    /// # Errors
    /// If it names another one.
    pub fn check_names(
        &self,
        issuer: Option<&str>,
        audience: Option<&str>,
    ) -> Result<(), AccessTokenError> {
        let is_other = |claim: &Option<String>, setting: Option<&str>| {
            let pair = claim.as_deref().zip(setting);
            pair.is_some_and(|(claim, setting)| claim != setting)
        };
        match &self.optional {
            it if is_other(&it.issuer, issuer) => Err(AccessTokenError::WrongIssuer),
            it if is_other(&it.audience, audience) => Err(AccessTokenError::WrongAudience),
            _ => Ok(()),
        }
    }

    /// Whether the token is good at `now`.
    ///
    /// # Errors
    /// If it has expired, or was not issued yet.
    pub fn check_times(&self, now: Timestamp) -> Result<(), AccessTokenError> {
        if now >= self.expires_at {
            return Err(AccessTokenError::Expired);
        }
        if self.issued_at.as_secs() > now.as_secs().saturating_add(MAX_CLOCK_SKEW_SECS) {
            return Err(AccessTokenError::IssuedInFuture);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
