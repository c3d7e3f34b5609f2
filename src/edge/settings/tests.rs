use session_core::domain::log::{Format, Level};

use super::*;

fn parse(settings: &[(&str, &str)]) -> Result<Settings, Vec<ConfigError>> {
    Settings::parse(&|name| {
        let found = settings.iter().find(|(key, _)| *key == name);
        found.map(|(_, value)| (*value).to_owned())
    })
}

#[test]
fn nothing_set_is_the_default() {
    let settings = parse(&[("session_api_key", ""), ("upstream", "")]).unwrap();
    assert!(settings.session_api_key.is_none() && settings.upstream.is_none());
    assert_eq!(settings.cookie_prefix, CookiePrefix::Auto);
    assert_eq!(settings.same_site, SameSite::Lax);
    assert!(settings.trusted_origins.is_empty() && !settings.hide_payload);
}

#[test]
fn every_setting_is_understood() {
    let settings = parse(&[
        ("session_api_key", "0123456789abcdef"),
        ("cookie_prefix", "always"),
        ("cookie_domain", "example.com"),
        ("same_site", "none"),
        (
            "trusted_origins",
            "https://a.example, http://localhost:5173",
        ),
        ("front_token_payload", "false"),
        ("trusted_proxies", "10.0.0.0/8, ::1"),
        ("public_paths", "/, /static/*"),
        ("send_user_agent", "true"),
        ("upstream", "my-site2"),
        ("log_format", "json"),
        ("log_level", "info"),
    ])
    .unwrap();
    assert!(
        settings
            .session_api_key
            .unwrap()
            .matches(b"0123456789abcdef")
    );
    assert_eq!(settings.cookie_prefix, CookiePrefix::Always);
    assert_eq!(settings.cookie_domain.as_deref(), Some("example.com"));
    assert_eq!(settings.same_site, SameSite::None);
    assert_eq!(
        settings.trusted_origins,
        ["https://a.example", "http://localhost:5173"]
    );
    assert!(settings.hide_payload && settings.send_user_agent);
    assert_eq!(
        settings.trusted_proxies,
        ["10.0.0.0/8", "::1"].map(|n| n.parse().unwrap())
    );
    assert_eq!(settings.public_paths, ["/", "/static/*"]);
    assert_eq!(settings.upstream.as_deref(), Some("my-site2"));
    let log = (settings.log.format, settings.log.level);
    assert_eq!(log, (Format::Json, Level::Info));
}

#[test]
fn all_mistakes_are_reported_at_once() {
    let wrong = [
        ("cookie_prefix", "Auto"),
        ("cookie_domain", "com"),
        ("same_site", "loose"),
        ("trusted_origins", "https://a.example,https://b.example/"),
        ("front_token_payload", "yes"),
        ("trusted_proxies", "10.0.0.0/8,proxy.example"),
        ("public_paths", "about"),
        ("send_user_agent", "1"),
        ("upstream", "http://x"),
        ("log_format", "xml"),
        ("log_level", "all"),
    ];
    let errors = parse(&wrong).unwrap_err();
    assert_eq!(errors.len(), wrong.len(), "{errors:?}");
    for (error, (name, value)) in errors.iter().zip(wrong) {
        let line = error.to_string();
        assert!(
            line.starts_with(&format!("{name} is {value:?}; allowed: ")),
            "{line}"
        );
    }
    let short = parse(&[("session_api_key", "too short")]).unwrap_err();
    assert_eq!(
        short[0].to_string(),
        "session_api_key has a wrong value; allowed: one key of at least 16 visible ASCII characters, \
         without a comma"
    );
    let both = parse(&[("same_site", "none"), ("cookie_prefix", "never")]).unwrap_err();
    assert_eq!(both[0].variable, "cookie_prefix");
}

#[test]
fn only_what_browsers_write_is_an_origin() {
    for good in [
        "https://a.example",
        "http://localhost:5173",
        "http://[::1]:80",
    ] {
        assert!(is_origin(good), "{good}");
    }
    for bad in [
        "null",
        "*",
        "a.example",
        "https://A.example",
        "https://a.example/",
        "https://u@a.example",
        "ftp://a.example",
        "",
    ] {
        assert!(!is_origin(bad), "{bad}");
    }
}

#[test]
fn a_public_path_is_exact_or_ends_in_everything_below() {
    let settings = parse(&[("public_paths", "/, /about, /static/*")]).unwrap();
    for public in ["/", "/about", "/static/", "/static/a/b.css"] {
        assert!(settings.is_public(public), "{public}");
    }
    for other in [
        "/a",
        "/about/",
        "/static",
        "/statically",
        "//",
        "/x/static/a",
    ] {
        assert!(!settings.is_public(other), "{other}");
    }
    assert!(parse(&[("public_paths", "/*")]).unwrap().is_public("/any"));
    for bad in ["*", "/a*", "/*/a", "/a?b", "/a,,/b", "/ä", "/a b"] {
        assert!(parse(&[("public_paths", bad)]).is_err(), "{bad}");
    }
}
