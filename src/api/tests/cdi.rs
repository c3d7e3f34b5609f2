//! The session calls of SuperTokens' SDKs: what each takes, answers and asks of the database, and attacks on them.

mod attacks;
mod requests;
mod sessions;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use serde_json::{Value, json};
use session_core::testing::ready;

use super::Site;

const GET: Method = Method::GET;
const POST: Method = Method::POST;
const PUT: Method = Method::PUT;

/// A reply as an SDK sees it.
struct Answer {
    status: StatusCode,
    text: String,
    json: Value,
    cache: Option<String>,
}

/// A session as an SDK holds it.
#[derive(Clone)]
struct Held {
    handle: String,
    access: String,
    refresh: String,
    anti_csrf: Option<String>,
}

impl Held {
    fn of(answer: &Answer) -> Self {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        Self {
            handle: text(&answer.json["session"]["handle"]).expect("a handle"),
            access: text(&answer.json["accessToken"]["token"]).expect("an access token"),
            refresh: text(&answer.json["refreshToken"]["token"]).expect("a refresh token"),
            anti_csrf: text(&answer.json["antiCsrfToken"]),
        }
    }
}

fn site() -> Site {
    Site::new(&[("cdi", "true")])
}

impl Site {
    fn cdi(&self, version: &str, method: Method, path: &str, body: &Value) -> Answer {
        let text = match body {
            Value::Null => String::new(),
            Value::String(raw) => raw.clone(),
            body => body.to_string(),
        };
        let mut request = Request::builder().method(method).uri(path);
        if !version.is_empty() {
            request = request.header("cdi-version", version);
        }
        let request = request.body(Full::new(Bytes::from(text))).unwrap();
        let (head, body) = ready(self.api.handle(request)).into_parts();
        let text = ready(body.collect()).unwrap().to_bytes();
        let text = String::from_utf8(text.to_vec()).unwrap();
        let header = |name: &str| {
            head.headers
                .get(name)
                .map(|v| v.to_str().unwrap().to_owned())
        };
        Answer {
            status: head.status,
            json: serde_json::from_str(&text).unwrap_or_default(),
            text,
            cache: header("cache-control"),
        }
    }

    fn call(&self, method: Method, path: &str, body: &Value) -> Answer {
        self.cdi("5.4", method, path, body)
    }

    /// The status of a 200.
    fn says(&self, method: Method, path: &str, body: &Value) -> String {
        let answer = self.call(method, path, body);
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
        answer.json["status"].as_str().unwrap().to_owned()
    }

    fn create_with(&self, version: &str, anti_csrf: bool, dynamic: bool) -> Answer {
        let body = json!({"userId": "ada", "userDataInJWT": {"role": "admin", "n": {"a": null}},
            "userDataInDatabase": {"cart": [1]}, "enableAntiCsrf": anti_csrf,
            "useDynamicSigningKey": dynamic});
        let answer = self.cdi(version, POST, "/public/recipe/session", &body);
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
        answer
    }

    fn new_held(&self) -> Held {
        Held::of(&self.create_with("5.4", false, true))
    }

    fn check(&self, access: &str, database: bool) -> Answer {
        let body = json!({"accessToken": access, "doAntiCsrfCheck": false, "enableAntiCsrf": false,
            "checkDatabase": database});
        self.call(POST, "/recipe/session/verify", &body)
    }

    fn renew(&self, refresh: &str) -> Answer {
        let body = json!({"refreshToken": refresh, "enableAntiCsrf": false,
            "useDynamicSigningKey": true});
        self.call(POST, "/recipe/session/refresh", &body)
    }

    fn forget_calls(&self) {
        drop(self.store.calls());
    }
}

fn part(token: &str, number: usize) -> Value {
    let part = token.split('.').nth(number).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}
