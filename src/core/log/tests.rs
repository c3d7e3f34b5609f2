use super::*;
use crate::domain::config::TheftPolicy;
use crate::domain::id::{Generation, SessionHandle};
use crate::domain::setting::ConfigError;

fn theft() -> Event<'static> {
    Event::TokenTheftDetected {
        session: SessionHandle::from_bytes([7; SessionHandle::BYTES]).hash(),
        presented: Generation(1),
        current: Generation(3),
        policy: TheftPolicy::RevokeUser,
    }
}

fn settings(format: Format, level: Level) -> LogSettings {
    LogSettings { format, level }
}

#[test]
fn an_event_has_one_line_in_each_format() {
    let text = settings(Format::Text, Level::Warn)
        .line(&theft(), 5)
        .unwrap();
    let session = SessionHandle::from_bytes([7; SessionHandle::BYTES]).hash();
    let session = session.as_str();
    assert_eq!(
        text,
        format!(
            "WARN token_theft_detected session={session} generation=1 current_generation=3 policy=revoke_user"
        )
    );
    let json = settings(Format::Json, Level::Warn)
        .line(&theft(), 5)
        .unwrap();
    assert_eq!(
        json,
        format!(
            r#"{{"level":"warn","event":"token_theft_detected","time":5,"session":"{session}","generation":1,"current_generation":3,"policy":"revoke_user"}}"#
        )
    );
}

#[test]
fn what_matters_less_than_the_level_is_not_logged() {
    let refused = Event::TokenRefused {
        token: TokenKind::Access,
        session: None,
        reason: &"expired",
    };
    for (level, theft_is, refused_is) in [
        (Level::Error, false, false),
        (Level::Warn, true, false),
        (Level::Info, true, false),
        (Level::Debug, true, true),
    ] {
        let settings = settings(Format::Text, level);
        assert_eq!(settings.line(&theft(), 0).is_some(), theft_is, "{level}");
        assert_eq!(settings.line(&refused, 0).is_some(), refused_is, "{level}");
    }
}

/// Hostile text stays one line, and in its field.
#[test]
fn in6_nobody_forges_a_line_or_a_field() {
    for hostile in [
        "x\nERROR all is lost",
        "x\r\n",
        "a\" event=\"b",
        "\u{1b}[31m",
        "\u{85}\u{2028}\u{2029}\u{7f}",
        "a b=c",
        "",
    ] {
        let error = ConfigError {
            variable: "database",
            value: Some(hostile.to_owned()),
            allowed: "allowed: sqlite, mysql".to_owned(),
        };
        let event = Event::Misconfigured(&error);
        let json = settings(Format::Json, Level::Warn).line(&event, 0).unwrap();
        let text = settings(Format::Text, Level::Warn).line(&event, 0).unwrap();
        for line in [&json, &text] {
            let is_harmless = |c: char| !c.is_control() && !matches!(c, '\u{2028}' | '\u{2029}');
            assert!(line.chars().all(is_harmless), "{line:?}");
        }
        let read: Value = serde_json::from_str(&json).unwrap();
        assert_eq!(read["event"], "misconfigured");
        assert_eq!(read.as_object().unwrap().len(), 6);
        assert!(
            text.starts_with("ERROR misconfigured variable=database value=\""),
            "{text}"
        );
        assert!(
            text.ends_with(r#" allowed="allowed: sqlite, mysql""#),
            "{text}"
        );
    }
}
