//! The edge's wiring: what an instance makes once, how it reaches the session service, and how a reply leaves.

use std::fmt::Display;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Either, Full, Limited};
use session_core::log::Event;
use session_core::platform::Platform as _;
use session_core::sync::once_cell::{InitError, OnceCell};
use session_edge::client::Transport;
use session_edge::connection::WithoutTrailers;
use session_edge::settings::SETTINGS;
use session_edge::{Edge, RequestContext, Settings, SiteUnavailable};
use spin_sdk_7::http::{self, IntoResponse, Request, Response};
use spin_sdk_7::wasip3::http::types;
use spin_sdk_7::wasip3::http_compat::IncomingRequestBody;

use crate::settings::{SettingsError, read_settings};
use crate::wasi03::{Spin, body_first, variable};

/// The component that serves the API, reached by service chaining.
const SERVICE: &str = "http://session-http.spin.internal";

/// No reply of the service is nearly as long.
const REPLY_MAX_BYTES: usize = 1024 * 1024;

/// How long a request waits for the settings, read by itself or by another one.
const SETTINGS_DEADLINE: Duration = Duration::from_secs(3);

/// Made by the first request; `None` if the settings are wrong.
static EDGE: LazyLock<OnceCell<Option<Edge<Chained>>, Spin>> =
    LazyLock::new(|| OnceCell::new(Arc::new(Spin)));

/// A request as the site gets it.
pub type SiteRequest = http::Request<WithoutTrailers<IncomingRequestBody>>;

/// Answers one request; `site` makes what the edge asks when it has no answer itself.
///
/// # Errors
/// As the conversion of the response.
pub async fn handle<S>(
    request: Request,
    site: impl FnOnce(&Settings) -> Option<S>,
) -> Result<types::Response, types::ErrorCode>
where
    S: AsyncFnOnce(SiteRequest) -> Result<Response, SiteUnavailable>,
{
    let response = match edge().await {
        Ok(edge) => {
            let context = RequestContext {
                now: Spin.now(),
                log: &|event| Spin.log(event),
            };
            edge.handle(request, &context, site(edge.settings())).await
        }
        Err(reply) => reply.map(Either::Left),
    };
    let response = response.into_response();
    body_first().await;
    response
}

/// Notes why the site gave no reply.
pub fn site_down(error: &dyn Display) -> SiteUnavailable {
    Spin.log(&Event::NoReplyFromSite { reason: error });
    SiteUnavailable
}

async fn edge() -> Result<&'static Edge<Chained>, http::Response<Full<Bytes>>> {
    let make = async {
        match read_settings(SETTINGS.iter(), Settings::parse, &Spin, variable).await {
            Ok(settings) => Some(Some(Edge::new(settings, Chained))),
            Err(SettingsError::Wrong) => Some(None),
            // Not kept: the next request tries again.
            Err(SettingsError::Unavailable) => None,
        }
    };
    match EDGE.get_or_init(SETTINGS_DEADLINE, make).await {
        Ok(Some(edge)) => Ok(edge),
        Ok(None) => Err(session_edge::misconfigured()),
        Err(InitError::Failed) => Err(session_edge::without_settings()),
        Err(InitError::TimedOut) => {
            let reason = &format_args!("the variables cannot be read within {SETTINGS_DEADLINE:?}");
            Spin.log(&Event::SettingsUnreadable { reason });
            Err(session_edge::without_settings())
        }
    }
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
