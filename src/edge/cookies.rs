//! The cookies: names, attributes, and what browsers do with them (RFC 6265bis).

use std::time::Duration;

use http::header::{COOKIE, HOST};
use http::{HeaderMap, HeaderValue, Uri};
use session_core::domain::id::SessionHandle;
use session_core::domain::secret::{SecretString, Sha256Hex};
use session_core::domain::time::Timestamp;
use session_core::domain::token::access::AccessClaims;
use session_core::domain::token::refresh::RefreshToken;

use super::settings::{CookiePrefix, DeviceBinding, SameSite, Settings};

/// Where the refresh token is sent to, and nowhere else.
pub const REFRESH_PATH: &str = "/auth/session/refresh";

/// Browsers drop a cookie in silence when its name and value are longer than this together, in bytes.
pub const COOKIE_MAX_BYTES: usize = 4096;

/// The longest that a browser keeps a cookie. An access token is kept so long, whenever it expires: a stale one means
/// "refresh", a missing one only "perhaps".
const LONGEST: Duration = Duration::from_secs(400 * 86_400);

/// For how long after a refresh by redirect no other one is tried.
const REFRESHED_FOR: Duration = Duration::from_secs(10);

const ACCESS: &str = "sAccessToken";
const REFRESH: &str = "sRefreshToken";
const FRONT: &str = "sFrontTokenHash";
const REFRESHED: &str = "sRefreshed";
const DEVICE: &str = "sDevice";
const OURS: [&str; 5] = [ACCESS, REFRESH, FRONT, REFRESHED, DEVICE];
const PREFIXES: [&str; 3] = ["", "__Host-", "__Secure-"];

/// How much earlier than the access token its marker goes: a browser then refreshes before a request leaves.
const MARKER_MARGIN: Duration = Duration::from_secs(5);

/// How many access tokens of one request the service is asked about.
const TWINS: usize = 4;

/// The cookies of one request: how they are called and written depends on how it came.
#[derive(Clone, Debug)]
pub struct Cookies {
    access: String,
    refresh: String,
    front: String,
    refreshed: String,
    /// How long the access token is kept.
    kept_for: Duration,
    device: String,
    binding: DeviceBinding,
    /// Those of all but [`Self::set_front`]'s, which scripts read.
    attributes: String,
}

impl Cookies {
    /// The cookies for requests that came by HTTPS, or didn't.
    pub fn new(settings: &Settings, https: bool) -> Self {
        let secure = match settings.cookie_prefix {
            CookiePrefix::Auto => https || settings.same_site == SameSite::None,
            CookiePrefix::Always => true,
            CookiePrefix::Never => false,
        };
        // `__Host-` demands that there is no Domain, and the path /.
        let (access, refresh) = match (secure, &settings.cookie_domain) {
            (false, _) => ("", ""),
            (true, None) => ("__Host-", "__Secure-"),
            (true, Some(_)) => ("__Secure-", "__Secure-"),
        };
        let mut attributes = String::new();
        if secure {
            attributes.push_str("; Secure");
        }
        attributes.push_str(match settings.same_site {
            SameSite::Lax => "; SameSite=Lax",
            SameSite::Strict => "; SameSite=Strict",
            SameSite::None => "; SameSite=None; Partitioned",
        });
        if let Some(domain) = &settings.cookie_domain {
            attributes.push_str("; Domain=");
            attributes.push_str(domain);
        }
        // A browser binds nothing that came by plain HTTP, and no partitioned cookie.
        let can_bind = secure && https && settings.same_site != SameSite::None;
        Self {
            device: format!("{access}{DEVICE}"),
            binding: match can_bind {
                true => settings.device_binding,
                false => DeviceBinding::Off,
            },
            front: format!("{access}{FRONT}"),
            refreshed: format!("{access}{REFRESHED}"),
            access: format!("{access}{ACCESS}"),
            refresh: format!("{refresh}{REFRESH}"),
            kept_for: LONGEST,
            attributes,
        }
    }

    /// Those of a session that ends then, whatever is done with it.
    pub fn of_session(&self, ends_at: Option<Timestamp>, now: Timestamp) -> Self {
        let left = ends_at.map_or(LONGEST, |ends_at| ends_at.since(now));
        Self {
            kept_for: left.min(LONGEST),
            ..self.clone()
        }
    }

    /// The access tokens that a request carries. More than one is left behind by a change of Domain.
    pub fn access_tokens(&self, headers: &HeaderMap) -> Vec<SecretString> {
        values(headers, &self.access).take(TWINS).collect()
    }

    /// The refresh token of the session that an access token beside it names: of several the youngest, since to present
    /// an older one would be theft. A subdomain can plant a refresh token in a browser, but by HTTPS no access token.
    pub fn refresh_token(&self, headers: &HeaderMap) -> Option<SecretString> {
        let sessions: Vec<SessionHandle> = values(headers, &self.access)
            .filter_map(|token| Some(AccessClaims::unverified(token.expose())?.handle))
            .collect();
        values(headers, &self.refresh)
            .filter_map(|token| {
                let (session, progress) = RefreshToken::place_unverified(token.expose())?;
                sessions.contains(&session).then_some((progress, token))
            })
            .max_by_key(|(progress, _)| *progress)
            .map(|(_, token)| token)
    }

    /// Whether a request carries anything under the names of the two cookies.
    pub fn are_there(&self, headers: &HeaderMap) -> bool {
        pairs(headers).any(|(name, _)| {
            [&self.access, &self.refresh]
                .iter()
                .any(|ours| ours.as_bytes() == name)
        })
    }

    /// Whether an access token fits into its cookie. A front token, which scripts may keep in one, is always shorter.
    pub fn access_fits(&self, token: &str, growth: usize) -> bool {
        self.access.len() + token.len() + growth <= COOKIE_MAX_BYTES
    }

    /// The header that stores an access token.
    pub fn set_access(&self, token: &str) -> HeaderValue {
        self.write(&self.access, token, "/", self.kept_for)
    }

    /// The header that stores a refresh token for as long as it is good.
    pub fn set_refresh(&self, token: &str, good_for: Duration) -> HeaderValue {
        self.write(&self.refresh, token, REFRESH_PATH, good_for)
    }

    /// The header that removes the access token.
    pub fn clear_access(&self) -> HeaderValue {
        self.write(&self.access, "", "/", Duration::ZERO)
    }

    /// The header that removes the refresh token.
    pub fn clear_refresh(&self) -> HeaderValue {
        self.write(&self.refresh, "", REFRESH_PATH, Duration::ZERO)
    }

    /// The header that tells scripts which front token is the latest, since a redirect shows its headers to nobody: the
    /// beginning of its SHA-256.
    pub fn set_front(&self, front_token: &HeaderValue) -> HeaderValue {
        let hash = Sha256Hex::of(front_token.as_bytes());
        self.format(&self.front, &hash.as_str()[..16], "/", self.kept_for, "")
    }

    /// The header that removes what [`Self::set_front`] stores.
    pub fn clear_front(&self) -> HeaderValue {
        self.format(&self.front, "", "/", Duration::ZERO, "")
    }

    /// What a login asks of the service for its session, if anything.
    pub(super) fn binding(&self) -> Option<&'static str> {
        match self.binding {
            DeviceBinding::Off => None,
            DeviceBinding::Offer => Some("offer"),
            DeviceBinding::Require => Some("require"),
        }
    }

    /// The header that stores the marker of a bound session, without which a browser refreshes before it sends anything
    /// else: until the access token beside it expires, and not quite.
    pub fn set_device(&self, session: &str, expires: Timestamp, now: Timestamp) -> HeaderValue {
        let good_for = expires.since(now).saturating_sub(MARKER_MARGIN);
        self.write(&self.device, mark(session), "/", good_for)
    }

    /// Whether a request carries the marker of the session that a refresh token names.
    pub fn is_marked(&self, headers: &HeaderMap, refresh: &SecretString) -> bool {
        let place = RefreshToken::place_unverified(refresh.expose());
        place.is_some_and(|(handle, _)| {
            values(headers, &self.device)
                .any(|value| value.expose() == mark(handle.hash().as_str()))
        })
    }

    /// The header that removes it, where sessions are bound.
    pub(super) fn clear_device(&self) -> Option<HeaderValue> {
        let is_used = self.binding != DeviceBinding::Off;
        is_used.then(|| self.write(&self.device, "", "/", Duration::ZERO))
    }

    /// Its name and attributes, as a browser has to be told.
    pub(super) fn device_credential(&self) -> (&str, String) {
        (&self.device, format!("Path=/; HttpOnly{}", self.attributes))
    }

    /// The header that keeps the next navigations from a refresh by redirect: if the access token is still of no use, or
    /// the browser has not stored it, another one would not help.
    pub fn set_refreshed(&self) -> HeaderValue {
        self.write(&self.refreshed, "1", "/", REFRESHED_FOR)
    }

    /// Whether a refresh by redirect has just been tried.
    pub fn is_refreshed(&self, headers: &HeaderMap) -> bool {
        pairs(headers).any(|(name, _)| name == self.refreshed.as_bytes())
    }

    fn write(&self, name: &str, value: &str, path: &str, max_age: Duration) -> HeaderValue {
        self.format(name, value, path, max_age, "; HttpOnly")
    }

    /// Removing takes the same name, path and domain as storing.
    fn format(
        &self,
        name: &str,
        value: &str,
        path: &str,
        max_age: Duration,
        http_only: &str,
    ) -> HeaderValue {
        let (seconds, attributes) = (max_age.as_secs(), &self.attributes);
        let text = format!("{name}={value}; Path={path}; Max-Age={seconds}{http_only}{attributes}");
        let mut header = HeaderValue::try_from(text).expect("tokens are URL-safe");
        header.set_sensitive(true);
        header
    }
}

/// Takes the edge's cookies out of `Cookie`, whatever their prefix; the others stay as they are, in one field: HTTP/2
/// may split it (RFC 9113 §8.2.3).
pub fn remove_tokens(headers: &mut HeaderMap) {
    let is_token = |pair: &[u8]| {
        let name = pair.split(|b| *b == b'=').next().unwrap_or_default();
        let name = name.trim_ascii();
        PREFIXES.iter().any(|prefix| {
            name.strip_prefix(prefix.as_bytes())
                .is_some_and(|name| OURS.iter().any(|ours| ours.as_bytes() == name))
        })
    };
    let pairs = headers
        .get_all(COOKIE)
        .iter()
        .flat_map(|value| value.as_bytes().split(|b| *b == b';'))
        .map(<[u8]>::trim_ascii)
        .filter(|pair| !pair.is_empty() && !is_token(pair));
    let kept = pairs.collect::<Vec<_>>().join(&b"; "[..]);
    headers.remove(COOKIE);
    if let Ok(value) = HeaderValue::from_bytes(&kept)
        && !value.is_empty()
    {
        headers.insert(COOKIE, value);
    }
}

/// Whether a request came by HTTPS, by its own scheme or that of the proxy before us. Who claims it in vain gets
/// cookies that his browser does not send, so there is nothing to trust.
pub fn came_by_https(uri: &Uri, headers: &HeaderMap) -> bool {
    let forwarded = headers.get("x-forwarded-proto").map(|value| {
        let first = value.as_bytes().split(|b| *b == b',').next();
        first.unwrap_or_default().trim_ascii().to_ascii_lowercase()
    });
    match forwarded {
        // What Traefik says about a WebSocket.
        Some(scheme) => scheme == b"https" || scheme == b"wss",
        None => uri.scheme_str() == Some("https"),
    }
}

/// The host and port that a request was sent to. On WASI they are in the URI, elsewhere in a header.
pub fn authority(uri: &Uri, headers: &HeaderMap) -> Option<String> {
    let header = || headers.get(HOST).and_then(|value| value.to_str().ok());
    let authority = uri.authority().map(|authority| authority.as_str());
    authority.or_else(header).map(str::to_owned)
}

/// Whether a text has the characters of a token, which can stand in any header.
pub(super) fn is_token(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    !text.is_empty() && text.bytes().all(plain)
}

/// What the marker says of a session: the beginning of its handle's hash.
fn mark(session: &str) -> &str {
    &session[..session.len().min(16)]
}

/// What a request's cookies of this name hold, if it can be a token of ours. Cookies beside it may hold any bytes.
fn values<'h>(headers: &'h HeaderMap, name: &'h str) -> impl Iterator<Item = SecretString> + 'h {
    pairs(headers)
        .filter(|(key, _)| *key == name.as_bytes())
        .filter_map(|(_, value)| str::from_utf8(value).ok())
        .filter(|value| is_token(value) && name.len() + value.len() <= COOKIE_MAX_BYTES)
        .map(SecretString::new)
}

/// Names and values of all cookies. No space but the plain one is cut: browsers hold other names for other cookies.
fn pairs(headers: &HeaderMap) -> impl Iterator<Item = (&[u8], &[u8])> {
    let cookies = headers.get_all(COOKIE).iter();
    let pairs = cookies.flat_map(|value| value.as_bytes().split(|b| *b == b';'));
    pairs.filter_map(|pair| {
        let pair = pair.trim_ascii();
        let end = pair.iter().position(|b| *b == b'=')?;
        Some((&pair[..end], &pair[end + 1..]))
    })
}
