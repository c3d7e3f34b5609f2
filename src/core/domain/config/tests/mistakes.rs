//! Lists of secrets, and mistakes: all of them at once, none of the secrets.

use std::time::Duration;

use super::{mistake, parse};

#[test]
fn api_keys_come_as_a_list() {
    let keys = |list: &str| {
        let config = parse(&[("api_keys", list)]).unwrap();
        let keys: Vec<_> = config
            .api_keys
            .iter()
            .map(|key| key.expose().to_owned())
            .collect();
        keys
    };
    let (one, two) = ("0123456789abcdef", "!\"#$%&'()*+-./:;<=>?@[]^_`{|}~");
    assert_eq!(keys(one), [one]);
    assert_eq!(keys(&format!(" {one} ,\t{two} ")), [one, two]);
    for wrong in [
        "0123456789abcde".to_owned(),
        format!("{one},"),
        format!(",{one}"),
        format!("{one},,{two}"),
        format!("{one} {two}"),
        "é".repeat(16),
        ",".to_owned(),
    ] {
        let mistake = mistake(&[("api_keys", &wrong)]);
        assert_eq!(
            mistake,
            "api_keys has a wrong value; allowed: comma-separated keys of at least 16 visible ASCII characters each"
        );
    }
}

#[test]
fn master_keys_come_one_or_two() {
    let (one, two) = ("1".repeat(32), "é".repeat(16));
    for (list, count, signs) in [
        (one.clone(), 1, true),
        (format!(" {one} , {two} "), 2, true),
        (format!("database,{one}"), 1, false),
    ] {
        let keys = parse(&[("master_key", &list)]).unwrap().master_keys;
        assert_eq!((keys.all().len(), keys.signing().is_some()), (count, signs));
    }
    for wrong in [
        "1".repeat(31),
        format!("{one},"),
        format!("{one},{two},{one}"),
        format!("{one},{}", "2".repeat(31)),
        "database".to_owned(),
        ",".to_owned(),
    ] {
        let mistake = mistake(&[("master_key", &wrong)]);
        assert!(
            mistake.starts_with("master_key has a wrong value; allowed: "),
            "{mistake}"
        );
    }
}

#[test]
fn all_mistakes_are_reported_together() {
    let settings = [
        ("database", "mysql"),
        ("mysql_port", "0"),
        ("mysql_tls", "perhaps"),
        ("mysql_connection_limit", "101"),
        ("signing_key_table", "a b"),
        ("refresh_tokens_table", "`"),
        ("access_token_signing_key_dynamic", "yes"),
        ("access_token_signing_key_update_interval", "0"),
        ("access_token_validity", "0"),
        ("access_token_blacklisting", "no"),
        ("revocation_max_staleness", "3601"),
        ("refresh_token_validity", "0"),
        ("session_idle_timeout", "59"),
        ("session_absolute_lifetime", "59"),
        ("refresh_reuse_window", "61"),
        ("on_token_theft", "panic"),
        ("max_sessions_per_user", "1001"),
        ("on_session_limit", "panic"),
        ("api_keys", "short"),
        ("master_key", "short"),
        ("maintenance_endpoint", "perhaps"),
        ("maintenance_endpoint_time_budget", "0"),
        ("clean_up_time_budget", "0"),
    ];
    let errors = parse(&settings).unwrap_err();
    let mut named: Vec<_> = errors.iter().map(|error| error.variable).collect();
    let mut expected: Vec<_> = settings[1..].iter().map(|(name, _)| *name).collect();
    expected.extend(["mysql_user", "mysql_password", "mysql_database"]);
    named.sort_unstable();
    expected.sort_unstable();
    assert_eq!(named, expected);
}

#[test]
fn a_feed_reaches_back_a_day() {
    let feed = |validity| {
        [
            ("access_token_validity", validity),
            ("access_token_blacklisting", "feed"),
        ]
    };
    assert!(parse(&feed("86400")).is_ok());
    assert_eq!(
        mistake(&feed("86401")),
        "access_token_blacklisting is \"feed\"; allowed with access_token_validity over a day: true, false"
    );
}

#[test]
fn one_setting_says_how_long_an_idle_session_lives() {
    let idle = |settings: &[(&str, &str)]| parse(settings).map(|config| config.refresh.lifetime);
    let timeout = ("session_idle_timeout", "7200");
    let alone = idle(&[timeout]).unwrap();
    assert_eq!(alone.idle, Duration::from_secs(7200));
    assert!(alone.is_idle_timeout);
    for same in ["2", "2400"] {
        assert_eq!(
            idle(&[timeout, ("refresh_token_validity", same)]),
            Ok(alone)
        );
    }
    let line = "refresh_token_validity is \"3\"; allowed with session_idle_timeout: nothing, or the same time";
    assert_eq!(mistake(&[timeout, ("refresh_token_validity", "3")]), line);
    assert!(
        !idle(&[("refresh_token_validity", "3")])
            .unwrap()
            .is_idle_timeout
    );
    let absolute = |value| {
        idle(&[("session_absolute_lifetime", value)])
            .unwrap()
            .absolute
    };
    assert_eq!(
        [absolute("0"), absolute("60")],
        [None, Some(Duration::from_secs(60))]
    );
}

#[test]
fn secrets_are_never_shown() {
    // Wrong as they are, or right.
    for (secret, good) in [
        ("CANARY", false),
        ("CANARY-CANARY-CANARY-CANARY-CANARY", true),
    ] {
        let settings = [
            ("database", "mysql"),
            ("mysql_user", "u"),
            ("mysql_database", "d"),
            ("mysql_password", secret),
            ("api_keys", secret),
            ("master_key", secret),
        ];
        let shown = match parse(&settings) {
            Ok(config) => {
                assert!(good);
                format!("{config:?}")
            }
            Err(errors) => {
                assert_eq!(errors.len(), 2);
                let lines: Vec<_> = errors.iter().map(ToString::to_string).collect();
                format!("{errors:?} {lines:?}")
            }
        };
        assert!(!shown.contains("CANARY"), "{shown}");
    }
}

#[test]
fn hostile_values_stay_on_one_line() {
    let mistake = mistake(&[("database", "x\r\n\u{1b}[31mINFO all is well")]);
    assert!(!mistake.contains(char::is_control), "{mistake}");
}

#[test]
fn mysql_needs_a_user_a_password_and_a_database() {
    let errors = parse(&[("database", "mysql")]).unwrap_err();
    let lines: Vec<_> = errors.iter().map(ToString::to_string).collect();
    assert_eq!(
        lines,
        [
            "mysql_user is \"\"; required with database=mysql",
            "mysql_password has a wrong value; required with database=mysql",
            "mysql_database is \"\"; required with database=mysql",
        ]
    );
    // With SQLite nobody needs them, but a wrong value is a mistake all the same.
    assert!(parse(&[]).is_ok());
    let wrong = [("mysql_port", "nonsense"), ("mysql_tls", "perhaps")];
    assert_eq!(parse(&wrong).unwrap_err().len(), 2);
}

#[test]
fn the_tables_have_names_of_their_own() {
    let same = parse(&[
        ("signing_key_table", "Sessions"),
        ("refresh_tokens_table", "sessions"),
    ]);
    let line = "refresh_tokens_table is \"sessions\"; allowed: another name than that of signing_key_table";
    assert_eq!(same.unwrap_err()[0].to_string(), line);
}

#[test]
fn a_tick_over_http_needs_a_key() {
    let there = ("maintenance_endpoint", "true");
    let line = "maintenance_endpoint is \"true\"; allowed: true only with api_keys";
    assert_eq!(mistake(&[there]), line);
    let key = ("api_keys", "0123456789abcdef");
    let budget = |settings: &[(&str, &str)]| parse(settings).unwrap().maintenance;
    assert_eq!(budget(&[there, key]), Some(Duration::from_secs(5)));
    let longer = ("maintenance_endpoint_time_budget", "60");
    assert_eq!(budget(&[there, key, longer]), Some(Duration::from_secs(60)));
    assert_eq!(budget(&[longer]), None);
}
