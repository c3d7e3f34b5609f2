//! Refresh tokens: opaque to callers, authenticated by a MAC, naming their session, place and parent.
//!
//! Layout, then base64url without padding (178 characters):
//! `format 1 | handle 24 | generation 4 | issued 8 | expires 8 | nonce 24 | parent 32 | MAC 32` bytes;
//! integers are big-endian, times milliseconds since the Unix epoch, parent is zeros for generation 0.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::domain::id::{Generation, SessionHandle};
use crate::domain::secret::{DoubleHash, Key, Random, SecretString, Sha256Hex, SingleHash};
use crate::domain::time::Timestamp;

const FORMAT: u8 = 1;
const NONCE_BYTES: usize = 24;
const BODY_BYTES: usize = 1 + SessionHandle::BYTES + 4 + 8 + 8 + NONCE_BYTES + 32;
const TOKEN_BYTES: usize = BODY_BYTES + 32;

// Each use of the refresh token key begins with a text of its own, so that no MAC serves two of them. The texts are
// short, and what follows is a hash where that will do: SHA-256 goes by blocks of 64 bytes, and most of a refresh's
// instructions are SHA-256.
const TOKEN: &[u8] = b"token 1\0";
const CHILD: &[u8] = b"child 1\0";
const ID: &[u8] = b"id 1\0";

/// What a refresh token says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefreshClaims {
    /// Which session.
    pub handle: SessionHandle,
    /// How many refresh tokens of the session came before it.
    pub generation: Generation,
    /// When it was issued, whole seconds.
    pub issued_at: Timestamp,
    /// What its receiver was told: it is good before this, not at it.
    pub expires_at: Timestamp,
    /// The refresh token that it was made from; none for generation 0.
    pub parent: Option<SingleHash>,
    nonce: [u8; NONCE_BYTES],
}

/// A refresh token with its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefreshToken {
    /// What it says.
    pub claims: RefreshClaims,
    text: SecretString,
    hash: SingleHash,
    double_hash: DoubleHash,
}

/// Why a refresh token is not accepted. For the log; callers are not told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RefreshTokenError {
    /// Not the text of a refresh token.
    #[error("not a refresh token of this service")]
    Malformed,
    /// Its MAC is not one under our keys.
    #[error("wrong authentication code")]
    WrongMac,
}

/// When a child is made: two refreshes of one token that agree on this get the same child.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Issue {
    /// In the time slot that starts then.
    InSlot(Timestamp),
    /// At that very moment, unlike any other child.
    Once(Timestamp),
}

impl Issue {
    /// The way to issue at `now` with a reuse window (whole seconds; zero turns reuse off).
    pub fn at(now: Timestamp, reuse_window: Duration) -> Self {
        if reuse_window.is_zero() {
            Self::Once(Timestamp::from_secs(now.as_secs()))
        } else {
            Self::InSlot(now.slot_start(reuse_window))
        }
    }

    /// The time of issue that tokens carry, whole seconds.
    pub fn time(self) -> Timestamp {
        match self {
            Self::InSlot(time) | Self::Once(time) => time,
        }
    }
}

impl RefreshToken {
    /// The first refresh token of a session.
    pub fn first(
        handle: SessionHandle,
        issued_at: Timestamp,
        validity: Duration,
        key: &Key,
        random: &dyn Random,
    ) -> Self {
        Self::seal(
            RefreshClaims {
                handle,
                generation: Generation::FIRST,
                issued_at,
                expires_at: issued_at.plus(validity),
                parent: None,
                nonce: random.bytes(),
            },
            key,
        )
    }

    /// A child of this token. In one slot it is the same each time, its time of issue included.
    pub fn child(&self, issue: Issue, validity: Duration, key: &Key, random: &dyn Random) -> Self {
        let issued_at = issue.time();
        let nonce = match issue {
            Issue::Once(_) => random.bytes(),
            Issue::InSlot(slot) => {
                let slot = slot.as_millis().to_be_bytes();
                let mac = key.mac(&[CHILD, &self.hash().to_digest(), &slot]);
                std::array::from_fn(|i| mac[i])
            }
        };
        Self::seal(
            RefreshClaims {
                handle: self.claims.handle,
                generation: self.claims.generation.next(),
                issued_at,
                expires_at: issued_at.plus(validity),
                parent: Some(self.hash()),
                nonce,
            },
            key,
        )
    }

    fn seal(claims: RefreshClaims, key: &Key) -> Self {
        let mut bytes = Vec::with_capacity(TOKEN_BYTES);
        bytes.push(FORMAT);
        bytes.extend_from_slice(claims.handle.as_bytes());
        bytes.extend_from_slice(&claims.generation.0.to_be_bytes());
        bytes.extend_from_slice(&claims.issued_at.as_millis().to_be_bytes());
        bytes.extend_from_slice(&claims.expires_at.as_millis().to_be_bytes());
        bytes.extend_from_slice(&claims.nonce);
        bytes.extend_from_slice(&claims.parent.map_or([0; 32], |parent| parent.to_digest()));
        let mac = key.mac(&[TOKEN, &bytes]);
        bytes.extend_from_slice(&mac);
        Self::new(claims, URL_SAFE_NO_PAD.encode(bytes))
    }

    fn new(claims: RefreshClaims, text: String) -> Self {
        let hash = SingleHash::of_token(&text);
        let double_hash = hash.double();
        Self {
            claims,
            text: SecretString::new(text),
            hash,
            double_hash,
        }
    }

    /// Checks a token's form and MAC, and reads it. Whether it has expired is for the rotation rules.
    ///
    /// # Errors
    /// If it is not a token that one of `keys` authenticates.
    pub fn verify<'k>(
        text: &str,
        keys: impl IntoIterator<Item = &'k Key>,
    ) -> Result<Self, RefreshTokenError> {
        let mut bytes = [0; TOKEN_BYTES];
        if URL_SAFE_NO_PAD.decode_slice(text, &mut bytes) != Ok(TOKEN_BYTES) || bytes[0] != FORMAT {
            return Err(RefreshTokenError::Malformed);
        }
        let (body, mac) = bytes.split_at(BODY_BYTES);
        if !keys
            .into_iter()
            .any(|key| key.verify_mac(&[TOKEN, body], mac))
        {
            return Err(RefreshTokenError::WrongMac);
        }
        let mut rest = &body[1..];
        let claims = RefreshClaims {
            handle: SessionHandle::from_bytes(take(&mut rest)),
            generation: Generation(u32::from_be_bytes(take(&mut rest))),
            issued_at: Timestamp::from_millis(u64::from_be_bytes(take(&mut rest))),
            expires_at: Timestamp::from_millis(u64::from_be_bytes(take(&mut rest))),
            nonce: take(&mut rest),
            parent: Some(SingleHash::from_hex(Sha256Hex::from_digest(&take(
                &mut rest,
            )))),
        };
        let parent = claims
            .parent
            .filter(|_| claims.generation > Generation::FIRST);
        Ok(Self::new(
            RefreshClaims { parent, ..claims },
            text.to_owned(),
        ))
    }

    /// How far along a token claims to be, without a look at its MAC: its time of issue and its generation. Of two
    /// that a client holds the greater one is the younger; what is no refresh token is less than any.
    pub fn progress_unverified(text: &str) -> Option<(Timestamp, Generation)> {
        let mut bytes = [0; TOKEN_BYTES];
        if URL_SAFE_NO_PAD.decode_slice(text, &mut bytes) != Ok(TOKEN_BYTES) || bytes[0] != FORMAT {
            return None;
        }
        let mut rest = &bytes[1 + SessionHandle::BYTES..];
        let generation = Generation(u32::from_be_bytes(take(&mut rest)));
        let issued_at = Timestamp::from_millis(u64::from_be_bytes(take(&mut rest)));
        Some((issued_at, generation))
    }

    /// The token's text, for its receiver.
    pub fn reveal(&self) -> &str {
        self.text.expose()
    }

    /// What a child carries of it.
    pub fn hash(&self) -> SingleHash {
        self.hash
    }

    /// What the database and its access token hold of it.
    pub fn double_hash(&self) -> DoubleHash {
        self.double_hash
    }

    /// The id refresh token that goes with it: 192 bits that tell nothing without the key.
    pub fn id(&self, key: &Key) -> String {
        let mac = key.mac(&[ID, &self.hash().to_digest()]);
        URL_SAFE_NO_PAD.encode(&mac[..24])
    }
}

fn take<const N: usize>(bytes: &mut &[u8]) -> [u8; N] {
    let (head, rest) = bytes
        .split_first_chunk()
        .expect("the fields add up to the body's length");
    *bytes = rest;
    *head
}

#[cfg(test)]
#[path = "refresh_tests.rs"]
mod tests;
