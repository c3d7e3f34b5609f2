//! Device Bound Session Credentials (W3C draft webappsec-dbsc) between browser and edge, as Chromium 156 speaks it.
//!
//! The login's reply offers a registration; the browser then posts its key, and from then on a proof of it before the
//! marker cookie runs out, by itself. Both come with `Sec-Fetch-Mode: no-cors`: in that mode a script can't add
//! `Secure-Session-Response`, so none can register a key of its own.

use std::borrow::Borrow;

use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::json;
use session_core::domain::id::HandleHash;
use session_core::domain::secret::SecretString;
use session_core::domain::time::Timestamp;
use session_core::domain::token::access::AccessClaims;
use session_core::domain::token::refresh::RefreshToken;

use super::client::Transport;
use super::cookies::Cookies;
use super::failure::Failure;
use super::flow::{Edge, RequestContext, SessionState};
use super::front_token::FRONT_TOKEN;
use super::reply::{self, Reply, set_cookies};
use super::wire::{Grant, Token};

/// Where a browser registers its key.
pub const BIND_PATH: &str = "/auth/session/refresh/bind";

/// Where it refreshes a bound session.
pub const DEVICE_REFRESH_PATH: &str = "/auth/session/refresh/device";

const FRONT_TOKEN_NAME: HeaderName = HeaderName::from_static(FRONT_TOKEN);
const REGISTRATION: HeaderName = HeaderName::from_static("secure-session-registration");
const CHALLENGE: HeaderName = HeaderName::from_static("secure-session-challenge");

/// Who asks for a refresh.
#[derive(Clone, Copy)]
pub(super) enum Asker<'a> {
    /// A page's script.
    Script,
    /// A link or a form, on whatever site's page.
    Navigation,
    /// The browser itself, with what it has signed; empty if it has no challenge yet.
    Browser(&'a str),
}

impl<'a> Asker<'a> {
    /// What the service is shown. An empty proof asks for a challenge, and raises no alarm: before a navigation from
    /// another site's page no browser signs.
    pub(super) fn proof(self) -> Option<&'a str> {
        match self {
            Self::Script => None,
            Self::Navigation => Some(""),
            Self::Browser(proof) => Some(proof),
        }
    }
}

/// A header of the protocol, for a reply.
pub(super) type DeviceHeader = (HeaderName, HeaderValue);

/// What browsers call a session: the hash of its handle, which gives no access to it.
fn session_id(handle: &str) -> String {
    HandleHash::of_text(handle).as_str().to_owned()
}

/// The header that stores the marker of a bound session.
pub(super) fn marker(cookies: &Cookies, grant: &Grant, now: Timestamp) -> HeaderValue {
    let id = session_id(&grant.session.handle);
    cookies.set_device(&id, grant.access.expires, now)
}

/// What browsers call the session of a refresh token.
fn session_id_of(refresh: &SecretString) -> Option<String> {
    let (handle, _) = RefreshToken::place_unverified(refresh.expose())?;
    Some(handle.hash().as_str().to_owned())
}

/// The header that offers a registration.
pub(super) fn registration(challenge: &str) -> DeviceHeader {
    let value = format!(r#"(ES256);path="{BIND_PATH}";challenge="{challenge}""#);
    (
        REGISTRATION,
        value.try_into().expect("challenges are URL-safe"),
    )
}

/// The header with what a session's next refresh has to sign.
pub(super) fn challenge(handle: &str, challenge: &str) -> DeviceHeader {
    header_for(&session_id(handle), challenge)
}

fn header_for(id: &str, challenge: &str) -> DeviceHeader {
    let value = format!(r#""{challenge}";id="{id}""#);
    (
        CHALLENGE,
        value.try_into().expect("challenges are URL-safe"),
    )
}

/// A field of the protocol, bare as Chromium sends it or quoted as the draft says.
fn field<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let text = headers.get(name)?.to_str().ok()?.trim();
    let inside = text
        .strip_prefix('"')
        .and_then(|text| text.strip_suffix('"'));
    Some(inside.unwrap_or(text))
}

/// Whether a request can't have been made by a script that chose its header fields.
pub(super) fn is_browsers_own(headers: &HeaderMap) -> bool {
    headers
        .get("sec-fetch-mode")
        .is_some_and(|mode| mode == "no-cors")
}

/// What a browser has signed; empty if it has no challenge yet.
pub(super) fn proof(headers: &HeaderMap) -> &str {
    field(headers, "secure-session-response").unwrap_or_default()
}

/// Whether the session that a browser refreshes is the one of this refresh token: after another login it is not.
pub(super) fn is_meant(headers: &HeaderMap, refresh: &SecretString) -> bool {
    let id = field(headers, "sec-secure-session-id");
    id.is_some() && id == session_id_of(refresh).as_deref()
}

/// The reply that asks for a proof.
pub(super) fn prove(refresh: &SecretString, challenge: &str) -> Reply {
    let mut reply = reply::proof_needed();
    let id = session_id_of(refresh).unwrap_or_default();
    reply.headers_mut().extend([header_for(&id, challenge)]);
    reply
}

impl<T: Transport> Edge<T> {
    /// Passes a new session on, unless the browser has to bind it and the service does not let it.
    pub(super) async fn bindable<G: Borrow<Grant>>(
        &self,
        cookies: &Cookies,
        grant: G,
    ) -> Result<G, Failure> {
        let new: &Grant = grant.borrow();
        if cookies.binding() == Some("require") && new.challenge.is_none() {
            self.sessions.revoke(&new.session.handle).await?;
            let message = "device_binding=require, but the service does not bind sessions";
            return Err(Failure::Misconfigured(message.to_owned()));
        }
        Ok(grant)
    }

    /// Binds the cookies' session to the key of a browser. A refusal touches no cookie: nothing is bound.
    pub(super) async fn bind(
        &self,
        cookies: &Cookies,
        headers: &HeaderMap,
        context: &RequestContext<'_>,
    ) -> Result<Reply, Failure> {
        let Some(refresh) = cookies.refresh_token(headers) else {
            return Ok(reply::unauthorised());
        };
        let access = cookies
            .access_tokens(headers)
            .into_iter()
            .filter_map(|token| AccessClaims::unverified(token.expose()))
            .find(|claims| {
                Some(claims.handle.hash().as_str()) == session_id_of(&refresh).as_deref()
            });
        let (Some(access), Some(next)) =
            (access, self.sessions.bind(&refresh, proof(headers)).await?)
        else {
            return Ok(reply::unauthorised());
        };
        let (name, attributes) = cookies.device_credential();
        let rules = self.settings.public_paths.iter();
        let rules = rules.filter_map(|path| path.strip_suffix('*'));
        let rules: Vec<_> = rules
            .map(|path| json!({ "type": "exclude", "domain": "*", "path": path }))
            .collect();
        let handle = access.handle.reveal();
        let id = session_id(&handle);
        let mut reply = reply::json(
            http::StatusCode::OK,
            &json!({
                "session_identifier": id,
                "refresh_url": DEVICE_REFRESH_PATH,
                "scope": { "include_site": false, "scope_specification": rules },
                "credentials": [{ "type": "cookie", "name": name, "attributes": attributes }],
            }),
        );
        let marker = cookies.set_device(&id, access.expires_at, context.now);
        set_cookies(reply.headers_mut(), [marker]);
        reply
            .headers_mut()
            .extend([challenge(&handle, next.as_str())]);
        Ok(reply)
    }

    /// The answer to a page's script, or a navigation, that refreshes a bound session: only the browser itself can, and does
    /// when the marker is gone.
    pub(super) async fn refresh_without_proof(
        &self,
        cookies: &Cookies,
        headers: &HeaderMap,
    ) -> Result<Reply, Failure> {
        let reply = self.refreshed_already(cookies, headers).await?;
        Ok(reply.unwrap_or_else(|| {
            let mut reply = reply::proof_needed_later();
            set_cookies(reply.headers_mut(), cookies.clear_device());
            reply
        }))
    }

    /// The answer where the browser has refreshed a moment ago: the access token is good.
    pub(super) async fn refreshed_already(
        &self,
        cookies: &Cookies,
        headers: &HeaderMap,
    ) -> Result<Option<Reply>, Failure> {
        let tokens = cookies.access_tokens(headers);
        let SessionState::Active(session, renewed) = self.who(cookies, &tokens).await? else {
            return Ok(None);
        };
        let known = tokens.iter().filter_map(|token| {
            let claims = AccessClaims::unverified(token.expose())?;
            let access = Token {
                value: token.clone(),
                expires: claims.expires_at,
            };
            let is_it = claims.handle.reveal() == session.handle;
            is_it.then(|| self.front_token(&session, &access))
        });
        let mut reply = reply::ok();
        let front_token = match renewed {
            Some(renewed) => {
                set_cookies(reply.headers_mut(), [renewed.cookie]);
                Some(renewed.front_token)
            }
            None => known.last(),
        };
        let front_token = front_token.map(|value| (FRONT_TOKEN_NAME, value));
        reply.headers_mut().extend(front_token);
        Ok(Some(reply))
    }
}
