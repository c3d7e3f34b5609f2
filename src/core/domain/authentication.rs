//! When and how a session's user was authenticated: `auth_time`, `amr` and `acr` (OpenID Connect Core 1.0 §2, RFC 8176).

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::time::Timestamp;

/// The most methods.
pub const MAX_METHODS: usize = 8;

/// The longest method, in bytes.
pub const METHOD_MAX_BYTES: usize = 32;

/// The longest level, in bytes.
pub const LEVEL_MAX_BYTES: usize = 64;

/// How far ahead of this clock the site's may be.
const MAX_AHEAD: Duration = Duration::from_secs(60);

/// When and how a session's user was authenticated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authentication {
    time: Timestamp,
    methods: Vec<String>,
    level: Option<String>,
}

/// Why a site's statement is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuthenticationError {
    /// Later than now by more than a minute.
    #[error("authentication.time must not be over 60 seconds ahead")]
    InFuture,
    /// Too many, too long, or of other characters.
    #[error(
        "authentication.methods must be at most {MAX_METHODS} texts of 1 to {METHOD_MAX_BYTES} visible ASCII characters \
         without quotes, commas and backslashes"
    )]
    Methods,
    /// Too long, or of other characters.
    #[error(
        "authentication.level must be 1 to {LEVEL_MAX_BYTES} visible ASCII characters without quotes, commas and \
         backslashes"
    )]
    Level,
}

/// As a row has it.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    time: u64,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    methods: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    level: Option<String>,
}

impl Authentication {
    /// What a site says at `now`: by default, that it was now. Cut to whole seconds, since a claim has no others.
    ///
    /// # Errors
    /// If it is out of range.
    pub fn new(
        time: Option<Timestamp>,
        methods: Vec<String>,
        level: Option<String>,
        now: Timestamp,
    ) -> Result<Self, AuthenticationError> {
        let time = time.unwrap_or(now);
        if time > now.plus(MAX_AHEAD) {
            return Err(AuthenticationError::InFuture);
        }
        Self::of(Timestamp::from_secs(time.as_secs()), methods, level)
    }

    /// What a token or a row says.
    ///
    /// # Errors
    /// If it is out of range.
    pub fn of(
        time: Timestamp,
        methods: Vec<String>,
        level: Option<String>,
    ) -> Result<Self, AuthenticationError> {
        if methods.len() > MAX_METHODS || !methods.iter().all(|it| is_word(it, METHOD_MAX_BYTES)) {
            return Err(AuthenticationError::Methods);
        }
        if !level.iter().all(|level| is_word(level, LEVEL_MAX_BYTES)) {
            return Err(AuthenticationError::Level);
        }
        Ok(Self {
            time,
            methods,
            level,
        })
    }

    /// When, whole seconds: `auth_time`.
    pub fn time(&self) -> Timestamp {
        self.time
    }

    /// By which methods: `amr`.
    pub fn methods(&self) -> &[String] {
        &self.methods
    }

    /// How well, in the site's words: `acr`.
    pub fn level(&self) -> Option<&str> {
        self.level.as_deref()
    }

    /// Whether it is no longer ago than `age`.
    pub fn is_fresh(&self, age: Duration, now: Timestamp) -> bool {
        now.since(self.time) <= age
    }

    /// The text for its column.
    pub fn to_json(&self) -> String {
        let stored = Stored {
            time: self.time.as_millis(),
            methods: self.methods.clone(),
            level: self.level.clone(),
        };
        serde_json::to_string(&stored).expect("strings and numbers serialize")
    }

    /// Reads what [`Self::to_json`] wrote; `None` for anything else.
    pub fn from_json(text: &str) -> Option<Self> {
        let stored: Stored = serde_json::from_str(text).ok()?;
        Self::of(
            Timestamp::from_millis(stored.time),
            stored.methods,
            stored.level,
        )
        .ok()
    }
}

/// Words that need no escapes, neither in JSON nor in a list in a header.
fn is_word(text: &str, most: usize) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b',' | b'\\');
    (1..=most).contains(&text.len()) && text.bytes().all(is_plain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::START;

    #[test]
    fn what_a_site_says_is_checked_and_survives_the_row() {
        let words = |count: usize, length: usize| vec!["x".repeat(length); count];
        let say = |time, methods, level: &str| {
            let level = Some(level.to_owned()).filter(|level| !level.is_empty());
            Authentication::new(time, methods, level, START)
        };
        let late = START.plus(Duration::from_secs(61));
        for (time, methods, level, error) in [
            (None, vec![], "", None),
            (
                Some(Timestamp::EPOCH),
                words(8, 32),
                "urn:mace:incommon:iap:silver",
                None,
            ),
            (
                Some(START.plus(MAX_AHEAD)),
                words(1, 1),
                &*"l".repeat(64),
                None,
            ),
            (Some(late), vec![], "", Some(AuthenticationError::InFuture)),
            (None, words(9, 1), "", Some(AuthenticationError::Methods)),
            (None, words(1, 33), "", Some(AuthenticationError::Methods)),
            (None, words(1, 0), "", Some(AuthenticationError::Methods)),
            (
                None,
                vec!["a,b".to_owned()],
                "",
                Some(AuthenticationError::Methods),
            ),
            (
                None,
                vec!["\u{e9}".to_owned()],
                "",
                Some(AuthenticationError::Methods),
            ),
            (
                None,
                vec![],
                &*"l".repeat(65),
                Some(AuthenticationError::Level),
            ),
            (None, vec![], "a b", Some(AuthenticationError::Level)),
        ] {
            match say(time, methods, level) {
                Ok(said) => {
                    assert_eq!(error, None);
                    assert_eq!(Authentication::from_json(&said.to_json()), Some(said));
                }
                Err(got) => assert_eq!(Some(got), error),
            }
        }
        for strange in [
            "",
            "null",
            "{}",
            r#"{"time":1,"x":1}"#,
            r#"{"time":1,"level":""}"#,
        ] {
            assert_eq!(Authentication::from_json(strange), None, "{strange}");
        }
    }

    #[test]
    fn it_is_fresh_up_to_its_age() {
        let said = Authentication::new(None, Vec::new(), None, START).unwrap();
        let age = Duration::from_secs(300);
        for (now, fresh) in [(0, true), (300, true), (301, false)] {
            let now = START.plus(Duration::from_secs(now));
            assert_eq!(said.is_fresh(age, now), fresh);
        }
        // A clock that is behind the site's.
        assert!(said.is_fresh(Duration::ZERO, START.minus(age)));
    }
}
