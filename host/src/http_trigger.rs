//! The HTTP trigger: a server that leads requests to the instances of components (`instances`).

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, HOST};
use http::uri::Scheme;
use http::{HeaderValue, Method, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use wasmtime_wasi_http::handler::{ProxyHandler, ProxyPre, TrapOrPanicError};
use wasmtime_wasi_http::{Error as HttpError, WasiBody, p2, p3};

use crate::app::{App, Component};
use crate::args::Reuse;
use crate::engine::Engine;
use crate::guest::record_violation;
use crate::instances::{Instances, Server};
use crate::router::Router;

/// Routes with the instances behind them.
pub(crate) struct HttpTrigger {
    app: Arc<App>,
    router: Router<Target>,
}

#[derive(Clone)]
struct Target {
    component: Arc<Component>,
    handler: ProxyHandler<Instances>,
}

impl HttpTrigger {
    /// Makes the components of all routes ready.
    pub(crate) fn new(app: &Arc<App>, engine: &Engine, reuse: Reuse) -> Result<Self, String> {
        let mut targets: HashMap<&str, Target> = HashMap::new();
        let mut routes = Vec::new();
        for (route, component) in &app.routes {
            let target = match targets.get(component.id.as_str()) {
                Some(target) => target.clone(),
                None => Target::new(app, component, engine, reuse)?,
            };
            targets.insert(&component.id, target.clone());
            routes.push((route.clone(), target));
        }
        Ok(Self {
            app: app.clone(),
            router: Router::new(routes),
        })
    }

    /// Serves connections for ever.
    pub(crate) async fn serve(self: Arc<Self>, listener: TcpListener) {
        loop {
            match listener.accept().await {
                Ok((stream, _)) => _ = tokio::spawn(self.clone().serve_connection(stream)),
                Err(error) => {
                    // Out of file descriptors, most likely; there will be some again.
                    eprintln!("cannot accept a connection: {error}");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        }
    }

    async fn serve_connection(self: Arc<Self>, stream: TcpStream) {
        // Head and body of a reply can leave in two packets; the second must not wait for an ACK.
        _ = stream.set_nodelay(true);
        let service = service_fn(|request| {
            let this = self.clone();
            async move { Ok::<_, Infallible>(this.respond(request).await) }
        });
        // Errors here are clients that went away or bodies that a guest broke off.
        _ = hyper::server::conn::http1::Builder::new()
            .serve_connection(TokioIo::new(stream), service)
            .await;
    }

    async fn respond(&self, mut request: Request<Incoming>) -> Response<WasiBody> {
        if request.uri().path() == "/.well-known/spin/health" {
            return reply(StatusCode::OK, "OK");
        }
        let Some(target) = self.router.find(request.uri().path()) else {
            return reply(StatusCode::NOT_FOUND, "");
        };
        if let Some(instruments) = &self.app.instruments {
            instruments.stats.request();
        }
        if !complete_uri(&mut request) {
            return reply(
                StatusCode::BAD_REQUEST,
                "the host header is missing or malformed",
            );
        }
        let is_head = request.method() == Method::HEAD;
        let request = request.map(|body| body.map_err(HttpError::from).boxed_unsync());
        let server = Server::default();
        match target.handler.handle(server.clone(), request).await {
            Ok(response) if is_head || has_length(&response) => response,
            Ok(response) => {
                let status = response.status().as_u16();
                let text = record_violation(
                    &self.app,
                    &target.component.id,
                    &format!(
                        "a reply ({status}) has no content-length; Spin delays those by 40 ms"
                    ),
                );
                reply(StatusCode::INTERNAL_SERVER_ERROR, text)
            }
            Err(error) => {
                let violation = server.get().and_then(|instance| instance.violation());
                // Of a trap the end of the instance tells more.
                if error.downcast_ref::<TrapOrPanicError>().is_none() {
                    eprintln!("component '{}' failed: {error:?}", target.component.id);
                }
                reply(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    violation.unwrap_or_default().to_owned(),
                )
            }
        }
    }
}

/// Guests see whole URIs, put together from the request line and the host header.
fn complete_uri(request: &mut Request<Incoming>) -> bool {
    let mut parts = request.uri().clone().into_parts();
    let host = request.headers().get(HOST).map(HeaderValue::as_bytes);
    parts.scheme = Some(Scheme::HTTP);
    parts.authority = match (host.map(TryFrom::try_from), parts.authority) {
        (Some(Ok(host)), _) => Some(host),
        (None, Some(authority)) => Some(authority),
        (Some(Err(_)), _) | (None, None) => return false,
    };
    if parts.path_and_query.is_none() {
        return false;
    }
    Uri::from_parts(parts)
        .map(|uri| *request.uri_mut() = uri)
        .is_ok()
}

fn has_length(response: &Response<WasiBody>) -> bool {
    let status = response.status();
    response.headers().contains_key(CONTENT_LENGTH)
        || status.is_informational()
        || status == StatusCode::NO_CONTENT
        || status == StatusCode::NOT_MODIFIED
}

fn reply(status: StatusCode, text: impl Into<Bytes>) -> Response<WasiBody> {
    let body = Full::new(text.into())
        .map_err(HttpError::from)
        .boxed_unsync();
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response
}

impl Target {
    fn new(
        app: &Arc<App>,
        component: &Arc<Component>,
        engine: &Engine,
        reuse: Reuse,
    ) -> Result<Self, String> {
        let id = &component.id;
        let loaded = engine
            .load(component)
            .map_err(|error| format!("component '{id}' cannot be loaded: {error:#}"))?;
        let (service, reuse) = match p3::bindings::ServicePre::new(loaded.clone()) {
            Ok(service) => (ProxyPre::P3(service), reuse),
            Err(error) => {
                let service = p2::bindings::ProxyPre::new(loaded)
                    .map_err(|_| format!("component '{id}' is not an HTTP component: {error:#}"))?;
                // Its instances serve one request each, whatever the flags say.
                (ProxyPre::P2(service), Reuse { count: 1, ..reuse })
            }
        };
        let handler = ProxyHandler::new(Instances {
            app: app.clone(),
            component: component.clone(),
            engine: engine.clone(),
            service,
            reuse,
        });
        Ok(Self {
            component: component.clone(),
            handler,
        })
    }
}
