//! Settings: rows of a table that say what a variable may be, and a parser that remembers every mistake.
//!
//! The service's table is in [`super::config`], the edge's in its own crate. `cargo xtask generate` writes the manifests'
//! variables and README's tables from the rows.

pub mod combined;

use std::fmt;
use std::time::Duration;

use super::log::{Format, Level, LogSettings};

/// One setting, a variable of the application.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// The variable's name.
    pub name: &'static str,
    /// Its value when it is not set; empty: README's text says what happens then.
    pub default: &'static str,
    /// What it may be.
    pub kind: Kind,
    /// Which components have it.
    pub needed_by: NeededBy,
    /// What stands for an empty default, for README.
    pub unset: &'static str,
    /// What it does, for README.
    pub about: &'static str,
}

/// What a setting may be.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// Any text.
    Text,
    /// Text that is never shown.
    Secret,
    /// One of these words.
    Word(&'static [&'static str]),
    /// A whole number within bounds.
    Number {
        /// The least.
        min: u64,
        /// The most.
        max: u64,
        /// What it counts.
        unit: &'static str,
    },
    /// Text that passes a check.
    Checked {
        /// The check.
        is_good: fn(&str) -> bool,
        /// What passes it, for messages.
        allowed: &'static str,
    },
}

/// Either of two words.
pub const BOOLEAN: Kind = Kind::Word(&["true", "false"]);

/// Which components have a setting. A mistake in one that a component doesn't need must not stop it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NeededBy {
    /// The HTTP components and the scheduled one.
    All,
    /// The HTTP components.
    Http,
    /// The edge.
    Edge,
}

impl Setting {
    /// Its default, where that is a number.
    pub(super) fn default_number(&self) -> u64 {
        let number = self.default.parse();
        number.expect("the table says that it is a number")
    }

    /// Whether its value is never shown.
    pub fn is_secret(&self) -> bool {
        matches!(self.kind, Kind::Secret)
    }
}

impl Kind {
    /// What is allowed, in Markdown.
    pub fn markdown(self) -> String {
        match self {
            Self::Text => "any text".to_owned(),
            Self::Secret => "secret".to_owned(),
            Self::Word(words) => {
                let quoted: Vec<_> = words.iter().map(|word| format!("`{word}`")).collect();
                quoted.join(", ")
            }
            Self::Number { min, max, unit } => format!("{min}–{max} {unit}"),
            Self::Checked { allowed, .. } => allowed.to_owned(),
        }
    }
}

/// One mistake in the settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// The variable.
    pub variable: &'static str,
    /// Its value, unless it is a secret.
    pub value: Option<String>,
    /// What is allowed.
    pub allowed: String,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.value {
            Some(value) => write!(f, "{} is {value:?}; {}", self.variable, self.allowed),
            None => write!(f, "{} has a wrong value; {}", self.variable, self.allowed),
        }
    }
}

impl std::error::Error for ConfigError {}

/// A variable's value; `None` or an empty text stands for its default.
pub type Lookup<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Reads settings one by one and remembers every mistake.
pub struct Parser<'a> {
    lookup: Lookup<'a>,
    errors: Vec<ConfigError>,
}

impl<'a> Parser<'a> {
    /// A parser of these variables.
    pub fn new(lookup: Lookup<'a>) -> Self {
        Self {
            lookup,
            errors: Vec::new(),
        }
    }

    /// What was read, if there was no mistake.
    ///
    /// # Errors
    /// Every mistake.
    pub fn finish<T>(self, settings: T) -> Result<T, Vec<ConfigError>> {
        match self.errors.is_empty() {
            true => Ok(settings),
            false => Err(self.errors),
        }
    }

    /// Its value, or its default if that is not one that it may have.
    pub fn value(&mut self, setting: &Setting) -> String {
        let Some(value) = (self.lookup)(setting.name).filter(|value| !value.is_empty()) else {
            return setting.default.to_owned();
        };
        match refusal(setting.kind, &value) {
            None => value,
            Some(allowed) => {
                self.fail(setting, Some(value), allowed);
                setting.default.to_owned()
            }
        }
    }

    /// Its value, if there is one.
    pub fn optional(&mut self, setting: &Setting) -> Option<String> {
        Some(self.value(setting)).filter(|value| !value.is_empty())
    }

    /// Its value; a mistake if there is none, `because` it is needed.
    pub fn required(&mut self, setting: &Setting, because: &str) -> String {
        let value = self.value(setting);
        if value.is_empty() {
            self.fail(setting, Some(String::new()), because.to_owned());
        }
        value
    }

    /// Whether it is `true`.
    pub fn boolean(&mut self, setting: &Setting) -> bool {
        self.value(setting) == "true"
    }

    /// Its value as a number.
    pub fn number(&mut self, setting: &Setting) -> u64 {
        self.value(setting)
            .parse()
            .expect("the table says that it is a number")
    }

    /// So many seconds.
    pub fn seconds(&mut self, setting: &Setting) -> Duration {
        Duration::from_secs(self.number(setting))
    }

    /// So many hours.
    pub fn hours(&mut self, setting: &Setting) -> Duration {
        Duration::from_secs(3600 * self.number(setting))
    }

    /// What its value means, of the words that its row has.
    pub fn word<T: Copy>(&mut self, setting: &Setting, meanings: &[(&str, T)]) -> T {
        let value = self.value(setting);
        let found = meanings.iter().find(|(word, _)| *word == value);
        found.unwrap_or(&meanings[0]).1
    }

    /// Notes a mistake; `allowed` tells what would be none.
    pub fn fail(&mut self, setting: &Setting, value: Option<String>, allowed: String) {
        self.errors.push(ConfigError {
            variable: setting.name,
            value: value.filter(|_| !setting.is_secret()),
            allowed,
        });
    }
}

/// What would be allowed in a value's place, if it is not.
pub(super) fn refusal(kind: Kind, value: &str) -> Option<String> {
    let (good, allowed) = match kind {
        Kind::Text | Kind::Secret => return None,
        Kind::Checked { is_good, allowed } => (is_good(value), allowed.to_owned()),
        Kind::Word(words) => (words.contains(&value), words.join(", ")),
        Kind::Number { min, max, unit } => {
            // `u64::from_str` takes a leading plus sign; a setting is digits.
            let digits = value.bytes().all(|b| b.is_ascii_digit());
            let good = digits && value.parse().is_ok_and(|n| (min..=max).contains(&n));
            (good, format!("{min} to {max} ({unit})"))
        }
    };
    (!good).then(|| format!("allowed: {allowed}"))
}

/// How a line of the log is written.
pub const LOG_FORMAT: Setting = Setting {
    name: "log_format",
    default: "text",
    kind: Kind::Word(&["text", "json"]),
    needed_by: NeededBy::All,
    unset: "",
    about: "how a line of the log is written ([operations](docs/operations.md))",
};

/// The least that is logged.
pub const LOG_LEVEL: Setting = Setting {
    name: "log_level",
    default: "warn",
    kind: Kind::Word(&["error", "warn", "info", "debug"]),
    needed_by: NeededBy::All,
    unset: "",
    about: "the least that is logged; `info` adds what was done, `debug` why a token was rejected",
};

impl LogSettings {
    /// What the settings say of the log, with the default for what is wrong: the mistakes are logged by it.
    pub fn parse(lookup: Lookup<'_>) -> Self {
        Parser::new(lookup).log()
    }
}

impl Parser<'_> {
    /// What is logged, and how.
    pub fn log(&mut self) -> LogSettings {
        LogSettings {
            format: self.word(
                &LOG_FORMAT,
                &[("text", Format::Text), ("json", Format::Json)],
            ),
            level: self.word(
                &LOG_LEVEL,
                &[
                    ("warn", Level::Warn),
                    ("error", Level::Error),
                    ("info", Level::Info),
                    ("debug", Level::Debug),
                ],
            ),
        }
    }
}
