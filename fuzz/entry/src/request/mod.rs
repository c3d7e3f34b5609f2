//! Requests: any head and body get the answer that the contract gives them, and what was sent comes back as it was.

mod assemble;
mod fixture;
mod oracle;
mod wire;

use http::Request;
use session::http::Api;
use session::store::memory::MemoryStore;

use self::assemble::assemble;
pub(crate) use self::fixture::{API_KEY, FIXTURES, Fixture, When};
use self::fixture::{Exchange, PAYLOAD, data};
use self::oracle::{Question, Want, judge};
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
        let in_use = self.fixture.named("stolen_child");
        let answer = match (&*reply.string("status"), theft.as_deref()) {
            ("OK", None) if reply.string("newRefreshToken.value") == in_use => Exchange::SameChild,
            ("OK", None) => Exchange::Ok,
            ("UNAUTHORISED", Some("false")) => Exchange::Unauthorised,
            ("UNAUTHORISED", Some("true")) => Exchange::Theft,
            _ => panic!("{reply:?}"),
        };
        assert_eq!(answer, expected);
        match answer {
            Exchange::Ok | Exchange::SameChild => {
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
