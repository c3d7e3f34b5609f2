//! The edge as browsers, proxies and sites meet it, in front of the real API over a store in memory.

mod attributes;
mod device;
mod elsewhere;
mod failures;
mod forward_auth;
mod forwarding;
mod journeys;
mod logins;
mod navigations;
mod neighbours;
mod others;
mod rules;
mod site_logins;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use serde_json::Value;
use session_api::Api;
use session_core::platform::Platform as _;
use session_core::testing::EVERYTHING;
use session_core::testing::{TestPlatform, config, ready};
use session_service::Service;
use session_store::testing::WatchedStore;

use super::client::Transport;
use super::connection::WithoutTrailers;
use super::{Edge, RequestContext, Settings, SiteUnavailable};

type BoxBody = http_body_util::combinators::BoxBody<Bytes, std::convert::Infallible>;

/// The API, reached without a network. The test may make it fail.
struct Wire {
    api: Arc<Api<WatchedStore, TestPlatform>>,
    broken: Arc<Mutex<Option<Broken>>>,
    calls: Arc<Mutex<Vec<String>>>,
}

#[derive(Clone, Copy)]
enum Broken {
    /// Nobody is there.
    Refused,
    /// What answers is something else.
    Answers(u16, &'static str),
    /// The release before, which ignores what it does not know.
    Old,
}

impl Transport for Wire {
    async fn call(&self, request: Request<Bytes>) -> Result<Response<Bytes>, String> {
        let call = format!("{} {}", request.method(), request.uri());
        self.calls.lock().unwrap().push(call);
        let broken = *self.broken.lock().unwrap();
        match broken {
            Some(Broken::Refused) => return Err("connection refused".to_owned()),
            Some(Broken::Answers(status, body)) => {
                let response = Response::builder().status(status);
                return Ok(response.body(Bytes::from(body)).unwrap());
            }
            Some(Broken::Old) | None => {}
        }
        let (head, mut body) = request.into_parts();
        if let Some(Broken::Old) = broken {
            let mut fields: Value = serde_json::from_slice(&body).unwrap();
            for unknown in ["exceptSessionHandle", "lifetime"] {
                fields.as_object_mut().unwrap().remove(unknown);
            }
            body = Bytes::from(fields.to_string());
        }
        let request = Request::from_parts(head, Full::new(body));
        let response = self.api.handle(request).await;
        let (head, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Ok(Response::from_parts(head, body))
    }
}

/// A service, an edge in front of a site, and the site's memory of what it was asked.
struct World {
    edge: Edge<Wire>,
    api: Arc<Api<WatchedStore, TestPlatform>>,
    platform: Arc<TestPlatform>,
    store: Arc<WatchedStore>,
    broken: Arc<Mutex<Option<Broken>>>,
    calls: Arc<Mutex<Vec<String>>>,
    seen: Mutex<HeaderMap>,
    log: Mutex<Vec<String>>,
    /// Without one the edge answers a proxy's questions.
    has_site: bool,
}

/// A reply with its body read.
struct Reply {
    status: StatusCode,
    headers: HeaderMap,
    text: String,
}

impl World {
    fn new(edge: &[(&str, &str)]) -> Self {
        Self::with_service(edge, &[])
    }

    fn with_service(edge: &[(&str, &str)], service: &[(&str, &str)]) -> Self {
        let (store, platform) = (Arc::<WatchedStore>::default(), TestPlatform::new(1));
        let (s, p) = (Arc::clone(&store), Arc::clone(&platform));
        let api = Arc::new(Api::Ready(Arc::new(Service::new(
            s,
            p,
            config(service),
            None,
        ))));
        let (broken, calls) = (Arc::default(), Arc::default());
        let wire = Wire {
            api: Arc::clone(&api),
            broken: Arc::clone(&broken),
            calls: Arc::clone(&calls),
        };
        let settings = Settings::parse(&|name: &str| {
            let found = edge.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| (*value).to_owned())
        });
        Self {
            edge: Edge::new(settings.unwrap(), wire),
            api,
            platform,
            store,
            broken,
            calls,
            seen: Mutex::default(),
            log: Mutex::default(),
            has_site: true,
        }
    }

    /// An edge that a proxy asks, in front of no site.
    fn behind_proxy(edge: &[(&str, &str)], service: &[(&str, &str)]) -> Self {
        Self {
            has_site: false,
            ..Self::with_service(edge, service)
        }
    }

    fn wait(&self, secs: u64) {
        self.platform.advance(Duration::from_secs(secs));
    }

    fn breaks(&self, how: impl Into<Option<Broken>>) {
        *self.broken.lock().unwrap() = how.into();
    }

    /// Asks the service itself, as the site's backend may.
    fn ask_service(&self, method: Method, path: &str, body: &Value) -> String {
        let request = Request::builder().method(method).uri(path);
        let body = Full::new(Bytes::from(body.to_string()));
        let reply = ready(self.api.handle(request.body(body).unwrap()));
        let text = ready(reply.into_body().collect()).unwrap().to_bytes();
        String::from_utf8(text.to_vec()).unwrap()
    }

    /// What the service was asked since the last time.
    fn calls(&self) -> Vec<String> {
        std::mem::take(&mut self.calls.lock().unwrap())
    }

    /// A header of the last request that reached the site.
    fn seen(&self, name: &str) -> Option<String> {
        let seen = self.seen.lock().unwrap();
        seen.get(name)
            .map(|value| value.to_str().unwrap().to_owned())
    }

    fn seen_bytes(&self, name: &str) -> Option<Vec<u8>> {
        let seen = self.seen.lock().unwrap();
        seen.get(name).map(|value| value.as_bytes().to_vec())
    }

    /// One exchange. The site logs in whoever posts to /login, as the user that the body names.
    fn send(&self, request: Request<Full<Bytes>>) -> Reply {
        self.send_body(request.map(BoxBody::new))
    }

    fn send_body(&self, request: Request<BoxBody>) -> Reply {
        let context = RequestContext {
            now: self.platform.now(),
            log: &|event| {
                let line = EVERYTHING.line(event, 0).expect("everything is logged");
                self.log.lock().unwrap().push(line);
            },
        };
        let site = async |request: Request<WithoutTrailers<BoxBody>>| {
            let (head, body) = request.into_parts();
            *self.seen.lock().unwrap() = head.headers;
            let body = body.collect().await.unwrap();
            assert!(body.trailers().is_none_or(HeaderMap::is_empty));
            let body = body.to_bytes();
            let mut response = Response::builder().header("set-cookie", "theme=dark");
            match head.uri.path() {
                "/callback" => {
                    response = response
                        .status(StatusCode::SEE_OTHER)
                        .header("location", "/account")
                        .header("x-session-create", STANDARD.encode(&body));
                }
                "/down" => return Err(SiteUnavailable),
                "/login" => response = response.header("x-session-create", STANDARD.encode(&body)),
                "/hops" => response = response.header("connection", "x-hop").header("x-hop", "1"),
                "/cached" => response = response.header("cache-control", "max-age=60"),
                "/varies" => response = response.header("vary", &body[..]),
                "/raw-login" => response = response.header("x-session-create", &body[..]),
                _ => {}
            }
            Ok(response.body(Full::new(Bytes::from("the site"))).unwrap())
        };
        // Users sign in at a site that the edge stands in front of, whatever the test is about.
        let has_site = self.has_site || request.uri().path() == "/login";
        let site = has_site.then_some(site);
        let response = ready(self.edge.handle(request, &context, site));
        let (head, body) = response.into_parts();
        let text = ready(body.collect()).unwrap().to_bytes();
        Reply {
            status: head.status,
            headers: head.headers,
            text: String::from_utf8(text.to_vec()).unwrap(),
        }
    }
}

impl Reply {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    fn cookies(&self) -> Vec<&str> {
        let cookies = self.headers.get_all("set-cookie");
        cookies
            .iter()
            .map(|value| value.to_str().unwrap())
            .collect()
    }

    /// The cookies of a session that it sets or clears.
    fn token_cookies(&self) -> Vec<&str> {
        self.cookies()
            .into_iter()
            .filter(|cookie| cookie.contains("Token="))
            .collect()
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap()
    }

    fn front_token(&self) -> Value {
        let value = self.header("front-token").expect("there is a front token");
        serde_json::from_slice(&STANDARD.decode(value).unwrap()).unwrap()
    }

    /// Whether it ends the browser's session: both cookies and the page's knowledge of it.
    fn ends_session(&self) -> bool {
        let cookies = self.token_cookies();
        cookies.len() == 2
            && cookies
                .iter()
                .all(|cookie| cookie.contains("Token=; ") && cookie.contains("; Max-Age=0;"))
            && self.header("front-token") == Some("remove")
    }

    /// Nothing in it changes what the browser holds.
    fn touches_nothing(&self) -> bool {
        self.token_cookies().is_empty() && self.header("front-token").is_none()
    }
}

/// A browser with a cookie jar that knows paths and removal.
#[derive(Clone, Default)]
struct Browser {
    /// By name and path.
    jar: BTreeMap<(String, String), String>,
    https: bool,
}

impl Browser {
    fn send(&mut self, world: &World, method: Method, path: &str, body: &str) -> Reply {
        self.send_with(world, method, path, body, &[])
    }

    fn send_with(
        &mut self,
        world: &World,
        method: Method,
        path: &str,
        body: &str,
        headers: &[(&str, &str)],
    ) -> Reply {
        let scheme = if self.https { "https" } else { "http" };
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{scheme}://shop.example{path}"))
            .header("sec-fetch-site", "same-origin");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let cookies: Vec<String> = self
            .jar
            .iter()
            .filter(|((_, of), _)| path.starts_with(of.as_str()))
            .map(|((name, _), value)| format!("{name}={value}"))
            .collect();
        if !cookies.is_empty() {
            request = request.header("cookie", cookies.join("; "));
        }
        let body = Full::new(Bytes::from(body.to_owned()));
        let reply = world.send(request.body(body).unwrap());
        for cookie in reply.cookies() {
            self.store(cookie);
        }
        reply
    }

    fn store(&mut self, cookie: &str) {
        let mut parts = cookie.split("; ");
        let (name, value) = parts.next().unwrap().split_once('=').unwrap();
        let attributes: Vec<&str> = parts.collect();
        let path = attributes
            .iter()
            .find_map(|a| a.strip_prefix("Path="))
            .unwrap_or("/");
        let key = (name.to_owned(), path.to_owned());
        match attributes.contains(&"Max-Age=0") {
            true => drop(self.jar.remove(&key)),
            false => drop(self.jar.insert(key, value.to_owned())),
        }
    }

    fn get(&mut self, world: &World, path: &str) -> Reply {
        self.send(world, Method::GET, path, "")
    }

    fn post(&mut self, world: &World, path: &str) -> Reply {
        self.send(world, Method::POST, path, "")
    }

    fn refresh(&mut self, world: &World) -> Reply {
        self.post(world, "/auth/session/refresh")
    }

    fn log_in(&mut self, world: &World, login: &str) -> Reply {
        self.send(world, Method::POST, "/login", login)
    }

    /// Gives the access token a signature that no key makes, as if its key had been removed.
    fn spoil_access_token(&mut self) {
        let key = ("sAccessToken".to_owned(), "/".to_owned());
        self.jar.get_mut(&key).unwrap().push_str("AAAA");
    }

    fn holds_tokens(&self) -> bool {
        self.jar.keys().any(|(name, _)| name.contains("Token"))
    }
}

const ADA: &str = r#"{"userId":"ada","jwtPayload":{"role":"admin"},"sessionData":[1]}"#;

/// A browser that Ada has logged in with.
fn ada(world: &World) -> Browser {
    let mut browser = Browser::default();
    let reply = browser.log_in(world, ADA);
    assert_eq!(reply.status, StatusCode::OK, "{}", reply.text);
    browser
}
