//! Device Bound Session Credentials (W3C draft webappsec-dbsc) between browser and edge, as Chromium 156 speaks it.
//!
//! The login's reply offers a registration; the browser then posts its key, and from then on a proof of it before the
//! marker cookie runs out, by itself. Both come with `Sec-Fetch-Mode: no-cors`: in that mode a script can't add
//! `Secure-Session-Response`, so none can register a key of its own.

use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::json;
use session_core::domain::id::HandleHash;
use session_core::domain::secret::SecretString;
use session_core::domain::token::access::AccessClaims;
use session_core::domain::token::refresh::RefreshToken;

use super::client::{Failure, Transport};
use super::cookies::Cookies;
use super::flow::{Edge, RequestContext};
use super::reply::{self, Reply, set_cookies};
use super::wire::{Grant, Login};

/// Where a browser registers its key.
pub const BIND_PATH: &str = "/auth/session/refresh/bind";

/// Where it refreshes a bound session.
pub const DEVICE_REFRESH_PATH: &str = "/auth/session/refresh/device";

const REGISTRATION: HeaderName = HeaderName::from_static("secure-session-registration");
const CHALLENGE: HeaderName = HeaderName::from_static("secure-session-challenge");

/// A header of the protocol, for a reply.
pub(super) type DeviceHeader = (HeaderName, HeaderValue);

/// What browsers call a session: the hash of its handle, which gives no access to it.
fn session_id(handle: &str) -> String {
    HandleHash::of_text(handle).as_str().to_owned()
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
    /// Creates a session that the browser may, or has to, bind.
    pub(super) async fn create(&self, cookies: &Cookies, login: &Login) -> Result<Grant, Failure> {
        let binding = cookies.binding();
        let grant = self.sessions.create(login, binding).await?;
        if binding == Some("require") && grant.challenge.is_none() {
            self.sessions.revoke(&grant.session.handle).await?;
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
        let mut reply = reply::json(
            http::StatusCode::OK,
            &json!({
                "session_identifier": session_id(&handle),
                "refresh_url": DEVICE_REFRESH_PATH,
                "scope": { "include_site": false, "scope_specification": rules },
                "credentials": [{ "type": "cookie", "name": name, "attributes": attributes }],
            }),
        );
        let marker = cookies.set_device(access.expires_at, context.now);
        set_cookies(reply.headers_mut(), [marker]);
        reply
            .headers_mut()
            .extend([challenge(&handle, next.as_str())]);
        Ok(reply)
    }
}
