//! A request's way through the edge: to the site and back, or to one of the edge's own routes.

use bytes::Bytes;
use http::header::USER_AGENT;
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue, Method, Request, Response, request};
use http_body::Body;
use http_body_util::{Either, Full};
use session_core::domain::secret::SecretString;
use session_core::domain::time::Timestamp;
use session_core::domain::token::access::AccessClaims;
use session_core::log::Event;

use super::client::{SessionClient, Transport};
use super::connection::{WithoutTrailers, remove_connection_fields, without_trailers};
use super::cookies::{Cookies, came_by_https, remove_tokens};
use super::device::{self, DeviceHeader};
use super::failure::Failure;
use super::front_token::{FRONT_TOKEN, REMOVE, front_token};
use super::navigation::{self, Target};
use super::reply::{self, Reply, set_cookies};
use super::settings::Settings;
use super::wire::{Grant, Login, Session, Token, Verified};
use super::{client_address, cors, csrf, identity};

/// By how much an access token may outgrow that of the login: a refreshed one names its parent, and keys change.
pub(super) const GROWTH_BYTES: usize = 128;

/// The edge of one site.
#[derive(Debug)]
pub struct Edge<T> {
    pub(super) settings: Settings,
    pub(super) sessions: SessionClient<T>,
}

/// The site gave no reply.
#[derive(Clone, Copy, Debug)]
pub struct SiteUnavailable;

/// What is the same for all of one request.
pub struct RequestContext<'a> {
    /// The time of day.
    pub now: Timestamp,
    /// Where lines for the log go.
    pub log: &'a dyn Fn(&Event<'_>),
}

/// What a request's access token says.
pub(super) enum SessionState {
    /// There is none.
    Missing,
    /// It is not valid, and a refresh may help.
    Expired,
    /// Whose session it is; with an access token to store in place of the one that came.
    Active(Session, Option<Renewed>),
    /// The session is over.
    Ended,
}

/// An access token in place of another one, as headers for the reply.
pub(super) struct Renewed {
    pub(super) cookie: HeaderValue,
    pub(super) front_token: HeaderValue,
}

impl<T: Transport> Edge<T> {
    /// An edge that reaches the session service by `transport`.
    pub fn new(settings: Settings, transport: T) -> Self {
        let sessions = SessionClient::new(transport, settings.session_api_key.as_ref());
        Self { settings, sessions }
    }

    /// Its settings.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Answers a request; what is not for the edge itself is for `site`, if there is one.
    pub async fn handle<B, R>(
        &self,
        request: Request<B>,
        context: &RequestContext<'_>,
        site: Option<
            impl AsyncFnOnce(Request<WithoutTrailers<B>>) -> Result<Response<R>, SiteUnavailable>,
        >,
    ) -> Response<Either<Full<Bytes>, R>>
    where
        B: Body<Data = Bytes>,
    {
        let (head, body) = request.into_parts();
        let origin = cors::trusted_origin(&head.headers, &self.settings.trusted_origins);
        if let Some(origin) = &origin
            && cors::is_preflight(&head.method, &head.headers)
        {
            let mut headers = cors::preflight(&head.headers, origin.clone());
            cors::vary_by_origin(&mut headers);
            return reply::no_content(headers).map(Either::Left);
        }
        let mut response = match (self.own_route(&head, site.is_some()), site) {
            (Some(route), _) => self
                .answer(route, &head, body, context)
                .await
                .map(Either::Left),
            (None, Some(site)) => self.pass(head, body, context, site).await,
            (None, None) => reply::not_found().map(Either::Left),
        };
        if let Some(origin) = origin {
            cors::allow(response.headers_mut(), origin);
        }
        if !self.settings.trusted_origins.is_empty() {
            cors::vary_by_origin(response.headers_mut());
        }
        response
    }

    /// To the site and back.
    async fn pass<B, R>(
        &self,
        mut head: request::Parts,
        body: B,
        context: &RequestContext<'_>,
        site: impl AsyncFnOnce(Request<WithoutTrailers<B>>) -> Result<Response<R>, SiteUnavailable>,
    ) -> Response<Either<Full<Bytes>, R>>
    where
        B: Body<Data = Bytes>,
    {
        if csrf::is_forged(
            &head.method,
            &head.uri,
            &head.headers,
            &self.settings.trusted_origins,
        ) {
            return reply::forged().map(Either::Left);
        }
        let cookies = self.cookies(&head);
        remove_connection_fields(&mut head.headers);
        client_address::replace(&mut head.headers, &self.settings.trusted_proxies);
        identity::strip(&mut head.headers);
        let tokens = cookies.access_tokens(&head.headers);
        let known = match self.settings.is_public(head.uri.path()) {
            true => SessionState::Missing,
            false => match self.who(&cookies, &tokens).await {
                Ok(known) => known,
                Err(failure) => return failed(failure, context).map(Either::Left),
            },
        };
        if let SessionState::Expired = known
            && let Some(refresh) = self.refresh_first(&cookies, &head)
        {
            let status = navigation::redirect_status(&head.method);
            return refresh.redirect(status).map(Either::Left);
        }
        let agent = head.headers.get(USER_AGENT).cloned();
        remove_tokens(&mut head.headers);
        if let SessionState::Active(session, _) = &known {
            identity::introduce(&mut head.headers, session);
        }
        let request = Request::from_parts(head, without_trailers(body));
        let mut response = match site(request).await {
            Ok(response) => response.map(Either::Right),
            Err(SiteUnavailable) => reply::site_down().map(Either::Left),
        };
        remove_connection_fields(response.headers_mut());
        identity::vary_by_cookie(response.headers_mut());
        if let SessionState::Active(..) = &known {
            reply::keep_private(response.headers_mut());
        }
        match identity::take_login(response.headers_mut()) {
            Ok(None) => self.settle(response.headers_mut(), &cookies, known),
            Ok(Some(login)) => {
                let agent = agent.as_ref();
                let new = self.take_in(&cookies, login, agent, &tokens, context);
                match new.await {
                    Ok(new) => new.put_into(response.headers_mut()),
                    Err(failure) => return failed(failure, context).map(Either::Left),
                }
            }
            Err(message) => return failed(Failure::Refused(message), context).map(Either::Left),
        }
        response
    }

    pub(super) fn cookies(&self, head: &request::Parts) -> Cookies {
        Cookies::new(&self.settings, came_by_https(&head.uri, &head.headers))
    }

    /// Where a navigation with an expired access token goes first, unless it has just been there.
    pub(super) fn refresh_first(&self, cookies: &Cookies, head: &request::Parts) -> Option<Target> {
        let target = head.uri.path_and_query().map(PathAndQuery::as_str);
        self.refresh_before(cookies, &head.method, &head.headers, target)
    }

    pub(super) fn refresh_before(
        &self,
        cookies: &Cookies,
        method: &Method,
        headers: &HeaderMap,
        target: Option<&str>,
    ) -> Option<Target> {
        let is_meant = navigation::is_navigation(method, headers) && !cookies.is_refreshed(headers);
        let target = target.filter(|_| is_meant)?;
        Target::parse(target).map(Target::after_refresh)
    }

    /// Whose request it is: of several access tokens the first that is good.
    pub(super) async fn who(
        &self,
        cookies: &Cookies,
        tokens: &[SecretString],
    ) -> Result<SessionState, Failure> {
        let mut known = match tokens.is_empty() {
            true => SessionState::Missing,
            false => SessionState::Ended,
        };
        for token in tokens {
            match self.sessions.verify(token).await? {
                Verified::Ok(mut session, access) => {
                    // The service has verified it.
                    let claims = AccessClaims::unverified(token.expose());
                    session.authentication = claims.and_then(|it| it.optional.authentication);
                    // One that has grown beyond a cookie ends the session at its next refresh.
                    let access = access.filter(|a| cookies.access_fits(a.value.expose(), 0));
                    let renewed = access.map(|access| Renewed {
                        cookie: cookies.set_access(access.value.expose()),
                        front_token: self.front_token(&session, &access),
                    });
                    return Ok(SessionState::Active(session, renewed));
                }
                Verified::TryRefresh => known = SessionState::Expired,
                Verified::Unauthorised => {}
            }
        }
        Ok(known)
    }

    /// What the reply to a known request has to tell the browser.
    pub(super) fn settle(&self, headers: &mut HeaderMap, cookies: &Cookies, known: SessionState) {
        match known {
            SessionState::Missing | SessionState::Expired | SessionState::Active(_, None) => {}
            SessionState::Active(_, Some(renewed)) => {
                let front = cookies.set_front(&renewed.front_token);
                set_cookies(headers, [renewed.cookie, front]);
                headers.insert(FRONT_TOKEN, renewed.front_token);
            }
            SessionState::Ended => end(headers, cookies),
        }
    }

    /// Begins a session, and ends those that the browser's access tokens name, expired or not: nobody could sign out of
    /// them any more, and the reply to a refresh that crosses this one would bring the old user back. An access token
    /// that a browser would drop is refused, and so is a session without the end that the site asks for: an instance of the
    /// release before does not know of it.
    pub(super) async fn log_in(
        &self,
        cookies: &Cookies,
        login: &Login,
        old_tokens: &[SecretString],
        context: &RequestContext<'_>,
    ) -> Result<NewCookies, Failure> {
        let left_behind = |failure: &Failure| {
            (context.log)(&Event::SessionLeftBehind { reason: failure });
        };
        let grant = self.sessions.create(login, cookies.binding()).await?;
        let grant = self.bindable(cookies, grant).await?;
        let headers = match login.has_end() && grant.ends_at.is_none() {
            true => Err(Failure::Unavailable(
                "it does not know lifetimes".to_owned(),
            )),
            false => self.grant(cookies, &grant, GROWTH_BYTES, context.now),
        };
        if headers.is_err() {
            let revoked = self.sessions.revoke(&grant.session.handle).await;
            _ = revoked.inspect_err(left_behind);
            return headers;
        }
        for token in old_tokens {
            let revoked = self.sessions.revoke_by_access_token(token).await;
            _ = revoked.inspect_err(left_behind);
        }
        headers
    }

    /// The headers that hand tokens out. `growth` is how much longer the access token may become.
    pub(super) fn grant(
        &self,
        cookies: &Cookies,
        grant: &Grant,
        growth: usize,
        now: Timestamp,
    ) -> Result<NewCookies, Failure> {
        let front_token = self.front_token(&grant.session, &grant.access);
        if !cookies.access_fits(grant.access.value.expose(), growth) {
            let message = "jwtPayload is too long: a cookie with it would be longer than 4096 bytes, and browsers \
                           drop such cookies in silence; keep it in sessionData";
            return Err(Failure::Refused(message.to_owned()));
        }
        let good_for = grant.refresh.expires.since(now);
        let cookies = cookies.of_session(grant.ends_at, now);
        let mut all = vec![
            cookies.set_access(grant.access.value.expose()),
            cookies.set_refresh(grant.refresh.value.expose(), good_for),
            cookies.set_front(&front_token),
        ];
        all.extend(grant.bound.then(|| device::marker(&cookies, grant, now)));
        let device = grant.challenge.as_ref().map(|challenge| match grant.bound {
            false => device::registration(challenge.as_str()),
            true => device::challenge(&grant.session.handle, challenge.as_str()),
        });
        Ok(NewCookies {
            cookies: all,
            front_token,
            device,
        })
    }

    pub(super) fn front_token(&self, session: &Session, access: &Token) -> HeaderValue {
        front_token(session, access, self.settings.hide_payload)
    }
}

/// What hands a session to a browser.
pub(super) struct NewCookies {
    cookies: Vec<HeaderValue>,
    front_token: HeaderValue,
    device: Option<DeviceHeader>,
}

impl NewCookies {
    pub(super) fn put_into(self, headers: &mut HeaderMap) {
        set_cookies(headers, self.cookies);
        headers.insert(FRONT_TOKEN, self.front_token);
        headers.extend(self.device);
    }
}

/// Tells the browser that its session is over.
pub(super) fn end(headers: &mut HeaderMap, cookies: &Cookies) {
    let cleared = [
        cookies.clear_access(),
        cookies.clear_refresh(),
        cookies.clear_front(),
    ];
    set_cookies(headers, cleared.into_iter().chain(cookies.clear_device()));
    headers.insert(FRONT_TOKEN, REMOVE);
}

/// The reply when the service gives no answer. It touches no cookie: nothing is known.
pub(super) fn failed(failure: Failure, context: &RequestContext<'_>) -> Reply {
    if !matches!(failure, Failure::NoSession | Failure::TooManySessions) {
        (context.log)(&Event::NoReplyFromService { reason: &failure });
    }
    failure.into()
}
