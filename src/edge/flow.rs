//! A request's way through the edge: to the site and back, or to one of the edge's own routes.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response, request};
use http_body::Body;
use http_body_util::{Either, Full};
use session_core::domain::time::Timestamp;
use session_core::log::Event;

use super::client::{Failure, SessionClient, Transport};
use super::connection::{WithoutTrailers, remove_connection_fields, without_trailers};
use super::cookies::{Cookies, came_by_https, remove_tokens};
use super::front_token::{FRONT_TOKEN, REMOVE, front_token};
use super::reply::{self, Reply, set_cookies};
use super::settings::Settings;
use super::wire::{Grant, Login, Session, Token, Verified};
use super::{client_address, cors, csrf, identity};

/// By how much an access token may outgrow that of the login: a refreshed one names its parent, and keys change.
const GROWTH_BYTES: usize = 128;

/// The edge of one site.
#[derive(Debug)]
pub struct Edge<T> {
    pub(super) settings: Settings,
    pub(super) sessions: SessionClient<T>,
}

/// The site gave no reply.
#[derive(Clone, Copy, Debug)]
pub struct SiteDown;

/// What is the same for all of one request.
pub struct RequestContext<'a> {
    /// The time of day.
    pub now: Timestamp,
    /// Where lines for the log go.
    pub log: &'a dyn Fn(&Event<'_>),
}

/// What a request's access token says.
pub(super) enum SessionState {
    /// Nothing, or nothing that is still good; a refresh may help.
    Missing,
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
            impl AsyncFnOnce(Request<WithoutTrailers<B>>) -> Result<Response<R>, SiteDown>,
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
        site: impl AsyncFnOnce(Request<WithoutTrailers<B>>) -> Result<Response<R>, SiteDown>,
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
        let known = match self.settings.is_public(head.uri.path()) {
            true => SessionState::Missing,
            false => match self.who(&cookies, &head.headers).await {
                Ok(known) => known,
                Err(failure) => return failed(failure, context).map(Either::Left),
            },
        };
        remove_tokens(&mut head.headers);
        if let SessionState::Active(session, _) = &known {
            identity::introduce(&mut head.headers, session);
        }
        let request = Request::from_parts(head, without_trailers(body));
        let mut response = match site(request).await {
            Ok(response) => response.map(Either::Right),
            Err(SiteDown) => reply::site_down().map(Either::Left),
        };
        remove_connection_fields(response.headers_mut());
        identity::vary_by_cookie(response.headers_mut());
        if let SessionState::Active(..) = &known {
            reply::keep_private(response.headers_mut());
        }
        match identity::take_login(response.headers_mut()) {
            Ok(None) => self.settle(response.headers_mut(), &cookies, known),
            Ok(Some(login)) => match self.log_in(&cookies, &login, known, context).await {
                Ok(headers) => headers.put_into(response.headers_mut()),
                Err(failure) => return failed(failure, context).map(Either::Left),
            },
            Err(message) => return failed(Failure::Refused(message), context).map(Either::Left),
        }
        response
    }

    pub(super) fn cookies(&self, head: &request::Parts) -> Cookies {
        Cookies::new(&self.settings, came_by_https(&head.uri, &head.headers))
    }

    /// Whose request it is: of several access tokens the first that is good.
    pub(super) async fn who(
        &self,
        cookies: &Cookies,
        headers: &HeaderMap,
    ) -> Result<SessionState, Failure> {
        let tokens = cookies.access_tokens(headers);
        let mut known = match tokens.is_empty() {
            true => SessionState::Missing,
            false => SessionState::Ended,
        };
        for token in &tokens {
            match self.sessions.verify(token).await? {
                Verified::Ok(session, access) => {
                    let renewed = access.map(|access| Renewed {
                        cookie: cookies.set_access(access.value.expose()),
                        front_token: self.front_token(&session, &access),
                    });
                    return Ok(SessionState::Active(session, renewed));
                }
                Verified::TryRefresh => known = SessionState::Missing,
                Verified::Unauthorised => {}
            }
        }
        Ok(known)
    }

    /// What the reply to a known request has to tell the browser.
    fn settle(&self, headers: &mut HeaderMap, cookies: &Cookies, known: SessionState) {
        match known {
            SessionState::Missing | SessionState::Active(_, None) => {}
            SessionState::Active(_, Some(renewed)) => {
                set_cookies(headers, [renewed.cookie]);
                headers.insert(FRONT_TOKEN, renewed.front_token);
            }
            SessionState::Ended => end(headers, cookies),
        }
    }

    /// Begins a session in place of the one that there was. A token that a browser would drop in silence is refused.
    pub(super) async fn log_in(
        &self,
        cookies: &Cookies,
        login: &Login,
        known: SessionState,
        context: &RequestContext<'_>,
    ) -> Result<NewCookies, Failure> {
        let grant = self.sessions.create(login).await?;
        let handle = grant.session.handle.clone();
        let headers = self.grant(cookies, &grant, GROWTH_BYTES, context.now);
        let useless = match (&headers, known) {
            (Err(_), _) => Some(handle),
            // Whoever logs in with an old session would leave it behind, good until it expires.
            (Ok(_), SessionState::Active(old, _)) => Some(old.handle),
            (Ok(_), _) => None,
        };
        if let Some(handle) = useless
            && let Err(failure) = self.sessions.revoke(&handle).await
        {
            (context.log)(&Event::SessionLeftBehind { reason: &failure });
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
        Ok(NewCookies {
            cookies: [
                cookies.set_access(grant.access.value.expose()),
                cookies.set_refresh(grant.refresh.value.expose(), good_for),
            ],
            front_token,
        })
    }

    pub(super) fn front_token(&self, session: &Session, access: &Token) -> HeaderValue {
        front_token(session, access, self.settings.hide_payload)
    }
}

/// What hands a session to a browser.
pub(super) struct NewCookies {
    cookies: [HeaderValue; 2],
    front_token: HeaderValue,
}

impl NewCookies {
    pub(super) fn put_into(self, headers: &mut HeaderMap) {
        set_cookies(headers, self.cookies);
        headers.insert(FRONT_TOKEN, self.front_token);
    }
}

/// Tells the browser that its session is over.
pub(super) fn end(headers: &mut HeaderMap, cookies: &Cookies) {
    set_cookies(headers, [cookies.clear_access(), cookies.clear_refresh()]);
    headers.insert(FRONT_TOKEN, REMOVE);
}

/// The reply when the service gives no answer. It touches no cookie: nothing is known.
pub(super) fn failed(failure: Failure, context: &RequestContext<'_>) -> Reply {
    (context.log)(&Event::NoReplyFromService { reason: &failure });
    failure.into()
}
