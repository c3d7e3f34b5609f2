//! The edge's settings: parsed once, every mistake reported together, none replaced by a default.

use http::Uri;
use session_core::domain::config::is_api_key;
use session_core::domain::log::LogSettings;
use session_core::domain::secret::SecretString;
use session_core::domain::setting::{
    BOOLEAN, ConfigError, Kind, LOG_FORMAT, LOG_LEVEL, Lookup, NeededBy, Parser, Setting,
};

macro_rules! settings {
    ($($id:ident = $name:literal, $default:literal, $kind:expr, $unset:literal, $about:literal;)+) => {
        $(const $id: Setting = Setting {
            name: $name,
            default: $default,
            kind: $kind,
            needed_by: NeededBy::Edge,
            unset: $unset,
            about: $about,
        };)+
        /// All of them.
        pub const SETTINGS: &[Setting] = &[$($id,)+ LOG_FORMAT, LOG_LEVEL];
    };
}

settings! {
    SESSION_API_KEY = "session_api_key", "", Kind::Secret, "none",
        "one of the service's `api_keys`; also what the site's own calls of `POST /auth/session` must show";
    COOKIE_PREFIX = "cookie_prefix", "auto", Kind::Word(&["auto", "always", "never"]), "",
        "whether cookies are `Secure` and named `__Host-…` (RFC 6265bis §4.1.3); `auto`: when the request came by HTTPS";
    COOKIE_DOMAIN = "cookie_domain", "", DOMAIN, "the very host that set them", "the cookies' `Domain`";
    SAME_SITE = "same_site", "lax", Kind::Word(&["lax", "strict", "none"]), "",
        "the cookies' `SameSite`; `none` is for pages of other sites, which must be trusted origins as well";
    TRUSTED_ORIGINS = "trusted_origins", "", ORIGINS, "none", "origins that may do what the site's own pages may";
    FRONT_TOKEN_PAYLOAD = "front_token_payload", "true", BOOLEAN, "", "whether pages may read the session's payload";
    UPSTREAM = "upstream", "", COMPONENT, "none", "the component that requests go on to";
}

const DOMAIN: Kind = Kind::Checked {
    is_good: is_domain,
    allowed: "a domain: example.com",
};

const ORIGINS: Kind = Kind::Checked {
    is_good: |list| list.split(',').all(|origin| is_origin(origin.trim())),
    allowed: "comma-separated origins: https://app.example.com",
};

const COMPONENT: Kind = Kind::Checked {
    is_good: is_component,
    allowed: "the id of a component: my-site",
};

/// Everything that can be set.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// The session service's API key; also what a site's own calls to the edge must show.
    pub session_api_key: Option<SecretString>,
    /// When cookies have the prefixes of HTTPS.
    pub cookie_prefix: CookiePrefix,
    /// The cookies' `Domain`; none: the very host that set them.
    pub cookie_domain: Option<String>,
    /// The cookies' `SameSite`.
    pub same_site: SameSite,
    /// Origins that may do what the site's own pages may.
    pub trusted_origins: Vec<String>,
    /// Whether pages may read the session's payload.
    pub hide_payload: bool,
    /// The component that requests go on to, in gateway mode.
    pub upstream: Option<String>,
    /// What is logged, and how.
    pub log: LogSettings,
}

/// When cookies are `Secure` and have the prefixes `__Host-` and `__Secure-` (RFC 6265bis §4.1.3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CookiePrefix {
    /// When the request came by HTTPS.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// The attribute `SameSite` (RFC 6265bis §4.1.2.7).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SameSite {
    /// `Lax`.
    #[default]
    Lax,
    /// `Strict`.
    Strict,
    /// `None; Partitioned`: for pages of other sites, which must be trusted origins as well.
    None,
}

impl Settings {
    /// Parses the settings of [`SETTINGS`].
    ///
    /// # Errors
    /// Every mistake that was found.
    pub fn parse(lookup: Lookup<'_>) -> Result<Self, Vec<ConfigError>> {
        let mut parser = Parser::new(lookup);
        let settings = Self {
            session_api_key: api_key(&mut parser),
            cookie_prefix: parser.word(
                &COOKIE_PREFIX,
                &[
                    ("auto", CookiePrefix::Auto),
                    ("always", CookiePrefix::Always),
                    ("never", CookiePrefix::Never),
                ],
            ),
            cookie_domain: parser.optional(&COOKIE_DOMAIN),
            same_site: parser.word(
                &SAME_SITE,
                &[
                    ("lax", SameSite::Lax),
                    ("strict", SameSite::Strict),
                    ("none", SameSite::None),
                ],
            ),
            trusted_origins: parser
                .optional(&TRUSTED_ORIGINS)
                .map(|list| list.split(',').map(|s| s.trim().to_owned()).collect())
                .unwrap_or_default(),
            hide_payload: !parser.boolean(&FRONT_TOKEN_PAYLOAD),
            upstream: parser.optional(&UPSTREAM),
            log: parser.log(),
        };
        if settings.same_site == SameSite::None && settings.cookie_prefix == CookiePrefix::Never {
            let allowed =
                "allowed: auto or always with same_site=none: browsers drop such cookies otherwise";
            parser.fail(&COOKIE_PREFIX, Some("never".to_owned()), allowed.to_owned());
        }
        parser.finish(settings)
    }
}

fn api_key(parser: &mut Parser<'_>) -> Option<SecretString> {
    let key = parser.optional(&SESSION_API_KEY)?;
    if !is_api_key(&key) || key.contains(',') {
        let allowed = "allowed: one key of at least 16 visible ASCII characters, without a comma";
        parser.fail(&SESSION_API_KEY, None, allowed.to_owned());
    }
    Some(SecretString::new(key))
}

/// Labels of letters, digits and hyphens, at least two: no browser takes a cookie for a whole top-level domain.
fn is_domain(text: &str) -> bool {
    let label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && !label.starts_with('-')
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    text.contains('.') && text.len() <= 253 && text.split('.').all(label)
}

/// `https://host` or `https://host:port`, as browsers write it: lower case, nothing after it.
fn is_origin(text: &str) -> bool {
    let Ok(uri) = text.parse::<Uri>() else {
        return false;
    };
    let scheme = uri.scheme_str();
    let Some(authority) = uri.authority() else {
        return false;
    };
    let written = format!("{}://{authority}", scheme.unwrap_or_default());
    matches!(scheme, Some("http" | "https"))
        && !authority.as_str().contains('@')
        && text == written
        && text == text.to_ascii_lowercase()
}

/// A component's id in a Spin manifest: words of letters and digits with hyphens between them.
fn is_component(text: &str) -> bool {
    text.split('-').all(|word| {
        word.starts_with(|c: char| c.is_ascii_alphabetic())
            && word.bytes().all(|b| b.is_ascii_alphanumeric())
    })
}

#[cfg(test)]
mod tests {
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
        assert!(settings.hide_payload);
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
}
