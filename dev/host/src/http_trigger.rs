//! The HTTP trigger: a server that leads requests to the instances of components (`workers`).

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, HOST};
use http::uri::{Authority, Scheme};
use http::{HeaderValue, Method, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::{TcpListener, TcpStream};
use wasmtime_wasi_http::handler::{ProxyHandler, ProxyPre, TrapOrPanicError};
use wasmtime_wasi_http::{Error as HttpError, WasiBody, p2, p3};

use crate::app::{App, Component};
use crate::args::Reuse;
use crate::engine::Engine;
use crate::outbound_http::{Chain, chained};
use crate::router::{Match, Router};
use crate::spin_headers;
use crate::workers::{ServedBy, Workers};

/// Routes with the instances behind them.
pub(crate) struct HttpTrigger {
    router: Router<Arc<Target>>,
}

/// A component and its instances.
struct Target {
    component: Arc<Component>,
    handler: ProxyHandler<Workers>,
}

type Targets = BTreeMap<String, Arc<Target>>;

impl HttpTrigger {
    /// Makes the components of all routes ready.
    pub(crate) fn new(app: &Arc<App>, engine: &Engine, reuse: Reuse) -> Result<Self, String> {
        let every: Arc<OnceLock<Targets>> = Arc::default();
        let chain = chain(&every);
        let mut targets = Targets::new();
        let mut public = Vec::new();
        for route in &app.routes {
            let component = &route.component;
            let target = match targets.get(&component.id) {
                Some(target) => target.clone(),
                None => Arc::new(Target::new(app, component, engine, reuse, &chain)?),
            };
            targets.insert(component.id.clone(), target.clone());
            public.extend(route.path.clone().map(|path| (path, target)));
        }
        let router = Router::new(public);
        _ = every.set(targets);
        Ok(Self { router })
    }

    /// Serves connections for ever.
    pub(crate) async fn serve(self: Arc<Self>, listener: TcpListener) {
        loop {
            match listener.accept().await {
                Ok((stream, client)) => {
                    tokio::spawn(self.clone().serve_connection(stream, client));
                }
                Err(error) => {
                    // Out of file descriptors, most likely; there will be some again.
                    eprintln!("cannot accept a connection: {error}");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        }
    }

    async fn serve_connection(self: Arc<Self>, stream: TcpStream, client: SocketAddr) {
        // Head and body of a reply can leave in two packets; the second must not wait for an ACK.
        _ = stream.set_nodelay(true);
        let service = service_fn(move |request| {
            let this = self.clone();
            async move { this.respond(request, client).await }
        });
        // Errors here are clients that went away, bodies that a guest broke off, and requests without a host.
        _ = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new())
            .serve_connection(TokioIo::new(stream), service)
            .await;
    }

    /// The error ends the connection without a reply.
    async fn respond(
        &self,
        mut request: Request<Incoming>,
        client: SocketAddr,
    ) -> Result<Response<WasiBody>, &'static str> {
        let path = request.uri().path().to_owned();
        match path.strip_prefix("/.well-known/spin/") {
            Some("health") => return Ok(reply(StatusCode::OK, "OK")),
            Some(_) => return Ok(reply(StatusCode::NOT_FOUND, "")),
            None => {}
        }
        let Some(matched) = self.router.find(&path) else {
            return Ok(reply(StatusCode::NOT_FOUND, ""));
        };
        complete_uri(&mut request)?;
        let is_text = |value: &HeaderValue| std::str::from_utf8(value.as_bytes()).is_ok();
        if !request.headers().values().all(is_text) {
            return Ok(reply(StatusCode::INTERNAL_SERVER_ERROR, ""));
        }
        let is_head = request.method() == Method::HEAD;
        let request = request.map(|body| body.map_err(HttpError::from).boxed_unsync());
        let response = matched.target.serve(request, &matched, client).await;
        if !is_head && !has_length(&response) {
            let id = &matched.target.component.id;
            eprintln!(
                "warning: component '{id}': {path} has no content-length; Spin delays such replies by 40 ms"
            );
        }
        Ok(response)
    }
}

/// Leads from components to components. Nobody looks before all of them are ready.
fn chain(targets: &Arc<OnceLock<Targets>>) -> Chain {
    let targets = targets.clone();
    Arc::new(move |id, request| {
        let target = targets.get()?.get(id)?.clone();
        Some(Box::pin(async move {
            let path = request.uri().path().to_owned();
            let matched = Match {
                target: &(),
                route: "/...",
                rest: &path,
                named: Vec::new(),
            };
            let nobody = SocketAddr::from(([0, 0, 0, 0], 0));
            target.serve(request, &matched, nobody).await
        }))
    })
}

/// Guests see whole URIs, put together from the request line and the host header.
fn complete_uri(request: &mut Request<Incoming>) -> Result<(), &'static str> {
    let mut parts = request.uri().clone().into_parts();
    let host = request.headers().get(HOST).map(HeaderValue::as_bytes);
    let host: Option<Authority> = host
        .map(TryFrom::try_from)
        .transpose()
        .map_err(|_| "no host")?;
    parts.scheme = Some(Scheme::HTTP);
    parts.authority = match (host, parts.authority) {
        (Some(host), Some(authority)) if host != authority => return Err("two hosts"),
        (host, authority) => Some(host.or(authority).ok_or("no host")?),
    };
    let uri = Uri::from_parts(parts).map_err(|_| "no path")?;
    // Only components call one another by these names.
    if chained(&uri).is_some() {
        return Err("no host");
    }
    *request.uri_mut() = uri;
    Ok(())
}

fn has_length(response: &Response<WasiBody>) -> bool {
    let status = response.status();
    response.headers().contains_key(CONTENT_LENGTH)
        || status.is_informational()
        || status == StatusCode::NO_CONTENT
        || status == StatusCode::NOT_MODIFIED
}

fn reply(status: StatusCode, text: impl Into<Bytes>) -> Response<WasiBody> {
    let text = text.into();
    let length = HeaderValue::from(text.len());
    let body = Full::new(text).map_err(HttpError::from).boxed_unsync();
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_LENGTH, length);
    response
}

impl Target {
    fn new(
        app: &Arc<App>,
        component: &Arc<Component>,
        engine: &Engine,
        reuse: Reuse,
        chain: &Chain,
    ) -> Result<Self, String> {
        let id = &component.id;
        let loaded = engine.load(component)?;
        let (service, reuse) = match p3::bindings::ServicePre::new(loaded.clone()) {
            Ok(service) => (ProxyPre::P3(service), reuse),
            Err(error) => {
                let service = p2::bindings::ProxyPre::new(loaded)
                    .map_err(|_| format!("component '{id}' is not an HTTP component: {error:#}"))?;
                // Its instances serve one request each, whatever the flags say.
                (
                    ProxyPre::P2(service),
                    Reuse {
                        count: NonZeroUsize::MIN,
                        ..reuse
                    },
                )
            }
        };
        let handler = ProxyHandler::new(Workers {
            app: app.clone(),
            component: component.clone(),
            engine: engine.clone(),
            service,
            reuse,
            chain: chain.clone(),
        });
        Ok(Self {
            component: component.clone(),
            handler,
        })
    }

    /// Lets an instance answer. If it fails, that is a reply as well.
    async fn serve<T>(
        &self,
        mut request: Request<WasiBody>,
        matched: &Match<'_, T>,
        client: SocketAddr,
    ) -> Response<WasiBody> {
        self.handler.state().app.test_controls.stats.request();
        let uri = request.uri().clone();
        spin_headers::add(request.headers_mut(), &uri, matched, client);
        let served_by = ServedBy::default();
        match self.handler.handle(served_by.clone(), request).await {
            Ok(response) => response,
            Err(error) => {
                let violation = served_by.get().and_then(|instance| instance.violation());
                // Of a trap the end of the instance tells more.
                if error.downcast_ref::<TrapOrPanicError>().is_none() {
                    eprintln!("component '{}' failed: {error:?}", self.component.id);
                }
                reply(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    violation.unwrap_or_default().to_owned(),
                )
            }
        }
    }
}
