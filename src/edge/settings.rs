//! The edge's settings: parsed once, every mistake reported together, none replaced by a default.

use http::Uri;
use session_core::domain::config::is_api_key;
use session_core::domain::log::LogSettings;
use session_core::domain::secret::SecretString;
use session_core::domain::setting::{
    BOOLEAN, ConfigError, Kind, LOG_FORMAT, LOG_LEVEL, Lookup, NeededBy, Parser, Setting,
};

use super::client_address::Network;

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
    DEVICE_BINDING = "device_binding", "off", Kind::Word(&["off", "offer", "require"]), "",
        "whether browsers that can bind a session to a key of theirs may (`offer`) or have to (`require`); by HTTPS only, \
         not with `same_site=none`, and the service needs `session_binding=true`";
    TRUSTED_ORIGINS = "trusted_origins", "", ORIGINS, "none", "origins that may do what the site's own pages may";
    FRONT_TOKEN_PAYLOAD = "front_token_payload", "true", BOOLEAN, "", "whether pages may read the session's payload";
    TRUSTED_PROXIES = "trusted_proxies", "", NETWORKS, "none",
        "proxies whose `X-Forwarded-For` is believed; the site gets one address in this header, the client's";
    PUBLIC_PATHS = "public_paths", "", PATHS, "none",
        "paths whose requests are forwarded without a look at the session: nobody is signed in there; `/*` at the end \
         stands for everything below";
    SEND_USER_AGENT = "send_user_agent", "false", BOOLEAN, "",
        "whether a login without `client` stores the browser's `User-Agent` as `{\"userAgent\":…}`, for lists of sessions";
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

const NETWORKS: Kind = Kind::Checked {
    is_good: |list| networks(list).is_some(),
    allowed: "comma-separated addresses or networks: 10.0.0.0/8, ::1",
};

const PATHS: Kind = Kind::Checked {
    is_good: |list| list.split(',').all(|path| is_path(path.trim())),
    allowed: "comma-separated paths: /, /about, /static/*",
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
    /// Whether browsers bind sessions to keys of theirs.
    pub device_binding: DeviceBinding,
    /// Origins that may do what the site's own pages may.
    pub trusted_origins: Vec<String>,
    /// Whether pages may read the session's payload.
    pub hide_payload: bool,
    /// The proxies whose word about a client's address is believed.
    pub trusted_proxies: Vec<Network>,
    /// The paths whose requests are forwarded without a look at the session.
    pub public_paths: Vec<String>,
    /// Whether the browser's `User-Agent` is stored with a session.
    pub send_user_agent: bool,
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

/// Whether browsers bind sessions to keys of theirs (Device Bound Session Credentials).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DeviceBinding {
    /// They don't.
    #[default]
    Off,
    /// Those that can, may.
    Offer,
    /// A session that is not bound ends at its first refresh.
    Require,
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
            device_binding: parser.word(
                &DEVICE_BINDING,
                &[
                    ("off", DeviceBinding::Off),
                    ("offer", DeviceBinding::Offer),
                    ("require", DeviceBinding::Require),
                ],
            ),
            trusted_origins: list(&mut parser, &TRUSTED_ORIGINS),
            hide_payload: !parser.boolean(&FRONT_TOKEN_PAYLOAD),
            trusted_proxies: parser
                .optional(&TRUSTED_PROXIES)
                .and_then(|list| networks(&list))
                .unwrap_or_default(),
            public_paths: list(&mut parser, &PUBLIC_PATHS),
            send_user_agent: parser.boolean(&SEND_USER_AGENT),
            upstream: parser.optional(&UPSTREAM),
            log: parser.log(),
        };
        if settings.same_site == SameSite::None && settings.cookie_prefix == CookiePrefix::Never {
            let allowed =
                "allowed: auto or always with same_site=none: browsers drop such cookies otherwise";
            parser.fail(&COOKIE_PREFIX, Some("never".to_owned()), allowed.to_owned());
        }
        let can_bind =
            settings.same_site != SameSite::None && settings.cookie_prefix != CookiePrefix::Never;
        if settings.device_binding == DeviceBinding::Require && !can_bind {
            let allowed = "allowed: off or offer with same_site=none or cookie_prefix=never: no browser binds such cookies";
            parser.fail(
                &DEVICE_BINDING,
                Some("require".to_owned()),
                allowed.to_owned(),
            );
        }
        parser.finish(settings)
    }

    /// Whether requests for this path are forwarded without a look at the session.
    pub fn is_public(&self, path: &str) -> bool {
        self.public_paths
            .iter()
            .any(|public| match public.strip_suffix('*') {
                Some(prefix) => path.starts_with(prefix),
                None => path == public,
            })
    }
}

/// A comma-separated list.
fn list(parser: &mut Parser<'_>, setting: &Setting) -> Vec<String> {
    let list = parser.optional(setting).unwrap_or_default();
    let items = list.split(',').map(|item| item.trim().to_owned());
    items.filter(|item| !item.is_empty()).collect()
}

fn networks(list: &str) -> Option<Vec<Network>> {
    list.split(',')
        .map(|text| text.trim().parse().ok())
        .collect()
}

/// A path as requests name it, percent-encoded where it has to be, perhaps with `/*` at its end.
fn is_path(text: &str) -> bool {
    let exact = text.strip_suffix("/*").unwrap_or(text);
    (exact.starts_with('/') || (exact.is_empty() && text == "/*"))
        && exact
            .bytes()
            .all(|b| b.is_ascii_graphic() && !b"?#*".contains(&b))
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
mod tests;
