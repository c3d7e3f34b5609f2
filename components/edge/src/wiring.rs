//! What an instance makes once, how it reaches the session service, and how a reply leaves.

use std::collections::HashMap;
use std::fmt::Display;
use std::sync::OnceLock;
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Either, Full, Limited};
use session::domain::config::Config;
use session::domain::time::{Timestamp, millis};
use session::edge::service::Transport;
use session::edge::{self, Edge, Settings, SiteDown, Visit, settings};
use session::log::{Event, LogSettings};
use spin_sdk::http::{self, IntoResponse, Request, Response};
use spin_sdk::variables::{self, Error};
use spin_sdk::wasip3::http::types;
use spin_sdk::wit_bindgen::yield_async;

/// The component that serves the API, reached by service chaining.
const SERVICE: &str = "http://session-http.spin.internal";

/// No reply of the service is nearly as long.
const REPLY_MAX_BYTES: usize = 1024 * 1024;

/// The settings are read by the first request; `None` if they are wrong.
static EDGE: OnceLock<Option<Edge<Chained>>> = OnceLock::new();

/// What is logged, and how: known before the other settings are looked at.
static LOG: OnceLock<LogSettings> = OnceLock::new();

/// Answers one request; `site` makes what the edge asks when it has no answer itself.
pub(crate) async fn handle<S>(
    request: Request,
    site: impl FnOnce(&Settings) -> Option<S>,
) -> Result<types::Response, types::ErrorCode>
where
    S: AsyncFnOnce(Request) -> Result<Response, SiteDown>,
{
    let response = match ready().await {
        Ok(edge) => {
            let visit = Visit {
                now: now(),
                log: &log,
            };
            edge.handle(request, &visit, site(edge.settings())).await
        }
        Err(reply) => reply.map(Either::Left),
    };
    let response = response.into_response();
    // The conversion has started a task that writes the body. Let it begin before the head leaves: head and body
    // in two packets cost the client up to 40 ms of delayed ACK.
    yield_async().await;
    response
}

fn log(event: &Event<'_>) {
    let settings = LOG.get().copied().unwrap_or_default();
    settings.write(event, now().as_millis());
}

/// Notes why the site gave no reply.
pub(crate) fn site_down(error: &dyn Display) -> SiteDown {
    log(&Event::NoReplyFromSite { reason: error });
    SiteDown
}

async fn ready() -> Result<&'static Edge<Chained>, http::Response<Full<Bytes>>> {
    if EDGE.get().is_none() {
        // Not kept if they can't be read: the next request tries again.
        let values = read_settings().await.ok_or_else(edge::without_settings)?;
        EDGE.get_or_init(|| start(&values));
    }
    let edge = EDGE.get().and_then(Option::as_ref);
    edge.ok_or_else(edge::misconfigured)
}

fn start(values: &HashMap<&str, String>) -> Option<Edge<Chained>> {
    let lookup = |name: &str| values.get(name).cloned();
    LOG.get_or_init(|| Config::log_settings(lookup).0);
    match Settings::parse(lookup) {
        Ok(settings) => Some(Edge::new(settings, Chained)),
        Err(errors) => {
            for error in errors {
                log(&Event::Misconfigured(&error));
            }
            None
        }
    }
}

/// Every setting, or none if one can't be had.
async fn read_settings() -> Option<HashMap<&'static str, String>> {
    let mut values = HashMap::new();
    for name in settings::VARIABLES {
        match variables::get(name).await {
            Ok(value) => drop(values.insert(name, value)),
            // A variable that the manifest leaves out has its default.
            Err(Error::Undefined(_)) => {}
            // The error's text is the provider's, and may hold an address or more.
            Err(_) => {
                let reason = &format_args!("the variable {name} can't be read from its provider");
                log(&Event::SettingsUnreadable { reason });
                return None;
            }
        }
    }
    Some(values)
}

/// The session service as another component of the application.
#[derive(Debug)]
struct Chained;

impl Transport for Chained {
    async fn call(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, String> {
        let (mut head, body) = request.into_parts();
        let uri = format!("{SERVICE}{}", head.uri);
        head.uri = uri.parse().expect("a path after an address is an address");
        let request = http::Request::from_parts(head, Full::new(body));
        let response = http::send(request)
            .await
            .map_err(|error| error.to_string())?;
        let (head, body) = response.into_parts();
        let body = Limited::new(body, REPLY_MAX_BYTES).collect().await;
        let body = body.map_err(|error| error.to_string())?.to_bytes();
        Ok(http::Response::from_parts(head, body))
    }
}

#[expect(clippy::disallowed_methods, reason = "here it comes from")]
fn now() -> Timestamp {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH);
    Timestamp::from_millis(millis(since_epoch.unwrap_or_default()))
}
