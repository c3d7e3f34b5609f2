//! The edge's own routes: refresh, sign out, forward authentication, the script for pages, and logins by the site's call.

use bytes::Bytes;
use http::header::{SET_COOKIE, USER_AGENT};
use http::{HeaderMap, Method, StatusCode, request};
use http_body::Body;
use serde_json::json;
use session_core::log::Event;
use session_core::request::{authenticate, read_body};

use super::client::Transport;
use super::cookies::{Cookies, REFRESH_PATH};
use super::device::Asker;
use super::failure::Failure;
use super::flow::{Edge, RequestContext, SessionState, end, failed};
use super::front_token::{FRONT_TOKEN, REMOVE};
use super::navigation::{self, InvalidTarget, SIGN_OUT_PATHS, Target};
use super::reply::{self, Reply, set_cookies};
use super::wire::Refreshed;
use super::{csrf, device, identity};

const CLIENT: &str = include_str!("client.js");

/// A route of the edge itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Route {
    /// New tokens for the refresh token.
    Refresh,
    /// A browser's key for the session.
    Bind,
    /// A browser's own refresh of a bound session.
    DeviceRefresh,
    /// The end of this session.
    SignOut,
    /// The end of all of the user's sessions.
    SignOutEverywhere,
    /// The end of the user's other sessions.
    SignOutOthers,
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
            Self::Refresh => &[Method::GET, Method::POST],
            _ => &[Method::POST],
        }
    }
}

impl<T: Transport> Edge<T> {
    /// The route of a request, if it is one of the edge's own. The two for a proxy and its site exist only where the edge
    /// does not stand in front of the site itself: there, visitors could call them.
    pub(super) fn own_route(&self, head: &request::Parts, has_site: bool) -> Option<Route> {
        match head.uri.path() {
            REFRESH_PATH => Some(Route::Refresh),
            device::BIND_PATH => Some(Route::Bind),
            device::DEVICE_REFRESH_PATH => Some(Route::DeviceRefresh),
            path if path == SIGN_OUT_PATHS[0] => Some(Route::SignOut),
            path if path == SIGN_OUT_PATHS[1] => Some(Route::SignOutEverywhere),
            path if path == SIGN_OUT_PATHS[2] => Some(Route::SignOutOthers),
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
            return reply::method_not_allowed(route.methods());
        }
        let (uri, headers, trusted) = (&head.uri, &head.headers, &self.settings.trusted_origins);
        let forged = match route {
            Route::Check => csrf::is_forged_original(uri, headers, trusted),
            Route::Bind | Route::DeviceRefresh if !device::is_browsers_own(headers) => true,
            _ => csrf::is_forged(&head.method, uri, headers, trusted),
        };
        if forged {
            return reply::forged();
        }
        let cookies = self.cookies(head);
        let answer = match route {
            Route::Refresh => self.refresh_route(&cookies, head, context).await,
            Route::Bind => self.bind(&cookies, headers, context).await,
            Route::DeviceRefresh => self.device_refresh(&cookies, headers, context).await,
            Route::SignOut | Route::SignOutEverywhere => self.sign_out(&cookies, head, route).await,
            Route::SignOutOthers => self.sign_out_others(&cookies, head).await,
            Route::Check => self.check(&cookies, head).await,
            Route::Client => Ok(reply::script(CLIENT)),
            Route::Login => self.login(&cookies, head, body, context).await,
        };
        answer.unwrap_or_else(|failure| failed(failure, context))
    }

    /// A script's refresh, or a navigation's, which goes on to its target whatever comes of it: the site shows its login
    /// when the session is over. Only if the session is bound, a link comes here once more, from a page of ours.
    async fn refresh_route(
        &self,
        cookies: &Cookies,
        head: &request::Parts,
        context: &RequestContext<'_>,
    ) -> Result<Reply, Failure> {
        let target = match Target::of_query(&head.uri) {
            Ok(None) if head.method == Method::GET => Err(InvalidTarget),
            target => target,
        };
        let target = match target {
            Ok(target) => target,
            Err(invalid) => return Ok(reply::invalid_target(invalid)),
        };
        let is_first = !cookies.is_refreshed(&head.headers);
        let asker = match target.is_some() && is_first {
            true => Asker::Navigation,
            false => Asker::Script,
        };
        let reply = self.refresh(cookies, &head.headers, asker, context).await?;
        let Some(target) = target else {
            return Ok(reply);
        };
        let is_unproven = reply.status() == StatusCode::SERVICE_UNAVAILABLE;
        let mut redirect = match head.method == Method::GET && is_first && is_unproven {
            true => target.after_refresh().by_page(),
            false => target.redirect(navigation::redirect_status(&head.method)),
        };
        let set = reply.headers().get_all(SET_COOKIE).iter().cloned();
        let set = set.chain([cookies.set_refreshed()]);
        set_cookies(redirect.headers_mut(), set);
        Ok(redirect)
    }

    /// A browser's own refresh, which it makes before the marker cookie has gone. That of another session than the cookies'
    /// touches no cookie.
    async fn device_refresh(
        &self,
        cookies: &Cookies,
        headers: &HeaderMap,
        context: &RequestContext<'_>,
    ) -> Result<Reply, Failure> {
        let token = cookies.refresh_token(headers);
        match token.is_some_and(|token| device::is_meant(headers, &token)) {
            true => {
                let asker = Asker::Browser(device::proof(headers));
                self.refresh(cookies, headers, asker, context).await
            }
            false => Ok(reply::unauthorised()),
        }
    }

    async fn refresh(
        &self,
        cookies: &Cookies,
        headers: &HeaderMap,
        asker: Asker<'_>,
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
        let is_browser = matches!(asker, Asker::Browser(_));
        if !is_browser
            && cookies.is_marked(headers, &token)
            && let Some(reply) = self.refreshed_already(cookies, headers).await?
        {
            return Ok(reply);
        }
        let mut reply = match self.sessions.refresh(&token, asker.proof()).await? {
            Refreshed::Ok(grant) => match self.grant(cookies, &grant, 0, context.now) {
                Ok(new) => {
                    let mut reply = match is_browser {
                        true => reply::empty(),
                        false => reply::ok(),
                    };
                    new.put_into(reply.headers_mut());
                    return Ok(reply);
                }
                // No refresh to come could bring less.
                Err(failure) => {
                    self.sessions.revoke(&grant.session.handle).await?;
                    (context.log)(&Event::SessionTooLarge { reason: &failure });
                    reply::too_large()
                }
            },
            Refreshed::ProofNeeded(challenge) => {
                return match is_browser {
                    true => Ok(device::prove(&token, challenge.as_str())),
                    false => self.refresh_without_proof(cookies, headers).await,
                };
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

    /// Ends what the access tokens name, or asks for a refresh if the service can no longer verify any of them. Only a
    /// valid one ends all sessions of its user.
    async fn sign_out(
        &self,
        cookies: &Cookies,
        head: &request::Parts,
        route: Route,
    ) -> Result<Reply, Failure> {
        let target = match Target::of_query(&head.uri) {
            Ok(target) => target,
            Err(invalid) => return Ok(reply::invalid_target(invalid)),
        };
        let tokens = cookies.access_tokens(&head.headers);
        let is_done = match route {
            Route::SignOutEverywhere => match self.who(cookies, &tokens).await? {
                SessionState::Expired => false,
                SessionState::Missing | SessionState::Ended => true,
                SessionState::Active(session, _) => {
                    self.sessions.revoke_all(&session.user_id).await?;
                    true
                }
            },
            _ => {
                let mut is_done = tokens.is_empty();
                for token in &tokens {
                    is_done |= self.sessions.revoke_by_access_token(token).await?;
                }
                is_done
            }
        };
        if !is_done {
            if let Some(refresh) = self.refresh_first(cookies, head) {
                return Ok(refresh.redirect(navigation::redirect_status(&head.method)));
            }
            if !cookies.is_refreshed(&head.headers) {
                return Ok(reply::try_refresh());
            }
        }
        let mut reply = match target {
            Some(target) => target.redirect(StatusCode::SEE_OTHER),
            None => reply::ok(),
        };
        end(reply.headers_mut(), cookies);
        Ok(reply)
    }

    /// The answer to a proxy. At most one cookie is set: some proxies hand on only one.
    async fn check(&self, cookies: &Cookies, head: &request::Parts) -> Result<Reply, Failure> {
        let tokens = cookies.access_tokens(&head.headers);
        let is_optional = head.uri.query() == Some("optional");
        let or_nobody = |reply: fn() -> Reply| if is_optional { reply::ok() } else { reply() };
        Ok(match self.who(cookies, &tokens).await? {
            SessionState::Missing => or_nobody(reply::try_refresh),
            SessionState::Expired => {
                let redirect = self.redirect_original(cookies, &head.headers);
                redirect.unwrap_or_else(|| or_nobody(reply::try_refresh))
            }
            SessionState::Ended => {
                let mut reply = or_nobody(reply::unauthorised);
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

    /// The redirect of a navigation that a proxy asks about: as a redirect if the proxy hands it on (it names the path in
    /// `X-Forwarded-Uri`), as a 401 with `Location` if it only knows 401 (`X-Original-URI`, as nginx is configured).
    fn redirect_original(&self, cookies: &Cookies, headers: &HeaderMap) -> Option<Reply> {
        let text = |name: &str| headers.get(name)?.to_str().ok();
        let method = text("x-original-method").or_else(|| text("x-forwarded-method"))?;
        let method = Method::from_bytes(method.as_bytes()).ok()?;
        let (target, only_401) = match text("x-original-uri") {
            Some(target) => (target, true),
            None => (text("x-forwarded-uri")?, false),
        };
        let refresh = self.refresh_before(cookies, &method, headers, Some(target))?;
        Some(match only_401 {
            false => refresh.redirect(navigation::redirect_status(&method)),
            true => {
                let mut reply = reply::try_refresh();
                refresh.put_into(reply.headers_mut());
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
        let old_tokens = cookies.access_tokens(&head.headers);
        let agent = head.headers.get(USER_AGENT);
        let new = self.take_in(cookies, login, agent, &old_tokens, context);
        let new = match new.await {
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
