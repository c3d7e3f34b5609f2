//! Names of things: whose session it is, which session, which refresh of it.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::protocol::Protocol;
use super::secret::{Random, Sha256Hex};

/// The longest user id, in characters (Unicode scalar values).
pub const USER_ID_MAX_CHARS: usize = 128;

/// A user id: 1 to 128 characters, compared byte for byte.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct UserId(String);

/// A string that is no user id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to {USER_ID_MAX_CHARS} characters long")]
pub struct InvalidUserId;

impl UserId {
    /// Takes a user id as it was sent.
    ///
    /// # Errors
    /// If it is empty or longer than [`USER_ID_MAX_CHARS`].
    pub fn parse(text: impl Into<String>) -> Result<Self, InvalidUserId> {
        let text = text.into();
        let too_long = text.len() > USER_ID_MAX_CHARS && text.chars().count() > USER_ID_MAX_CHARS;
        if text.is_empty() || too_long {
            Err(InvalidUserId)
        } else {
            Ok(Self(text))
        }
    }

    /// Takes a user id that may be empty: SuperTokens' SDKs allow that.
    ///
    /// # Errors
    /// If it is longer than [`USER_ID_MAX_CHARS`].
    pub fn or_empty(text: impl Into<String>) -> Result<Self, InvalidUserId> {
        let text = text.into();
        match text.is_empty() {
            true => Ok(Self(text)),
            false => Self::parse(text),
        }
    }

    /// The user id as it was sent.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A session handle: the random public name of one session, URL-safe, of 186 random bits.
///
/// Whoever knows it may read, change and delete the session through the API, so it does not print. Its text tells
/// the protocol that it is for: 32 characters, and one more for CDI.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SessionHandle {
    bytes: [u8; Self::BYTES],
    protocol: Protocol,
}

/// What ends the text of a handle for CDI. No handle of the native API has 33 characters.
const CDI_END: char = 'c';

impl SessionHandle {
    /// Its length in bytes; its text is 4/3 of that.
    pub const BYTES: usize = 24;

    /// Draws a new handle for the native API. Its ninth character is a hyphen, as SuperTokens' SDKs expect of one.
    pub fn generate(random: &dyn Random) -> Self {
        let mut bytes: [u8; Self::BYTES] = random.bytes();
        bytes[6] = 62 << 2 | bytes[6] & 3;
        Self::from_bytes(bytes)
    }

    /// The handle with these bytes, for the native API.
    pub fn from_bytes(bytes: [u8; Self::BYTES]) -> Self {
        Self {
            bytes,
            protocol: Protocol::Native,
        }
    }

    /// The one with the same bytes for callers of a protocol.
    pub fn for_protocol(self, protocol: Protocol) -> Self {
        Self { protocol, ..self }
    }

    /// Reads a handle's text; `None` if it can't be one.
    pub fn parse(text: &str) -> Option<Self> {
        let (text, protocol) = match text.strip_suffix(CDI_END) {
            Some(head) if text.len() == Self::BYTES / 3 * 4 + 1 => (head, Protocol::Cdi),
            _ => (text, Protocol::Native),
        };
        let mut bytes = [0; Self::BYTES];
        match URL_SAFE_NO_PAD.decode_slice(text, &mut bytes) {
            Ok(Self::BYTES) => Some(Self { bytes, protocol }),
            _ => None,
        }
    }

    /// Its bytes.
    pub fn as_bytes(&self) -> &[u8; Self::BYTES] {
        &self.bytes
    }

    /// Whose callers it is for.
    pub fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// Its text, as callers see it.
    pub fn reveal(&self) -> String {
        let mut text = URL_SAFE_NO_PAD.encode(self.bytes);
        if self.protocol == Protocol::Cdi {
            text.push(CDI_END);
        }
        text
    }

    /// The database's primary key of this session.
    pub fn hash(&self) -> HandleHash {
        HandleHash::of_text(&self.reveal())
    }
}

impl fmt::Debug for SessionHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionHandle(..)")
    }
}

/// The hex SHA-256 of a session handle's text: the database's primary key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct HandleHash(Sha256Hex);

impl HandleHash {
    /// The hash of any text that may be a handle; those of the documented system look different from ours.
    pub fn of_text(handle: &str) -> Self {
        Self(Sha256Hex::of(handle.as_bytes()))
    }

    /// The hash of a text that a caller of `protocol` presents as a handle; `None` if it names no session of theirs.
    pub fn from_caller(protocol: Protocol, handle: &str) -> Option<Self> {
        let known = SessionHandle::parse(handle).map(|handle| handle.protocol());
        // The documented system's handles have a form of their own.
        (known.unwrap_or_default() == protocol).then(|| Self::of_text(handle))
    }

    /// Reads 64 hex digits.
    pub fn parse(hex: &str) -> Option<Self> {
        Sha256Hex::parse(hex).map(Self)
    }

    /// The 64 hex digits.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The first eight bytes, as a number.
    pub fn prefix(&self) -> u64 {
        u64::from_str_radix(&self.as_str()[..16], 16).expect("they are hex digits")
    }
}

/// How many refresh tokens of a session came before the one meant; 0 for the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Generation(pub u32);

impl Generation {
    /// The generation of a session's first refresh token.
    pub const FIRST: Self = Self(0);

    /// What a revoked session's row has in place of a generation; no session gets so far.
    pub const REVOKED: Self = Self(u32::MAX);

    /// The generation of a child of this one.
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_id_is_counted_in_characters() {
        assert!(UserId::parse("🦀".repeat(128)).is_ok());
        assert_eq!(UserId::parse("🦀".repeat(129)), Err(InvalidUserId));
        assert_eq!(UserId::parse(""), Err(InvalidUserId));
    }

    #[test]
    fn only_the_exact_text_of_a_handle_parses() {
        let handle = SessionHandle::from_bytes([7; 24]);
        let text = handle.reveal();
        assert_eq!(SessionHandle::parse(&text), Some(handle));
        for bad in [
            "",
            "x",
            &text[1..],
            &format!("{text}A"),
            &format!("{text}="),
        ] {
            assert_eq!(SessionHandle::parse(bad), None, "{bad}");
        }
        assert_eq!(format!("{handle:?}"), "SessionHandle(..)");
    }

    #[test]
    fn a_handle_tells_whose_it_is_and_names_nothing_to_others() {
        use crate::domain::secret::testing::SeededRandom;
        let native = SessionHandle::generate(&SeededRandom::new(1));
        let cdi = native.for_protocol(Protocol::Cdi);
        for (handle, protocol) in [(native, Protocol::Native), (cdi, Protocol::Cdi)] {
            let text = handle.reveal();
            assert_eq!(text.chars().nth(8), Some('-'), "{text}");
            assert_eq!(SessionHandle::parse(&text), Some(handle));
            for presented in [Protocol::Native, Protocol::Cdi] {
                let hash = HandleHash::from_caller(presented, &text);
                assert_eq!(hash, (presented == protocol).then(|| handle.hash()));
            }
        }
        assert_ne!(native.hash(), cdi.hash());
        let documented = "6f1e0a70-5ac4-4d6e-9d5f-0c5a7f2c8a11";
        assert!(HandleHash::from_caller(Protocol::Native, documented).is_some());
        assert!(HandleHash::from_caller(Protocol::Cdi, documented).is_none());
    }
}
