//! Pages without scripts: a navigation whose access token has expired goes to the refresh path by redirect, where the
//! browser sends the refresh token, and comes back.

use std::borrow::Cow;

use http::header::{ACCEPT, LOCATION, REFRESH, VARY};
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use super::cookies::REFRESH_PATH;
use super::reply::{self, Reply};

/// Own routes that a navigation may come back to.
pub(super) const SIGN_OUT_PATHS: [&str; 3] =
    ["/auth/signout", "/auth/signout/all", "/auth/signout/others"];

/// What cannot stand for itself in the value of a query parameter (WHATWG URL, form-urlencoded parsing).
const NOT_IN_QUERY: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'&')
    .add(b'+')
    .add(b'<')
    .add(b'>');

/// The parameter `to` is missing, there twice, or not a [`Target`].
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("to must be one path of this site: a single leading slash, no backslash, not under /auth/")]
pub(super) struct InvalidTarget;

/// A path of the same site, with a query perhaps: the only thing that the edge redirects to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target(HeaderValue);

impl Target {
    /// Accepts one leading `/` and then visible ASCII without a second slash and without backslashes, which browsers read
    /// as slashes. The edge's own paths are excluded, but for sign-out.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        let path = text.split(['?', '#']).next().unwrap_or_default();
        let is_good = bytes.first() == Some(&b'/')
            && bytes.get(1) != Some(&b'/')
            && bytes.iter().all(|b| b.is_ascii_graphic() && *b != b'\\')
            && (!path.starts_with("/auth/") || SIGN_OUT_PATHS.contains(&path));
        let value = HeaderValue::from_bytes(bytes).ok();
        value.filter(|_| is_good).map(Self)
    }

    /// The parameter `to` of a query, if there is one.
    ///
    /// # Errors
    /// If it is given twice or is not a [`Target`].
    pub(super) fn of_query(uri: &Uri) -> Result<Option<Self>, InvalidTarget> {
        let query = uri.query().unwrap_or_default();
        let mut values = form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name == "to");
        match (values.next(), values.next()) {
            (None, _) => Ok(None),
            (Some((_, to)), None) => Self::parse(&to).map(Some).ok_or(InvalidTarget),
            (Some(_), Some(_)) => Err(InvalidTarget),
        }
    }

    /// The refresh that comes back to this target.
    pub(super) fn after_refresh(self) -> Self {
        let to = String::from_utf8_lossy(self.0.as_bytes());
        let to = Cow::from(utf8_percent_encode(&to, NOT_IN_QUERY));
        let location = format!("{REFRESH_PATH}?to={to}");
        Self(HeaderValue::try_from(location).expect("percent-encoded text is ASCII"))
    }

    /// Names the target in `Location`. A cache must not answer for a browser with other cookies.
    pub(super) fn put_into(self, headers: &mut HeaderMap) {
        headers.insert(LOCATION, self.0);
        headers.append(VARY, HeaderValue::from_static("cookie"));
    }

    /// The page that goes to it at once: unlike a redirect, of a link on another site's page for instance, this is a
    /// navigation of our own, before which a browser refreshes a bound session.
    pub(super) fn by_page(self) -> Reply {
        let mut reply = reply::redirect(StatusCode::OK);
        let location = String::from_utf8_lossy(self.0.as_bytes());
        let refresh = HeaderValue::try_from(format!("0;url={location}"));
        let refresh = refresh.expect("it comes from a header");
        reply.headers_mut().insert(REFRESH, refresh);
        reply
    }

    /// The redirect to it: 303 makes a GET of whatever came, 307 has a form sent again (RFC 9110 §15.4.4, §15.4.8).
    pub(super) fn redirect(self, status: StatusCode) -> Reply {
        let mut reply = reply::redirect(status);
        self.put_into(reply.headers_mut());
        reply
    }
}

/// The status that redirects a navigation without losing what its form says.
pub(super) fn redirect_status(method: &Method) -> StatusCode {
    match *method {
        Method::POST => StatusCode::TEMPORARY_REDIRECT,
        _ => StatusCode::SEE_OTHER,
    }
}

/// Whether a browser loads this as the page of a window: a link or a form, but no prefetch (Fetch Metadata; browsers
/// send it to trustworthy origins only, elsewhere `Accept` has to do).
pub(super) fn is_navigation(method: &Method, headers: &HeaderMap) -> bool {
    let is = |name: &str, value: &str| headers.get(name).is_some_and(|found| found == value);
    if !matches!(*method, Method::GET | Method::POST) || headers.contains_key("sec-purpose") {
        return false;
    }
    match headers.contains_key("sec-fetch-mode") {
        true => is("sec-fetch-mode", "navigate") && is("sec-fetch-dest", "document"),
        false => headers.get(ACCEPT).is_some_and(|accept| {
            accept
                .as_bytes()
                .windows(9)
                .any(|part| part == b"text/html")
        }),
    }
}
