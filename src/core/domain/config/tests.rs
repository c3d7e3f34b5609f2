//! Settings: defaults, the edges of every range, and mistakes reported together, without secrets.

mod mistakes;
mod table;

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Blacklisting, Config, ConfigError, Database, MySqlSettings, SETTINGS, TheftPolicy};

const HOUR: Duration = Duration::from_secs(3600);

fn parse(settings: &[(&str, &str)]) -> Result<Config, Vec<ConfigError>> {
    let settings: BTreeMap<_, _> = settings.iter().copied().collect();
    Config::parse(&|name: &str| {
        assert!(
            SETTINGS.iter().any(|setting| setting.name == name),
            "{name} is not among the settings"
        );
        settings.get(name).map(|value| (*value).to_owned())
    })
}

/// What is needed for MySQL, besides these.
fn mysql(settings: &[(&str, &str)]) -> Result<MySqlSettings, Vec<ConfigError>> {
    let mut all = vec![
        ("database", "mysql"),
        ("mysql_user", "u"),
        ("mysql_password", "p"),
        ("mysql_database", "d"),
    ];
    all.extend_from_slice(settings);
    match parse(&all)?.database {
        Database::MySql(settings) => Ok(settings),
        Database::Sqlite => panic!("not SQLite"),
    }
}

/// The one mistake in these settings.
fn mistake(settings: &[(&str, &str)]) -> String {
    let errors = parse(settings).unwrap_err();
    assert_eq!(errors.len(), 1, "{errors:?}");
    errors[0].to_string()
}

#[test]
fn without_settings_there_are_defaults() {
    let empty: Vec<_> = SETTINGS.iter().map(|setting| (setting.name, "")).collect();
    for config in [parse(&[]).unwrap(), parse(&empty).unwrap()] {
        assert!(matches!(config.database, Database::Sqlite));
        assert_eq!(config.tables.signing_key, "signing_key");
        assert_eq!(config.tables.refresh_tokens, "refresh_tokens");
        assert_eq!(config.access.validity, HOUR);
        assert_eq!(config.access.blacklisting, Blacklisting::Off);
        assert!(config.access.rotation.dynamic);
        assert_eq!(config.access.rotation.interval, HOUR * 24);
        assert_eq!(config.access.rotation.token_validity, HOUR);
        assert_eq!(config.access.key_path, None);
        assert_eq!(config.refresh.lifetime.idle, HOUR * 2400);
        assert_eq!(config.refresh.reuse_window, Duration::from_secs(10));
        assert_eq!(config.on_theft, TheftPolicy::Report);
        assert!(config.api_keys.is_empty());
        assert!(config.master_keys.is_empty());
        assert_eq!(config.maintenance, None);
        assert_eq!(config.clean_up_budget, Duration::from_secs(30));
    }
}

#[test]
fn mysql_has_defaults_too() {
    let settings = mysql(&[]).unwrap();
    assert_eq!((&*settings.host, settings.port), ("localhost", 3306));
    assert_eq!((&*settings.user, settings.password.expose()), ("u", "p"));
    assert_eq!((&*settings.name, settings.connection_limit), ("d", 3));
    assert!(!settings.tls);
}

#[test]
fn numbers_have_ranges() {
    for (name, unit, min, max) in [
        ("mysql_port", "port", 1, 65_535),
        ("mysql_connection_limit", "connections", 1, 100),
        ("access_token_signing_key_update_interval", "hours", 1, 720),
        ("access_token_validity", "seconds", 1, 86_400_000),
        ("refresh_token_validity", "hours", 1, 8760),
        ("refresh_reuse_window", "seconds", 0, 60),
        ("session_idle_timeout", "seconds", 60, 31_536_000),
        ("maintenance_endpoint_time_budget", "seconds", 1, 3600),
        ("clean_up_time_budget", "seconds", 1, 3600),
    ] {
        for good in [min, max] {
            assert!(mysql(&[(name, &good.to_string())]).is_ok(), "{name}");
        }
        let above = (max + 1_u64).to_string();
        let below = min.checked_sub(1).map(|below| below.to_string());
        let mut wrong = vec![
            &*above,
            "-1",
            "+20",
            "20.0",
            "2e1",
            " 20",
            "20 ",
            "0x20",
            "twenty",
            "\u{0664}",
            "99999999999999999999",
        ];
        wrong.extend(below.as_deref());
        for value in wrong {
            let errors = mysql(&[(name, value)]).unwrap_err();
            let expected = format!("{name} is {value:?}; allowed: {min} to {max} ({unit})");
            assert_eq!(errors[0].to_string(), expected);
        }
    }
}

#[test]
fn numbers_mean_what_their_unit_says() {
    let config = parse(&[
        ("access_token_signing_key_update_interval", "720"),
        ("access_token_validity", "0086400000"),
        ("refresh_token_validity", "8760"),
        ("refresh_reuse_window", "0"),
        ("clean_up_time_budget", "3600"),
    ])
    .unwrap();
    assert_eq!(config.access.rotation.interval, HOUR * 720);
    assert_eq!(config.access.validity, Duration::from_secs(86_400_000));
    assert_eq!(
        config.access.rotation.token_validity,
        config.access.validity
    );
    assert_eq!(config.refresh.lifetime.idle, HOUR * 8760);
    assert_eq!(config.refresh.reuse_window, Duration::ZERO);
    assert_eq!(config.clean_up_budget, HOUR);
    let settings = mysql(&[("mysql_port", "1"), ("mysql_connection_limit", "100")]).unwrap();
    assert_eq!((settings.port, settings.connection_limit), (1, 100));
}

#[test]
fn words_are_those_in_the_table_and_no_others() {
    for (name, allowed) in [
        ("database", "sqlite, mysql"),
        ("mysql_tls", "disabled, required"),
        ("access_token_signing_key_dynamic", "true, false"),
        ("access_token_blacklisting", "true, false, feed"),
        ("on_token_theft", "report, revoke_session, revoke_user"),
        ("maintenance_endpoint", "true, false"),
    ] {
        for word in allowed.split(", ") {
            assert!(
                parse(&[(name, word), ("api_keys", "0123456789abcdef")]).is_ok() || word == "mysql",
                "{name}={word}"
            );
            for wrong in [
                format!(" {word}"),
                word.to_uppercase(),
                format!("{word}s"),
                "1".to_owned(),
            ] {
                let mut settings = vec![
                    ("mysql_user", "u"),
                    ("mysql_password", "p"),
                    ("mysql_database", "d"),
                ];
                settings.push(("database", "mysql"));
                settings.push((name, &wrong));
                let expected = format!("{name} is {wrong:?}; allowed: {allowed}");
                assert_eq!(mistake(&settings), expected);
            }
        }
    }
    let word = |name: &str, word: &str| parse(&[(name, word)]).unwrap();
    assert!(
        !word("access_token_signing_key_dynamic", "false")
            .access
            .rotation
            .dynamic
    );
    for (text, meaning) in [
        ("true", Blacklisting::EachCheck),
        ("feed", Blacklisting::Feed),
    ] {
        let config = word("access_token_blacklisting", text);
        assert_eq!(config.access.blacklisting, meaning);
    }
    for (policy, meaning) in [
        ("revoke_session", TheftPolicy::RevokeSession),
        ("revoke_user", TheftPolicy::RevokeUser),
    ] {
        assert_eq!(word("on_token_theft", policy).on_theft, meaning);
    }
}

#[test]
fn tables_have_plain_names() {
    let longest = "x".repeat(64);
    for name in ["signing_key_table", "refresh_tokens_table"] {
        for good in ["a", "Z_9", "0", &longest] {
            assert!(parse(&[(name, good)]).is_ok(), "{good}");
        }
        let too_long = "x".repeat(65);
        for wrong in [
            "a b", "a`", "a.b", "a-b", "é", "a;", "`a`", "SQLite_a", &too_long,
        ] {
            let allowed = "1 to 64 of A-Z, a-z, 0-9 and _, not beginning with sqlite_";
            let expected = format!("{name} is {wrong:?}; allowed: {allowed}");
            assert_eq!(mistake(&[(name, wrong)]), expected);
        }
    }
    let config = parse(&[("signing_key_table", "k"), ("refresh_tokens_table", "s")]).unwrap();
    assert_eq!(
        (&*config.tables.signing_key, &*config.tables.refresh_tokens),
        ("k", "s")
    );
}

#[test]
fn connections_are_encrypted_unless_they_stay_on_the_machine() {
    for (host, tls) in [
        ("localhost", false),
        ("127.0.0.1", false),
        ("127.255.0.3", false),
        ("db.example", true),
        ("localhost.example", true),
        ("127.0.0.1.example", true),
        ("128.0.0.1", true),
        ("10.0.0.1", true),
        ("0.0.0.0", true),
    ] {
        assert_eq!(mysql(&[("mysql_host", host)]).unwrap().tls, tls, "{host}");
        for (word, tls) in [("disabled", false), ("required", true)] {
            let settings = mysql(&[("mysql_host", host), ("mysql_tls", word)]).unwrap();
            assert_eq!(settings.tls, tls);
        }
    }
}

#[test]
fn what_spin_could_not_reach_is_a_mistake_in_the_host() {
    for host in [
        "::1", "[::1]", "[::2]", "db:3306", "a@b", "a b", "a/b", "d\u{e9}b",
    ] {
        let errors = mysql(&[("mysql_host", host)]).unwrap_err();
        assert_eq!(errors.len(), 1, "{errors:?}");
        let text = errors[0].to_string();
        assert!(
            text.starts_with(&format!("mysql_host is {host:?}; allowed: ")),
            "{text}"
        );
    }
}
