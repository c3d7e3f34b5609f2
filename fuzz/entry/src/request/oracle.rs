//! What the answer to a request has to be, worked out from the contract alone.

use http::Method;
use session::http::BODY_MAX_BYTES;

use super::fixture::{API_KEY, Exchange, Fixture, When};
use crate::json::{self, Raw};

/// The longest `jwtPayload` or `sessionData`, in bytes.
const JSON_MAX_BYTES: usize = 65_535;

/// A request as it arrives.
#[derive(Debug)]
pub(super) struct Sent {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) query: String,
    pub(super) content_type: Option<Vec<u8>>,
    pub(super) authorization: Option<Vec<u8>>,
    pub(super) api_key: Option<Vec<u8>>,
    pub(super) content_length: Option<Vec<u8>>,
    pub(super) body: Vec<u8>,
    /// Whether the body ends before it is complete.
    pub(super) broken: bool,
}

/// What its answer has to be.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Want {
    /// An error, with this status and one of these codes.
    Error(u16, &'static [&'static str]),
    /// An answer to this.
    Answer(Question),
    /// The contract leaves it open.
    Open,
}

/// What is asked.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Question {
    Create {
        user: String,
        payload: Option<String>,
        data: Option<String>,
    },
    /// With the status that the access token must get.
    Verify(&'static str),
    Refresh(Exchange),
    Revoke(String),
    RevokeAll(String),
    Read(String),
    Write(String, Option<String>),
    /// Whether the service is alive or ready.
    Probe,
}

const INVALID: Want = Want::Error(400, &["invalid_input"]);
const TOO_LARGE: Want = Want::Error(413, &["too_large"]);

/// Works out what the answer has to be.
pub(super) fn judge(fixture: &Fixture, when: When, sent: &Sent) -> Want {
    let probe = matches!(sent.path.as_str(), "/health" | "/ready");
    if !fixture.config.api_keys.is_empty() && !probe && !shows_key(sent) {
        return Want::Error(401, &["unauthenticated"]);
    }
    let methods: &[Method] = match sent.path.as_str() {
        "/session" => &[Method::POST, Method::PUT, Method::DELETE],
        "/refresh" => &[Method::PUT],
        "/session/all" => &[Method::DELETE],
        "/session/data" => &[Method::GET, Method::PUT],
        "/health" | "/ready" => &[Method::GET],
        _ => return Want::Error(404, &["not_found"]),
    };
    if !methods.contains(&sent.method) {
        return Want::Error(405, &["method_not_allowed"]);
    }
    if probe {
        return Want::Answer(Question::Probe);
    }
    if sent.method == Method::GET {
        return match &handles(&sent.query)[..] {
            [handle] => Want::Answer(Question::Read(handle.clone())),
            _ => INVALID,
        };
    }
    if !sent.content_type.as_deref().is_none_or(is_json) {
        return Want::Error(415, &["unsupported_media_type"]);
    }
    let announced = sent
        .content_length
        .as_deref()
        .and_then(|text| str::from_utf8(text).ok());
    let announced = announced.and_then(|text| text.parse::<usize>().ok());
    if announced.is_some_and(|length| length > BODY_MAX_BYTES) || sent.body.len() > BODY_MAX_BYTES {
        return TOO_LARGE;
    }
    if sent.broken {
        return INVALID;
    }
    match str::from_utf8(&sent.body).ok().and_then(json::object) {
        None => INVALID,
        Some(members) if members.iter().any(|member| member.name.is_none()) => Want::Open,
        Some(members) => ask(fixture, when, sent, &Fields(members)),
    }
}

fn ask(fixture: &Fixture, when: When, sent: &Sent, fields: &Fields<'_>) -> Want {
    let known: &[&str] = match (sent.path.as_str(), &sent.method) {
        ("/session", &Method::POST) => &["userId", "jwtPayload", "sessionData"],
        ("/session", &Method::PUT) => &["accessToken", "idRefreshToken"],
        ("/session", _) => &["sessionHandle"],
        ("/refresh", _) => &["refreshToken", "idRefreshToken"],
        ("/session/all", _) => &["userId"],
        _ => &["sessionHandle", "sessionData"],
    };
    if known.iter().any(|name| fields.count(name) > 1) {
        return INVALID;
    }
    let logged_out = !fields.get("idRefreshToken").is_some_and(Raw::is_string);
    let text = |name| fields.get(name).and_then(Raw::as_string);
    let user = text("userId").filter(|user| (1..=128).contains(&user.chars().count()));
    let raw = |name| fields.get(name).map(|raw| raw.0.to_owned());
    let long = |name| {
        fields
            .get(name)
            .is_some_and(|raw| raw.0.len() > JSON_MAX_BYTES)
    };
    let too_large = known.contains(&"sessionData") && (long("sessionData") || long("jwtPayload"));
    let question = match known {
        ["userId", _, _] => user.map(|user| Question::Create {
            user,
            payload: raw("jwtPayload"),
            data: raw("sessionData"),
        }),
        ["accessToken", _] if logged_out => Some(Question::Verify("UNAUTHORISED")),
        ["accessToken", _] => {
            text("accessToken").map(|token| Question::Verify(fixture.access(&token, when)))
        }
        ["refreshToken", _] if logged_out => Some(Question::Refresh(Exchange::Unauthorised)),
        ["refreshToken", _] => {
            text("refreshToken").map(|token| Question::Refresh(fixture.refresh(&token, when)))
        }
        ["userId"] => user.map(Question::RevokeAll),
        ["sessionHandle"] => text("sessionHandle").map(Question::Revoke),
        _ => text("sessionHandle").map(|handle| Question::Write(handle, raw("sessionData"))),
    };
    match question {
        None if too_large => Want::Error(400, &["invalid_input", "too_large"]),
        None => INVALID,
        Some(_) if too_large => Want::Error(400, &["too_large"]),
        Some(question) => Want::Answer(question),
    }
}

/// The members of a body.
struct Fields<'a>(Vec<json::Member<'a>>);

impl<'a> Fields<'a> {
    fn named(&self, name: &str) -> impl Iterator<Item = Raw<'a>> {
        let named = self
            .0
            .iter()
            .filter(move |member| member.name.as_deref() == Some(name));
        named.map(|member| member.value)
    }

    fn count(&self, name: &str) -> usize {
        self.named(name).count()
    }

    fn get(&self, name: &str) -> Option<Raw<'a>> {
        self.named(name).next()
    }
}

fn shows_key(sent: &Sent) -> bool {
    let bearer = sent.authorization.as_deref().and_then(|value| {
        let (scheme, key) = value.split_at_checked(7)?;
        scheme.eq_ignore_ascii_case(b"bearer ").then_some(key)
    });
    bearer.or(sent.api_key.as_deref()) == Some(API_KEY.as_bytes())
}

fn is_json(content_type: &[u8]) -> bool {
    let readable = content_type
        .iter()
        .all(|b| matches!(b, b'\t' | b' '..=b'~'));
    let essence = content_type
        .split(|b| *b == b';')
        .next()
        .unwrap_or_default();
    let essence = essence.trim_ascii().to_ascii_lowercase();
    let json = essence == b"application/json"
        || (essence.starts_with(b"application/") && essence.ends_with(b"+json"));
    readable && json
}

/// The values of `sessionHandle` in a query string, as forms are encoded.
fn handles(query: &str) -> Vec<String> {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    let pairs = pairs.map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    pairs
        .filter(|(name, _)| decode(name) == b"sessionHandle")
        .map(|(_, value)| String::from_utf8_lossy(&decode(value)).into_owned())
        .collect()
}

fn decode(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let escaped = after.split_at_checked(2).filter(|_| *first == b'%');
        let byte = escaped.and_then(|(digits, _)| {
            let digit = |at: usize| char::from(digits[at]).to_digit(16);
            u8::try_from(digit(0)? * 16 + digit(1)?).ok()
        });
        match (byte, escaped) {
            (Some(byte), Some((_, after))) => {
                bytes.push(byte);
                rest = after;
            }
            _ => {
                bytes.push(if *first == b'+' { b' ' } else { *first });
                rest = after;
            }
        }
    }
    bytes
}
