//! Requests: any head and body get a well-formed answer, what was sent comes back as it was, and no secret gets out.
//!
//! Which status and code an answer has is the business of `src/api/tests`.

mod fixture;
mod reply;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri, header};
use http_body_util::Full;
use session_api::Api;
use session_core::request::BODY_MAX_BYTES;
use session_core::testing::TestPlatform;
use session_store::memory::MemoryStore;

pub(crate) use self::fixture::{API_KEY, FIXTURES, Fixture, When};
pub(crate) use self::reply::Reply;
use crate::input::Input;
use crate::members::Members;
use crate::platform::{block_on, log_lines};

const METHODS: [&str; 8] = [
    "POST", "PUT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "BREW",
];

/// Checks one input. Eight choices come first, one byte each: settings, time, method, target, content type,
/// credentials, content length, and how long the body is made. Then come lines for what is spelled out, then the body.
///
/// # Panics
/// If an answer is not well formed, does not give back what was sent, or tells a secret.
pub fn request(data: &[u8]) -> bool {
    let mut input = Input::new(data);
    let fixture = &FIXTURES[input.choice(FIXTURES.len())];
    let client = Client {
        api: fixture.api(When::ALL[input.choice(When::ALL.len())]),
    };
    let Some((request, body)) = assemble(fixture, input) else {
        return false;
    };
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let reply = Reply::read(block_on(client.api.handle(request)));
    if reply.is_ok() {
        let body = str::from_utf8(&body).ok().and_then(Members::read);
        let sent = |name| body.as_ref()?.get(name).map(str::to_owned);
        match (&method, path.as_str()) {
            (&Method::POST, "/session") => {
                client.check_created(&reply, sent("jwtPayload"), sent("sessionData"));
            }
            (&Method::PUT, "/session/data") => {
                let handle = sent("sessionHandle").expect("without it nothing is written");
                let handle: String = serde_json::from_str(&handle).expect("a handle is text");
                assert_eq!(client.data(&handle), sent("sessionData"));
            }
            _ => {}
        }
    }
    fixture.check_secrets(&client.log_lines(), &reply);
    reply.is_ok()
}

/// Makes a request and its body of an input; none if its target is no URI.
fn assemble(fixture: &Fixture, mut input: Input<'_>) -> Option<(Request<Full<Bytes>>, Vec<u8>)> {
    let method = Method::from_bytes(METHODS[input.choice(METHODS.len())].as_bytes()).ok()?;
    let [target, content_type, credentials, length, travel] =
        [10, 8, 6, 5, 6].map(|n| input.choice(n));
    let target = match target {
        0 => b"/session".to_vec(),
        1 => b"/refresh".to_vec(),
        2 => b"/session/all".to_vec(),
        3 => b"/session/data".to_vec(),
        4 => b"/session/data?sessionHandle={{handle}}".to_vec(),
        5 => [b"/session/data?", input.line()].concat(),
        6 => b"/health".to_vec(),
        7 => b"/ready".to_vec(),
        8 => b"/session/".to_vec(),
        _ => input.line().to_vec(),
    };
    let uri = Uri::try_from(fixture.fill_in(&target)).ok()?;
    let mut headers = HeaderMap::new();
    let mut set = |name, value: &[u8]| {
        if let Ok(value) = HeaderValue::from_bytes(value) {
            headers.insert(name, value);
        }
    };
    match content_type {
        0 => set(header::CONTENT_TYPE, b"application/json"),
        1 => {}
        2 => set(header::CONTENT_TYPE, b"application/json; charset=utf-8"),
        3 => set(header::CONTENT_TYPE, b"Application/Problem+JSON"),
        4 => set(header::CONTENT_TYPE, b"text/plain"),
        5 => set(header::CONTENT_TYPE, b"application/json\xff"),
        6 => set(header::CONTENT_TYPE, b""),
        _ => set(header::CONTENT_TYPE, input.line()),
    }
    let bearer = [b"Bearer ", API_KEY.as_bytes()].concat();
    let api_key = HeaderName::from_static("api-key");
    match credentials {
        0 => set(header::AUTHORIZATION, &bearer),
        1 => set(api_key, API_KEY.as_bytes()),
        2 => {}
        3 => set(header::AUTHORIZATION, &bearer[..bearer.len() - 1]),
        4 => set(header::AUTHORIZATION, input.line()),
        _ => {
            set(header::AUTHORIZATION, b"Bearer ");
            set(api_key, API_KEY.as_bytes());
        }
    }
    let mut body = fixture.fill_in(input.rest());
    match travel {
        3 => body.resize(body.len().max(BODY_MAX_BYTES), b' '),
        4 => body.resize(body.len().max(BODY_MAX_BYTES + 1), b' '),
        _ => {}
    }
    match length {
        0 => set(header::CONTENT_LENGTH, body.len().to_string().as_bytes()),
        1 => {}
        2 => set(header::CONTENT_LENGTH, b"262145"),
        3 => set(header::CONTENT_LENGTH, b"0"),
        _ => set(header::CONTENT_LENGTH, b"many"),
    }
    let mut request = Request::new(Full::new(Bytes::from(body.clone())));
    *request.method_mut() = method;
    *request.uri_mut() = uri;
    *request.headers_mut() = headers;
    Some((request, body))
}

/// Whoever sends the requests.
struct Client {
    api: Api<MemoryStore, TestPlatform>,
}

impl Client {
    fn send(&self, method: &str, target: &str, body: String) -> Reply {
        let request = Request::builder()
            .method(method)
            .uri(target)
            .header("api-key", API_KEY)
            .body(Full::new(Bytes::from(body)))
            .expect("method and target are well formed");
        let reply = Reply::read(block_on(self.api.handle(request)));
        assert!(reply.is_ok(), "{reply:?}");
        reply
    }

    /// The data of a session.
    fn data(&self, handle: &str) -> Option<String> {
        let target = format!("/session/data?sessionHandle={handle}");
        self.send("GET", &target, String::new()).raw("sessionData")
    }

    /// A new session holds what was sent, byte for byte, wherever it can be seen.
    fn check_created(&self, reply: &Reply, payload: Option<String>, data: Option<String>) {
        let token = |name| reply.string(&format!("{name}.value"));
        let (access, refresh) = (token("accessToken"), token("refreshToken"));
        let verify = format!(r#"{{"accessToken":"{access}","idRefreshToken":""}}"#);
        let verified = self.send("PUT", "/session", verify);
        let refresh = format!(r#"{{"refreshToken":"{refresh}","idRefreshToken":""}}"#);
        let refreshed = self.send("PUT", "/refresh", refresh);
        for each in [reply, &verified, &refreshed] {
            assert_eq!(each.raw("session.handle"), reply.raw("session.handle"));
            assert_eq!(each.raw("session.userId"), reply.raw("session.userId"));
            assert_eq!(each.raw("session.jwtPayload"), payload);
        }
        assert_eq!(self.data(&reply.string("session.handle")), data);
    }

    fn log_lines(&self) -> Vec<String> {
        match &self.api {
            Api::Ready(service) => log_lines(service.platform()),
            _ => Vec::new(),
        }
    }
}
