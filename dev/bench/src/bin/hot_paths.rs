//! The hot paths, natively and exactly repeatable, for `valgrind --tool=callgrind`.
//!
//! One request after the other goes through the whole library, from the body's bytes to the reply's, over a store
//! in memory. Time stands still and randomness comes from a counter, so that two runs execute the same
//! instructions. Callgrind counts only what happens inside of [`measured_request`]; `instructions.rs` runs it.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bench::{Call, Protocol, Tokens, is_ok};
use bytes::Bytes;
use http::{Method, Request, header};
use http_body_util::{BodyExt as _, Full};
use serde_json::{Value, json};
use session_api::Api;
use session_core::domain::config::{Config, SETTINGS};
use session_core::domain::secret::Random;
use session_core::domain::setting::{Setting, combined};
use session_core::domain::time::Timestamp;
use session_core::platform::Platform;
use session_core::testing::Device;
use session_service::Service;
use session_store::memory::MemoryStore;
use sha2::{Digest as _, Sha256};

type TheApi = Api<MemoryStore, StillPlatform>;

/// A platform on which nothing happens by itself.
struct StillPlatform {
    counter: AtomicU64,
}

impl Random for StillPlatform {
    fn fill(&self, buffer: &mut [u8]) {
        for chunk in buffer.chunks_mut(32) {
            let number = self.counter.fetch_add(1, Ordering::Relaxed);
            chunk.copy_from_slice(&Sha256::digest(number.to_be_bytes())[..chunk.len()]);
        }
    }
}

impl Platform for StillPlatform {
    fn now(&self) -> Timestamp {
        Timestamp::from_secs(1_700_000_000)
    }

    fn monotonic_millis(&self) -> u64 {
        0
    }

    async fn sleep(&self, _: Duration) {
        std::future::pending::<()>().await;
    }

    type Wake = ();

    fn signal(&self) -> ((), impl Future<Output = ()> + Send + use<>) {
        ((), std::future::pending())
    }

    fn spawn(&self, _: impl Future<Output = ()> + Send + 'static) {}
}

fn request(call: Call) -> Request<Full<Bytes>> {
    Request::builder()
        .method(call.method)
        .uri(call.path)
        .header(header::HOST, "127.0.0.1:3000")
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::CONTENT_LENGTH, call.body.len())
        .body(Full::from(call.body))
        .expect("the parts of the request are valid")
}

/// What callgrind counts: one request, from its parts to the reply's bytes.
#[inline(never)]
fn measured_request(api: &TheApi, request: Request<Full<Bytes>>) -> Bytes {
    answer(api, request)
}

fn answer(api: &TheApi, request: Request<Full<Bytes>>) -> Bytes {
    let reply = pin!(async {
        let body = api.handle(request).await.into_body();
        body.collect()
            .await
            .expect("a reply in memory does not break off")
            .to_bytes()
    });
    match reply.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(body) => body,
        Poll::Pending => unreachable!("neither the store nor the platform ever waits"),
    }
}

/// The settings as the manifest hands them on, with a master key, and the defaults otherwise.
fn settings_text() -> String {
    let value = |setting: &Setting| match setting.name {
        "master_key" => "0123456789abcdef0123456789abcdef",
        _ => setting.default,
    };
    let lines = SETTINGS
        .iter()
        .map(|setting| format!("{}={}", setting.name, value(setting)));
    lines
        .collect::<Vec<_>>()
        .join(&combined::SEPARATOR.to_string())
}

/// A new instance's way to its first reply.
fn start(platform: &Arc<StillPlatform>, settings: &str) -> TheApi {
    let values = combined::split(settings).expect("no value has the separator in it");
    let config = Config::parse(&|name| values.get(name).cloned());
    let config = config.expect("the settings are valid");
    let store = Arc::new(<MemoryStore>::default());
    Api::Ready(Arc::new(Service::new(
        store,
        Arc::clone(platform),
        config,
        None,
    )))
}

#[inline(never)]
fn measured_request_of_a_new_instance(
    platform: &Arc<StillPlatform>,
    settings: &str,
    request: Request<Full<Bytes>>,
) -> Bytes {
    answer(&start(platform, settings), request)
}

fn tokens(reply: &Bytes) -> Tokens {
    Tokens::read(reply).unwrap_or_else(|| panic!("{}", String::from_utf8_lossy(reply)))
}

/// A refresh of a new session that a browser has bound, with its proof.
fn bound(api: &TheApi) -> Call {
    let device = Device::new(1);
    let asked = |method, path: &str, body: Value| {
        let (path, body) = (path.to_owned(), body.to_string());
        let reply = answer(api, request(Call { method, path, body }));
        serde_json::from_slice::<Value>(&reply).expect("replies are JSON")
    };
    let login = json!({ "userId": "bound", "deviceBinding": "offer" });
    let login = asked(Method::POST, "/session", login);
    let challenge = |reply: &Value| reply["challenge"].as_str().unwrap_or_default().to_owned();
    let mut body = json!({ "refreshToken": login["refreshToken"]["value"], "idRefreshToken": "-" });
    body["proof"] = device.registration(&challenge(&login)).into();
    let bound = asked(Method::POST, "/session/device", body.clone());
    body["deviceProof"] = device.proof(&challenge(&bound)).into();
    Call {
        method: Method::PUT,
        path: "/refresh".to_owned(),
        body: body.to_string(),
    }
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let operation = arguments.next().unwrap_or_default();
    let rounds: u64 = arguments.next().and_then(|n| n.parse().ok()).unwrap_or(1);

    let platform = Arc::new(StillPlatform {
        counter: AtomicU64::new(0),
    });
    if operation == "start" {
        let settings = settings_text();
        for _ in 0..rounds {
            let login = request(Call::create(Protocol::Native, 1));
            let check = tokens(&answer(&start(&platform, &settings), login)).verify();
            let reply = measured_request_of_a_new_instance(&platform, &settings, request(check));
            assert!(is_ok(&reply), "{}", String::from_utf8_lossy(&reply));
        }
        return;
    }
    let config = Config::parse(&|name| (name == "session_binding").then(|| "true".into()))
        .expect("the defaults are valid");
    let store = Arc::new(<MemoryStore>::default());
    let api = Api::Ready(Arc::new(Service::new(store, platform, config, None)));
    // The first request loads the keys; a thousand sessions make the table no special case.
    let replies: Vec<Bytes> = (0..1000)
        .map(|n| answer(&api, request(Call::create(Protocol::Native, n))))
        .collect();

    for (round, reply) in (0..rounds).zip(replies.iter().cycle()) {
        let current = tokens(reply);
        let child = |parent: &Tokens| tokens(&answer(&api, request(parent.refresh())));
        let call = match operation.as_str() {
            "create" => Call::create(Protocol::Native, 1000 + round),
            "verify" => current.verify(),
            "refresh" => current.refresh(),
            "bound" => bound(&api),
            "chain" => child(&current).refresh(),
            "confirm" => child(&current).verify(),
            other => panic!("there is no operation {other:?}"),
        };
        let reply = measured_request(&api, request(call));
        assert!(is_ok(&reply), "{}", String::from_utf8_lossy(&reply));
    }
}
