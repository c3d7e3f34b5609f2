//! Refresh tokens: opaque to callers, authenticated by a MAC, naming their session, place and parent.
//!
//! Layout, then base64url without padding (178 characters):
//! `format 1 | handle 24 | generation 4 | issued 8 | expires 8 | nonce 24 | parent 32 | MAC 32` bytes;
//! integers are big-endian, times milliseconds since the Unix epoch, parent is zeros for generation 0. That is format 1,
//! of the native API. Format 2, of CDI, has a byte of flags behind its format (180 characters).

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::domain::id::{Generation, SessionHandle};
use crate::domain::protocol::Protocol;
use crate::domain::secret::{DoubleHash, Key, Random, SecretString, Sha256Hex, SingleHash};
use crate::domain::time::Timestamp;

const FORMAT_NATIVE: u8 = 1;
const FORMAT_CDI: u8 = 2;
const NONCE_BYTES: usize = 24;
const FIELDS_BYTES: usize = SessionHandle::BYTES + 4 + 8 + 8 + NONCE_BYTES + 32;
const MAC_BYTES: usize = 32;
const NATIVE_BYTES: usize = 1 + FIELDS_BYTES + MAC_BYTES;
const CDI_BYTES: usize = NATIVE_BYTES + 1;

/// The flag of a token that came with an anti-CSRF token.
const HAS_ANTI_CSRF: u8 = 1;

// Each use of the refresh token key begins with a text of its own, so that no MAC serves two of them. The texts are
// short, and what follows is a hash where that will do: SHA-256 goes by blocks of 64 bytes, and most of a refresh's
// instructions are SHA-256.
const TOKEN: &[u8] = b"token 1\0";
const CHILD: &[u8] = b"child 1\0";
const ID: &[u8] = b"id 1\0";
const ANTI_CSRF: &[u8] = b"csrf 1\0";

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
    /// Whether an anti-CSRF token came with it; never for the native API.
    pub anti_csrf: bool,
    nonce: [u8; NONCE_BYTES],
}

impl RefreshClaims {
    /// How long its receiver was told that it is good.
    pub fn lifetime(&self) -> Duration {
        self.expires_at.since(self.issued_at)
    }

    /// What its text begins with: the format, and flags if it has any. The bytes that are used are the text's.
    fn start(protocol: Protocol, anti_csrf: bool) -> Vec<u8> {
        match protocol {
            Protocol::Native => vec![FORMAT_NATIVE],
            Protocol::Cdi => vec![FORMAT_CDI, if anti_csrf { HAS_ANTI_CSRF } else { 0 }],
        }
    }
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
pub enum IssueTime {
    /// In the time slot that starts then.
    InSlot(Timestamp),
    /// At that very moment, unlike any other child.
    Once(Timestamp),
}

impl IssueTime {
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

/// What the children of a refresh token are made from. A token knows its parent's, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parent {
    /// Which session.
    pub handle: SessionHandle,
    /// How many refresh tokens of the session came before it.
    pub generation: Generation,
    hash: SingleHash,
}

impl Parent {
    /// A child. In one slot it is the same each time, its time of issue included.
    pub fn child(
        &self,
        issue: IssueTime,
        anti_csrf: bool,
        expires_at: Timestamp,
        key: &Key,
        random: &dyn Random,
    ) -> RefreshToken {
        let nonce = match issue {
            IssueTime::Once(_) => random.bytes(),
            IssueTime::InSlot(slot) => {
                let slot = slot.as_millis().to_be_bytes();
                // Nothing for the native API; a byte for CDI, that children with and without never agree.
                let flags = &RefreshClaims::start(self.handle.protocol(), anti_csrf)[1..];
                let mac = key.mac(&[CHILD, &self.hash.to_digest(), &slot, flags]);
                std::array::from_fn(|i| mac[i])
            }
        };
        RefreshToken::seal(
            RefreshClaims {
                handle: self.handle,
                generation: self.generation.next(),
                issued_at: issue.time(),
                expires_at,
                parent: Some(self.hash),
                anti_csrf,
                nonce,
            },
            key,
        )
    }
}

impl RefreshToken {
    /// The first refresh token of a session, for callers of its handle's protocol.
    pub fn first(
        handle: SessionHandle,
        anti_csrf: bool,
        issued_at: Timestamp,
        expires_at: Timestamp,
        key: &Key,
        random: &dyn Random,
    ) -> Self {
        Self::seal(
            RefreshClaims {
                handle,
                generation: Generation::FIRST,
                issued_at,
                expires_at,
                parent: None,
                anti_csrf,
                nonce: random.bytes(),
            },
            key,
        )
    }

    /// What children are made from.
    pub fn as_parent(&self) -> Parent {
        Parent {
            handle: self.claims.handle,
            generation: self.claims.generation,
            hash: self.hash,
        }
    }

    /// What this token was made from; none for generation 0.
    pub fn parent(&self) -> Option<Parent> {
        Some(Parent {
            handle: self.claims.handle,
            generation: Generation(self.claims.generation.0.checked_sub(1)?),
            hash: self.claims.parent?,
        })
    }

    fn seal(claims: RefreshClaims, key: &Key) -> Self {
        let mut bytes = Vec::with_capacity(CDI_BYTES);
        bytes.extend(RefreshClaims::start(
            claims.handle.protocol(),
            claims.anti_csrf,
        ));
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

    /// Checks the form and MAC of a token for callers of `protocol`, and reads it. Whether it has expired is for the
    /// rotation rules.
    ///
    /// # Errors
    /// If it is not a token that one of `keys` authenticates.
    pub fn verify<'k>(
        text: &str,
        protocol: Protocol,
        keys: impl IntoIterator<Item = &'k Key>,
    ) -> Result<Self, RefreshTokenError> {
        let mut buffer = [0; CDI_BYTES];
        let length = URL_SAFE_NO_PAD.decode_slice(text, &mut buffer);
        let (start, flags) = match (protocol, length, buffer[0]) {
            (Protocol::Native, Ok(NATIVE_BYTES), FORMAT_NATIVE) => (1, 0),
            (Protocol::Cdi, Ok(CDI_BYTES), FORMAT_CDI) => (2, buffer[1]),
            _ => return Err(RefreshTokenError::Malformed),
        };
        let (body, mac) = buffer[..start + FIELDS_BYTES + MAC_BYTES].split_at(start + FIELDS_BYTES);
        if !keys
            .into_iter()
            .any(|key| key.verify_mac(&[TOKEN, body], mac))
        {
            return Err(RefreshTokenError::WrongMac);
        }
        let mut rest = &body[start..];
        let claims = RefreshClaims {
            handle: SessionHandle::from_bytes(take(&mut rest)).for_protocol(protocol),
            generation: Generation(u32::from_be_bytes(take(&mut rest))),
            issued_at: Timestamp::from_millis(u64::from_be_bytes(take(&mut rest))),
            expires_at: Timestamp::from_millis(u64::from_be_bytes(take(&mut rest))),
            nonce: take(&mut rest),
            parent: Some(SingleHash::from_hex(Sha256Hex::from_digest(&take(
                &mut rest,
            )))),
            anti_csrf: flags & HAS_ANTI_CSRF != 0,
        };
        let parent = claims
            .parent
            .filter(|_| claims.generation > Generation::FIRST);
        Ok(Self::new(
            RefreshClaims { parent, ..claims },
            text.to_owned(),
        ))
    }

    /// Which session a token of the native API claims to be of, and how far along: its time of issue and its
    /// generation, without a look at its MAC. Of two of a session the one that is further along is the younger.
    pub fn place_unverified(text: &str) -> Option<(SessionHandle, (Timestamp, Generation))> {
        let mut bytes = [0; NATIVE_BYTES];
        let length = URL_SAFE_NO_PAD.decode_slice(text, &mut bytes);
        if length != Ok(NATIVE_BYTES) || bytes[0] != FORMAT_NATIVE {
            return None;
        }
        let mut rest = &bytes[1..];
        let handle = SessionHandle::from_bytes(take(&mut rest));
        let generation = Generation(u32::from_be_bytes(take(&mut rest)));
        let issued_at = Timestamp::from_millis(u64::from_be_bytes(take(&mut rest)));
        Some((handle, (issued_at, generation)))
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

    /// The anti-CSRF token that came with it, if one did: 192 bits that tell nothing without the key.
    pub fn anti_csrf(&self, key: &Key) -> Option<SecretString> {
        self.claims.anti_csrf.then(|| {
            let mac = key.mac(&[ANTI_CSRF, &self.hash().to_digest()]);
            SecretString::new(URL_SAFE_NO_PAD.encode(&mac[..24]))
        })
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
mod tests;
