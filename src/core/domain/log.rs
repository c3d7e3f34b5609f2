//! What is logged, and how.

use std::fmt;

/// How much an event matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Why somebody was refused.
    Debug,
    /// What was done.
    Info,
    /// Somebody should look.
    Warn,
    /// Something failed.
    Error,
}

/// How a line is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `WARN token_theft_detected session=… policy=report`.
    Text,
    /// `{"level":"warn","event":"token_theft_detected","time":…,"session":"…","policy":"report"}`.
    Json,
}

/// What is logged, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogSettings {
    /// How a line is written.
    pub format: Format,
    /// The least that is logged.
    pub level: Level,
}

impl Default for LogSettings {
    fn default() -> Self {
        Self {
            format: Format::Text,
            level: Level::Warn,
        }
    }
}

impl Level {
    /// As it stands in settings and in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}
