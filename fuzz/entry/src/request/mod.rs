//! Requests: any head and body get the answer that the contract gives them, and what was sent comes back as it was.

mod fixture;
mod oracle;
mod wire;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Uri, header};
use session::http::{Api, BODY_MAX_BYTES};
use session::store::memory::MemoryStore;

pub(crate) use self::fixture::{API_KEY, FIXTURES, Fixture, When};
use self::fixture::{Exchange, PAYLOAD, data};
use self::oracle::{Question, Sent, Want, judge};
pub(crate) use self::wire::Reply;
use self::wire::{Piece, Pieces};
use crate::input::Input;
use crate::platform::{Still, block_on};

/// Checks one input. Eight choices come first, one byte each: settings, time, method, target, content type,
/// credentials, content length, and how the body travels. Then come lines for what is spelled out, then the body.
///
/// # Panics
/// If the answer is another one than the contract's.
pub fn request(data: &[u8]) {
    let mut input = Input::new(data);
    let fixture = &FIXTURES[input.choice(FIXTURES.len())];
    let when = When::ALL[input.choice(When::ALL.len())];
    let Some((request, sent)) = assemble(fixture, input) else {
        return;
    };
    let client = Client::new(fixture, when);
    let reply = client.call(request);
    match judge(fixture, when, &sent) {
        Want::Error(status, codes) => {
            assert_eq!(reply.status, status, "{reply:?} to {sent:?}");
            assert!(codes.contains(&&*reply.string("code")), "{reply:?}");
        }
        Want::Answer(question) => client.check(question, &reply),
        Want::Open => assert!(matches!(reply.status, 200 | 400), "{reply:?}"),
    }
    client.check_secrets(&reply);
}

const METHODS: [&str; 8] = [
    "POST", "PUT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "BREW",
];

fn assemble(fixture: &Fixture, mut input: Input<'_>) -> Option<(Request<Pieces>, Sent)> {
    let method = Method::from_bytes(METHODS[input.choice(8)].as_bytes()).ok()?;
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
    let api_key = header::HeaderName::from_static("api-key");
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
    let get = |name: header::HeaderName| headers.get(name).map(|value| value.as_bytes().to_vec());
    let sent = Sent {
        method: method.clone(),
        path: uri.path().to_owned(),
        query: uri.query().unwrap_or_default().to_owned(),
        content_type: get(header::CONTENT_TYPE),
        authorization: get(header::AUTHORIZATION),
        api_key: get(header::HeaderName::from_static("api-key")),
        content_length: get(header::CONTENT_LENGTH),
        broken: travel == 2,
        body,
    };
    let mut request = Request::new(pieces(&sent, travel));
    *request.method_mut() = method;
    *request.uri_mut() = uri;
    *request.headers_mut() = headers;
    Some((request, sent))
}

fn pieces(sent: &Sent, travel: usize) -> Pieces {
    let size = match travel {
        0 => sent.body.len().max(1),
        1 => 3,
        _ => 50_000,
    };
    let mut pieces = Vec::new();
    for chunk in sent.body.chunks(size) {
        pieces.push(Piece::Data(Bytes::copy_from_slice(chunk)));
        if travel == 1 {
            pieces.extend([Piece::Wait, Piece::Data(Bytes::new())]);
        }
    }
    match travel {
        2 => pieces.push(Piece::Break),
        5 => pieces.push(Piece::Trailers),
        _ => {}
    }
    Pieces(pieces.into())
}

/// Whoever sends the requests.
struct Client<'a> {
    fixture: &'a Fixture,
    when: When,
    api: Api<MemoryStore, Still>,
}

impl<'a> Client<'a> {
    fn new(fixture: &'a Fixture, when: When) -> Self {
        let api = fixture.api(when);
        Self { fixture, when, api }
    }

    fn call(&self, request: Request<Pieces>) -> Reply {
        Reply::read(block_on(self.api.handle(request)))
    }

    fn send(&self, method: &str, target: &str, body: &str) -> Reply {
        let request = Request::builder()
            .method(method)
            .uri(target)
            .header("api-key", API_KEY)
            .body(Pieces([Piece::Data(body.to_owned().into())].into()));
        self.call(request.expect("method and target are well formed"))
    }

    fn verify(&self, token: &str) -> Reply {
        let body = format!(r#"{{"accessToken":"{token}","idRefreshToken":""}}"#);
        self.send("PUT", "/session", &body)
    }

    /// The data that a session keeps, if it is there.
    fn data(&self, handle: &str) -> Option<Option<String>> {
        let reply = self.send("GET", &format!("/session/data?sessionHandle={handle}"), "");
        let there = reply.string("status") == "OK";
        there.then(|| reply.raw("sessionData"))
    }

    fn check(&self, question: Question, reply: &Reply) {
        assert_eq!(reply.status, 200, "{reply:?} to {question:?}");
        let status = reply.string("status");
        match status.as_str() {
            "UNAUTHORISED" => assert_eq!(reply.string("message"), self.fixture.messages[0]),
            "TRY_REFRESH_TOKEN" => assert_eq!(reply.string("message"), self.fixture.messages[1]),
            other => assert_eq!(other, "OK"),
        }
        match question {
            Question::Create {
                user,
                payload,
                data,
            } => self.check_created(reply, &user, payload, data),
            Question::Verify(expected) => {
                assert_eq!(status, expected);
                if status == "OK" {
                    assert_eq!(reply.raw("session.jwtPayload").as_deref(), Some(PAYLOAD));
                }
            }
            Question::Refresh(expected) => self.check_refreshed(reply, expected),
            Question::Revoke(handle) => {
                let was_there = self.fixture.session(&handle, self.when).is_some();
                let deleted = reply.raw("deletedAnyEntry");
                assert_eq!(deleted, Some(was_there.to_string()));
                if was_there {
                    assert_eq!(self.data(&handle), None);
                }
            }
            Question::RevokeAll(user) => {
                let handle = self.fixture.named("handle");
                let left = self.fixture.session(handle, self.when);
                let left = left.filter(|owner| *owner != user);
                assert_eq!(self.data(handle), left.map(|_| data()));
            }
            Question::Read(handle) => {
                let there = self.fixture.session(&handle, self.when).is_some();
                assert_eq!(status, if there { "OK" } else { "UNAUTHORISED" });
                assert_eq!(reply.raw("sessionData"), data().filter(|_| there));
            }
            Question::Write(handle, new) => {
                let there = self.fixture.session(&handle, self.when).is_some();
                assert_eq!(status, if there { "OK" } else { "UNAUTHORISED" });
                if there {
                    assert_eq!(self.data(&handle), Some(new));
                }
            }
            Question::Probe => assert_eq!(reply.names(), ["message", "status"]),
        }
    }

    /// A new session holds what was sent, byte for byte, wherever it can be seen; then it is removed.
    fn check_created(
        &self,
        reply: &Reply,
        user: &str,
        payload: Option<String>,
        data: Option<String>,
    ) {
        let handle = reply.string("session.handle");
        let refresh = format!(
            r#"{{"refreshToken":{},"idRefreshToken":""}}"#,
            reply.raw("refreshToken.value").unwrap_or_default()
        );
        let verified = self.verify(&reply.string("accessToken.value"));
        let refreshed = self.send("PUT", "/refresh", &refresh);
        for reply in [reply, &verified, &refreshed] {
            assert_eq!(reply.string("status"), "OK");
            assert_eq!(reply.string("session.handle"), handle);
            assert_eq!(reply.string("session.userId"), user);
            assert_eq!(reply.raw("session.jwtPayload"), payload);
        }
        assert_eq!(verified.raw("newAccessToken"), None);
        assert_eq!(self.data(&handle), Some(data));
        let body = format!(r#"{{"sessionHandle":"{handle}"}}"#);
        let deleted = [(); 2].map(|()| {
            self.send("DELETE", "/session", &body)
                .raw("deletedAnyEntry")
        });
        assert_eq!(deleted, ["true", "false"].map(|word| Some(word.to_owned())));
        assert_eq!(self.data(&handle), None);
    }

    fn check_refreshed(&self, reply: &Reply, expected: Exchange) {
        let theft = reply.raw("sessionTheftDetected.value");
        let answer = match (&*reply.string("status"), theft.as_deref()) {
            ("OK", None) => Exchange::Ok,
            ("UNAUTHORISED", Some("false")) => Exchange::Unauthorised,
            ("UNAUTHORISED", Some("true")) => Exchange::Theft,
            _ => panic!("{reply:?}"),
        };
        assert_eq!(answer, expected);
        match answer {
            Exchange::Ok => {
                assert_eq!(reply.raw("session.jwtPayload").as_deref(), Some(PAYLOAD));
                let verified = self.verify(&reply.string("newAccessToken.value"));
                assert_eq!(verified.string("status"), "OK");
                assert!(verified.raw("newAccessToken").is_some());
            }
            Exchange::Unauthorised => {}
            Exchange::Theft => {
                let handle = reply.string("sessionTheftDetected.session.handle");
                assert_eq!(handle, self.fixture.named("stolen_handle"));
            }
        }
    }

    /// Errors and the log tell no secrets.
    fn check_secrets(&self, reply: &Reply) {
        let Api::Ready(service) = &self.api else {
            return;
        };
        let mut told = service.platform().log_lines();
        if reply.status != 200 {
            told.push(reply.body.clone());
        }
        for (line, secret) in told.iter().flat_map(|line| {
            let secrets = self.fixture.secrets();
            secrets.map(move |secret| (line, secret))
        }) {
            assert!(!line.contains(secret), "{line}");
        }
    }
}

/// Asks for the two messages that every refusal must share.
fn learn_messages(fixture: &Fixture) -> [String; 2] {
    let client = Client::new(fixture, When::Now);
    let gone = client.send("GET", "/session/data?sessionHandle=none", "");
    [gone, client.verify("")].map(|reply| reply.string("message"))
}
