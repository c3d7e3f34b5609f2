//! Names of things: whose session it is, which session, which refresh of it.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

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

    /// The user id as it was sent.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A session handle: the random public name of one session, 192 bits, URL-safe.
///
/// Whoever knows it may read, change and delete the session through the API, so it does not print.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SessionHandle([u8; Self::BYTES]);

impl SessionHandle {
    /// Its length in bytes; its text is 4/3 of that.
    pub const BYTES: usize = 24;

    /// Draws a new handle.
    pub fn generate(random: &dyn Random) -> Self {
        Self(random.bytes())
    }

    /// The handle with these bytes.
    pub fn from_bytes(bytes: [u8; Self::BYTES]) -> Self {
        Self(bytes)
    }

    /// Reads a handle's text; `None` if it can't be one.
    pub fn parse(text: &str) -> Option<Self> {
        let mut bytes = [0; Self::BYTES];
        match URL_SAFE_NO_PAD.decode_slice(text, &mut bytes) {
            Ok(Self::BYTES) => Some(Self(bytes)),
            _ => None,
        }
    }

    /// Its bytes.
    pub fn as_bytes(&self) -> &[u8; Self::BYTES] {
        &self.0
    }

    /// Its text, as callers see it.
    pub fn reveal(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
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

    /// The 64 hex digits.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

/// How many refresh tokens of a session came before the one meant; 0 for the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Generation(pub u32);

impl Generation {
    /// The generation of a session's first refresh token.
    pub const FIRST: Self = Self(0);

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
}
