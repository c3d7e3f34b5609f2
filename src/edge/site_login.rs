//! What a site says of a login: that it begins a session, or that the user of one was authenticated once more (step-up).

use http::HeaderValue;
use session_core::domain::json::Json;
use session_core::domain::secret::SecretString;
use session_core::domain::token::access::AccessClaims;
use session_core::log::Event;

use super::client::Transport;
use super::cookies::Cookies;
use super::failure::Failure;
use super::flow::{Edge, GROWTH_BYTES, NewCookies, RequestContext};
use super::wire::{Login, Reauthenticated};

/// How much of a browser's `User-Agent` is kept, in bytes: quoted as JSON it fits into `client` whatever it is.
const USER_AGENT_MAX_BYTES: usize = 500;

/// What a site says of a login.
#[derive(Clone, Debug)]
pub enum SiteLogin {
    /// A session begins.
    New(Login),
    /// The session goes on.
    Again(Reauthentication),
}

/// The user of a session was authenticated once more.
#[derive(Clone, Debug)]
pub struct Reauthentication {
    user_id: String,
    authentication: Json,
}

impl Reauthentication {
    /// # Errors
    /// If `login` has no `authentication`, or more: the session keeps what it has. The text is for the site's developer.
    pub(super) fn of(login: Login) -> Result<Self, &'static str> {
        let Login {
            user_id,
            jwt_payload: None,
            session_data: None,
            lifetime: None,
            client: None,
            authentication,
        } = login
        else {
            return Err(
                "reauthenticate goes with userId and authentication only: the session keeps the rest",
            );
        };
        Ok(Self {
            user_id,
            authentication: authentication.ok_or("authentication is missing")?,
        })
    }
}

impl<T: Transport> Edge<T> {
    /// Does what a site says of a login, for a browser with these access tokens and this `User-Agent`.
    pub(super) async fn take_in(
        &self,
        cookies: &Cookies,
        login: SiteLogin,
        user_agent: Option<&HeaderValue>,
        tokens: &[SecretString],
        context: &RequestContext<'_>,
    ) -> Result<NewCookies, Failure> {
        match login {
            SiteLogin::New(mut login) => {
                if self.settings.send_user_agent && login.client.is_none() {
                    login.client = user_agent.and_then(client);
                }
                self.log_in(cookies, &login, tokens, context).await
            }
            SiteLogin::Again(again) => self.reauthenticate(cookies, &again, tokens, context).await,
        }
    }

    /// Has the session that an access token names go on as a new one. The service verifies the token; that it is of the
    /// user whom the site has authenticated is seen before, so that nobody lifts another user's session.
    async fn reauthenticate(
        &self,
        cookies: &Cookies,
        again: &Reauthentication,
        tokens: &[SecretString],
        context: &RequestContext<'_>,
    ) -> Result<NewCookies, Failure> {
        for token in tokens {
            let Some(claims) = AccessClaims::unverified(token.expose()) else {
                continue;
            };
            if claims.user_id.as_str() != again.user_id {
                let message =
                    "userId is not that of the session; without reauthenticate it is another login";
                return Err(Failure::Refused(message.to_owned()));
            }
            let binding = cookies.binding();
            let answer = self
                .sessions
                .reauthenticate(token, &again.authentication, binding);
            if let Reauthenticated::Ok(grant) = answer.await? {
                let grant = self.bindable(cookies, grant).await?;
                let headers = self.grant(cookies, &grant, GROWTH_BYTES, context.now);
                if headers.is_err() {
                    let revoked = self.sessions.revoke(&grant.session.handle).await;
                    _ = revoked.inspect_err(|failure| {
                        (context.log)(&Event::SessionLeftBehind { reason: failure });
                    });
                }
                return headers;
            }
        }
        Err(Failure::NoSession)
    }
}

/// What `POST /session` takes as `client`.
fn client(user_agent: &HeaderValue) -> Option<Json> {
    let text = user_agent.to_str().ok()?;
    let text = &text[..text.len().min(USER_AGENT_MAX_BYTES)];
    Json::parse(serde_json::json!({ "userAgent": text }).to_string())
}
