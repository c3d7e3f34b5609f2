//! The edge's settings: parsed once, every mistake reported together, none replaced by a default.

use http::Uri;

use crate::domain::config::{Config, ConfigError, LogSettings, is_api_key};
use crate::domain::secret::SecretString;

/// The names of all variables that [`Settings::parse`] looks up.
pub const VARIABLES: [&str; 9] = [
    "session_api_key",
    "cookie_prefix",
    "cookie_domain",
    "same_site",
    "trusted_origins",
    "front_token_payload",
    "upstream",
    "log_format",
    "log_level",
];

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
    /// Parses the settings. `lookup` gives a variable's value; `None` or an empty text stands for its default.
    ///
    /// # Errors
    /// Every mistake that was found.
    pub fn parse(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, Vec<ConfigError>> {
        let (log, errors) = Config::log_settings(&lookup);
        let mut parser = Parser {
            lookup: &lookup,
            errors,
        };
        let settings = Self {
            session_api_key: parser.api_key(),
            cookie_prefix: parser.word(
                "cookie_prefix",
                &[
                    ("auto", CookiePrefix::Auto),
                    ("always", CookiePrefix::Always),
                    ("never", CookiePrefix::Never),
                ],
            ),
            cookie_domain: parser.checked("cookie_domain", is_domain, "a domain: example.com"),
            same_site: parser.word(
                "same_site",
                &[
                    ("lax", SameSite::Lax),
                    ("strict", SameSite::Strict),
                    ("none", SameSite::None),
                ],
            ),
            trusted_origins: parser
                .checked(
                    "trusted_origins",
                    |list| list.split(',').all(|origin| is_origin(origin.trim())),
                    "comma-separated origins: https://app.example.com",
                )
                .map(|list| list.split(',').map(|s| s.trim().to_owned()).collect())
                .unwrap_or_default(),
            hide_payload: parser.word("front_token_payload", &[("true", false), ("false", true)]),
            upstream: parser.checked("upstream", is_component, "the id of a component: my-site"),
            log,
        };
        if settings.same_site == SameSite::None && settings.cookie_prefix == CookiePrefix::Never {
            let allowed =
                "auto or always with same_site=none: browsers drop such cookies otherwise";
            parser.fail("cookie_prefix", Some("never".to_owned()), allowed);
        }
        match parser.errors.is_empty() {
            true => Ok(settings),
            false => Err(parser.errors),
        }
    }
}

struct Parser<'a> {
    lookup: &'a dyn Fn(&str) -> Option<String>,
    errors: Vec<ConfigError>,
}

impl Parser<'_> {
    fn get(&self, variable: &str) -> Option<String> {
        (self.lookup)(variable).filter(|value| !value.is_empty())
    }

    fn fail(&mut self, variable: &'static str, value: Option<String>, allowed: &str) {
        self.errors.push(ConfigError {
            variable,
            value,
            allowed: format!("allowed: {allowed}"),
        });
    }

    fn api_key(&mut self) -> Option<SecretString> {
        let key = self.get("session_api_key")?;
        if !is_api_key(&key) || key.contains(',') {
            let allowed = "one key of at least 16 visible ASCII characters, without a comma";
            self.fail("session_api_key", None, allowed);
        }
        Some(SecretString::new(key))
    }

    fn word<T: Copy + Default>(&mut self, variable: &'static str, words: &[(&str, T)]) -> T {
        let Some(value) = self.get(variable) else {
            return words[0].1;
        };
        if let Some((_, meaning)) = words.iter().find(|(word, _)| *word == value) {
            return *meaning;
        }
        let list: Vec<_> = words.iter().map(|(word, _)| *word).collect();
        self.fail(variable, Some(value), &list.join(", "));
        words[0].1
    }

    fn checked(
        &mut self,
        variable: &'static str,
        is_good: impl Fn(&str) -> bool,
        allowed: &str,
    ) -> Option<String> {
        let value = self.get(variable)?;
        if is_good(&value) {
            return Some(value);
        }
        self.fail(variable, Some(value), allowed);
        None
    }
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
    use super::*;
    use crate::domain::config::{Format, Level};

    fn parse(settings: &[(&str, &str)]) -> Result<Settings, Vec<ConfigError>> {
        Settings::parse(|name| {
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
            ("log_format", "xml"),
            ("log_level", "all"),
            ("cookie_prefix", "Auto"),
            ("cookie_domain", "com"),
            ("same_site", "loose"),
            ("trusted_origins", "https://a.example,https://b.example/"),
            ("front_token_payload", "yes"),
            ("upstream", "http://x"),
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
