//! The API as callers see it: requests with bodies of every kind, over a store in memory.

mod api_keys;
mod bodies;
mod cdi;
mod documents;
mod endpoints;
mod failures;
mod fields;
mod maintenance;
mod optional;
mod routing;
mod verbatim;

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body::{Body, Frame};
use http_body_util::{BodyExt as _, Full};
use serde_json::Value;
use session_core::testing::{TestPlatform, config, ready};
use session_service::Service;
use session_store::testing::WatchedStore;

use super::Api;

/// The native API, each with an input that is right in form.
const ENDPOINTS: [(Method, &str, &str); 7] = [
    (Method::POST, "/session", r#"{"userId":"bob"}"#),
    (
        Method::PUT,
        "/session",
        r#"{"accessToken":"x","idRefreshToken":"y"}"#,
    ),
    (Method::DELETE, "/session", r#"{"sessionHandle":"x"}"#),
    (
        Method::PUT,
        "/refresh",
        r#"{"refreshToken":"x","idRefreshToken":"y"}"#,
    ),
    (Method::DELETE, "/session/all", r#"{"userId":"bob"}"#),
    (Method::GET, "/session/data?sessionHandle=x", ""),
    (Method::PUT, "/session/data", r#"{"sessionHandle":"x"}"#),
];

/// A database and the API of one instance.
struct Site {
    api: Api<WatchedStore, TestPlatform>,
    store: Arc<WatchedStore>,
    platform: Arc<TestPlatform>,
}

/// A reply whose form was checked.
struct Reply {
    status: StatusCode,
    headers: HeaderMap,
    text: String,
    json: Value,
}

impl Site {
    fn new(settings: &[(&str, &str)]) -> Self {
        let (store, platform) = (Arc::<WatchedStore>::default(), TestPlatform::new(1));
        let (s, p) = (Arc::clone(&store), Arc::clone(&platform));
        let service = Service::new(s, p, config(settings), None);
        Self {
            api: Api::Ready(Arc::new(service)),
            store,
            platform,
        }
    }

    /// Sends a JSON text, or none.
    fn send(&self, method: &Method, path: &str, body: &str) -> Reply {
        self.send_with(method, path, &[], Full::new(Bytes::from(body.to_owned())))
    }

    fn send_with<B: Body<Data = Bytes>>(
        &self,
        method: &Method,
        path: &str,
        headers: &[(&str, &[u8])],
        body: B,
    ) -> Reply {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(body).unwrap();
        let (head, body) = ready(self.api.handle(request)).into_parts();
        let text = ready(body.collect()).unwrap().to_bytes();
        let text = String::from_utf8(text.to_vec()).unwrap();
        let header = |name: &str| head.headers.get(name).map(|value| value.to_str().unwrap());
        assert_eq!(header("content-type"), Some("application/json"));
        assert_eq!(
            header("content-length"),
            Some(text.len().to_string().as_str())
        );
        // Some things are passed through that no type holds.
        let held = text.replace("1e400", "1").replace("\\ud800", "x");
        let json: Value = serde_json::from_str(&held).unwrap();
        let message = json["message"].as_str().unwrap();
        assert!(!message.is_empty());
        if head.status != StatusCode::OK {
            assert_eq!(json.as_object().unwrap().len(), 2, "{text}");
            assert!(json["code"].is_string());
        }
        Reply {
            status: head.status,
            headers: head.headers,
            text,
            json,
        }
    }

    /// Logs in with these further fields and gives the reply.
    fn login(&self, fields: &str) -> Reply {
        let body = format!(r#"{{"userId":"bob"{fields}}}"#);
        let reply = self.send(&Method::POST, "/session", &body);
        assert_eq!(reply.status, StatusCode::OK, "{}", reply.text);
        reply
    }

    fn verify(&self, token: &Value) -> Reply {
        let body = format!(r#"{{"accessToken":{token},"idRefreshToken":""}}"#);
        self.send(&Method::PUT, "/session", &body)
    }

    fn refresh(&self, token: &Value) -> Reply {
        let body = format!(r#"{{"refreshToken":{token},"idRefreshToken":""}}"#);
        self.send(&Method::PUT, "/refresh", &body)
    }
}

impl Reply {
    fn error(&self) -> (u16, &str, &str) {
        let text = |name: &str| self.json[name].as_str().unwrap_or_default();
        (self.status.as_u16(), text("code"), text("message"))
    }

    /// The value at a path like `session.handle`.
    fn at(&self, path: &str) -> &Value {
        path.split('.').fold(&self.json, |value, name| &value[name])
    }
}

/// A body that must not be read.
struct Untouchable;

impl Body for Untouchable {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        panic!("the body was read");
    }
}
