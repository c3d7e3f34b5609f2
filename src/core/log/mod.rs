//! The log: lines for people or for machines, of events that each have a stable name and named fields.
//!
//! What can happen is in [`Event`]; docs/operations.md says what to do about each.

mod event;

use std::fmt::Write as _;
use std::io::Write as _;

use serde_json::Value;

pub use crate::domain::log::{Format, Level, LogSettings};
pub use event::{Event, TokenKind};

impl LogSettings {
    /// Writes an event's line to standard error, if it matters enough. It is one call to the runtime: other instances
    /// write to the same file at the same time.
    pub fn write(self, event: &Event<'_>, time_ms: u64) {
        if let Some(mut line) = self.line(event, time_ms) {
            line.push('\n');
            // There is nobody to tell that it failed.
            _ = std::io::stderr().write_all(line.as_bytes());
        }
    }

    /// The line of an event that happened at `time_ms` (Unix epoch), or none if it matters less than the level.
    /// It has no line break and no other control character, whatever the event's fields hold.
    pub fn line(self, event: &Event<'_>, time_ms: u64) -> Option<String> {
        let level = event.level();
        (level >= self.level).then(|| match self.format {
            Format::Text => text(level, event),
            Format::Json => json(level, event, time_ms),
        })
    }
}

fn text(level: Level, event: &Event<'_>) -> String {
    let mut line = format!("{} {}", level.word().to_uppercase(), event.name());
    for (name, value) in event.fields() {
        let value = match value {
            Value::String(text) if is_plain(&text) => text,
            Value::String(text) => Value::String(without_controls(&text)).to_string(),
            other => other.to_string(),
        };
        write!(line, " {name}={value}").expect("a String takes everything");
    }
    line
}

fn json(level: Level, event: &Event<'_>, time_ms: u64) -> String {
    let head = [
        ("level", level.word().into()),
        ("event", event.name().into()),
        ("time", time_ms.into()),
    ];
    let members = head.into_iter().chain(event.fields());
    let members = members.map(|(name, value)| match value {
        Value::String(text) => format!("\"{name}\":{}", Value::String(without_controls(&text))),
        other => format!("\"{name}\":{other}"),
    });
    format!("{{{}}}", members.collect::<Vec<_>>().join(","))
}

/// Whether a value can stand in a line of text without quotes.
fn is_plain(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._:/+-".contains(&byte);
    !text.is_empty() && text.bytes().all(plain)
}

/// serde_json escapes those of ASCII only.
fn without_controls(text: &str) -> String {
    text.replace(
        |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}'),
        "\u{fffd}",
    )
}

#[cfg(test)]
mod tests;
