//! The edge's own routes: refresh, sign out, forward authentication, the script for pages, and logins by the site's call.

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode, request};
use http_body::Body;
use serde_json::json;
use session_core::request::{authenticate, read_body};

use super::client::{Failure, Transport};
use super::cookies::{Cookies, REFRESH_PATH};
use super::flow::{Edge, RequestContext, SessionState, end, failed};
use super::front_token::{FRONT_TOKEN, REMOVE};
use super::reply::{self, Reply, set_cookies};
use super::wire::Refreshed;
use super::{csrf, identity};

const CLIENT: &str = include_str!("client.js");

/// A route of the edge itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Route {
    /// New tokens for the refresh token.
    Refresh,
    /// The end of this session.
    SignOut,
    /// The end of all of the user's sessions.
    SignOutEverywhere,
    /// A proxy's question about a request.
    Check,
    /// The script for pages without a bundler.
    Client,
    /// The call of a site that the edge does not stand in front of.
    Login,
}

impl Route {
    fn methods(self) -> &'static [Method] {
        match self {
            Self::Check | Self::Client => &[Method::GET, Method::HEAD],
            _ => &[Method::POST],
        }
    }

    fn allow(self) -> &'static str {
        match self {
            Self::Check | Self::Client => "GET, HEAD",
            _ => "POST",
        }
    }
}

impl<T: Transport> Edge<T> {
    /// The route of a request, if it is one of the edge's own. The two for a proxy and its site exist only where the edge
    /// does not stand in front of the site itself: there, visitors could call them.
    pub(super) fn own_route(&self, head: &request::Parts, has_site: bool) -> Option<Route> {
        match head.uri.path() {
            REFRESH_PATH => Some(Route::Refresh),
            "/auth/signout" => Some(Route::SignOut),
            "/auth/signout/all" => Some(Route::SignOutEverywhere),
            "/auth/check" if !has_site => Some(Route::Check),
            "/auth/client.js" => Some(Route::Client),
            // Without a key anyone could log in as anyone.
            "/auth/session" if !has_site && self.settings.session_api_key.is_some() => {
                Some(Route::Login)
            }
            _ => None,
        }
    }

    pub(super) async fn answer<B: Body<Data = Bytes>>(
        &self,
        route: Route,
        head: &request::Parts,
        body: B,
        context: &RequestContext<'_>,
    ) -> Reply {
        if !route.methods().contains(&head.method) {
            return reply::method_not_allowed(route.allow());
        }
        let (uri, headers, trusted) = (&head.uri, &head.headers, &self.settings.trusted_origins);
        let forged = match route {
            Route::Check => csrf::is_forged_original(uri, headers, trusted),
            _ => csrf::is_forged(&head.method, uri, headers, trusted),
        };
        if forged {
            return reply::forged();
        }
        let cookies = self.cookies(head);
        let answer = match route {
            Route::Refresh => self.refresh(&cookies, headers, context).await,
            Route::SignOut => self.sign_out(&cookies, headers, false).await,
            Route::SignOutEverywhere => self.sign_out(&cookies, headers, true).await,
            Route::Check => self.check(&cookies, headers).await,
            Route::Client => Ok(reply::script(CLIENT)),
            Route::Login => self.login(&cookies, head, body, context).await,
        };
        answer.unwrap_or_else(|failure| failed(failure, context))
    }

    async fn refresh(
        &self,
        cookies: &Cookies,
        headers: &HeaderMap,
        context: &RequestContext<'_>,
    ) -> Result<Reply, Failure> {
        let Some(token) = cookies.refresh_token(headers) else {
            // The front-end library asks once for every visitor. There is nothing to ask the service.
            let mut reply = reply::unauthorised();
            match cookies.are_there(headers) {
                false => _ = reply.headers_mut().insert(FRONT_TOKEN, REMOVE),
                true => end(reply.headers_mut(), cookies),
            }
            return Ok(reply);
        };
        let mut reply = match self.sessions.refresh(&token).await? {
            Refreshed::Ok(grant) => {
                let new = self.grant(cookies, &grant, 0, context.now)?;
                let mut reply = reply::ok();
                new.put_into(reply.headers_mut());
                return Ok(reply);
            }
            Refreshed::Unauthorised => reply::unauthorised(),
            Refreshed::Theft(handle) => {
                // The service has done so already, unless it only reports.
                self.sessions.revoke(&handle).await?;
                reply::theft()
            }
        };
        end(reply.headers_mut(), cookies);
        Ok(reply)
    }

    async fn sign_out(
        &self,
        cookies: &Cookies,
        headers: &HeaderMap,
        everywhere: bool,
    ) -> Result<Reply, Failure> {
        match self.who(cookies, headers).await? {
            SessionState::Missing => return Ok(reply::try_refresh()),
            SessionState::Active(session, _) if everywhere => {
                self.sessions.revoke_all(&session.user_id).await?;
            }
            SessionState::Active(session, _) => self.sessions.revoke(&session.handle).await?,
            SessionState::Ended => {}
        }
        let mut reply = reply::ok();
        end(reply.headers_mut(), cookies);
        Ok(reply)
    }

    /// The answer to a proxy. At most one cookie is set: some proxies hand on only one.
    async fn check(&self, cookies: &Cookies, headers: &HeaderMap) -> Result<Reply, Failure> {
        Ok(match self.who(cookies, headers).await? {
            SessionState::Missing => reply::try_refresh(),
            SessionState::Ended => {
                let mut reply = reply::unauthorised();
                set_cookies(reply.headers_mut(), [cookies.clear_access()]);
                reply.headers_mut().insert(FRONT_TOKEN, REMOVE);
                reply
            }
            SessionState::Active(session, renewed) => {
                let mut reply = reply::ok();
                identity::introduce(reply.headers_mut(), &session);
                if let Some(renewed) = renewed {
                    set_cookies(reply.headers_mut(), [renewed.cookie]);
                    reply.headers_mut().insert(FRONT_TOKEN, renewed.front_token);
                }
                reply
            }
        })
    }

    /// Answers with the headers that the site copies into its own reply.
    async fn login<B: Body<Data = Bytes>>(
        &self,
        cookies: &Cookies,
        head: &request::Parts,
        body: B,
        context: &RequestContext<'_>,
    ) -> Result<Reply, Failure> {
        let body = match authenticate(&head.headers, self.settings.session_api_key.as_slice()) {
            Ok(()) => read_body(head, body).await,
            Err(error) => Err(error),
        };
        let login = match body.map(|body| identity::read_login(&body)) {
            Ok(Ok(login)) => login,
            Ok(Err(message)) => return Ok(reply::bad_login(StatusCode::BAD_REQUEST, &message)),
            Err(error) => return Ok(reply::rejected(error)),
        };
        let known = self.who(cookies, &head.headers).await?;
        let new = match self.log_in(cookies, &login, known, context).await {
            // Here the site itself asks, and the mistake is in what it sent.
            Err(Failure::Refused(message)) => {
                return Ok(reply::bad_login(StatusCode::BAD_REQUEST, &message));
            }
            new => new?,
        };
        let mut list = HeaderMap::new();
        new.put_into(&mut list);
        let pair = |(name, value): (&http::HeaderName, &http::HeaderValue)| {
            json!([name.as_str(), value.to_str().unwrap_or_default()])
        };
        let list: Vec<_> = list.iter().map(pair).collect();
        Ok(reply::json(
            StatusCode::OK,
            &json!({ "status": "OK", "headers": list }),
        ))
    }
}
