//! The HTTP trigger: a server, and behind it instances that live as long as Spin's do. How an
//! instance takes requests is wasmtime's `ProxyHandler`.

use std::collections::HashMap;
use std::convert::Infallible;
use std::future::{Future, pending};
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::{Duration, Instant as StdInstant};

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, HOST};
use http::uri::Scheme;
use http::{HeaderValue, Method, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, Sleep};
use wasmtime::component::GuestTaskId;
use wasmtime::{Store, StoreContextMut, Trap};
use wasmtime_wasi_http::handler::{
    HandlerState, Instance as Running, Proxy, ProxyHandler, ShouldAccept, WorkerExpiration,
    WorkerState, WorkerStatus,
};
use wasmtime_wasi_http::p3::bindings::ServicePre;
use wasmtime_wasi_http::{Error as HttpError, WasiBody, WasiHttpView};

use crate::app::{App, Component};
use crate::args::Reuse;
use crate::engine::Engine;
use crate::guest::{Guest, Instance, record_violation};
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
                if violation.is_none() && server.get().is_none() {
                    eprintln!(
                        "component '{}' cannot start: {error:?}",
                        target.component.id
                    );
                }
                reply(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    violation.unwrap_or_default().to_owned(),
                )
            }
        }
    }
}

/// Which instance has taken a request.
type Server = Arc<OnceLock<Arc<Instance>>>;

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
        let service = ServicePre::new(loaded).map_err(|error| {
            format!("component '{id}' is not an HTTP component of WASI 0.3: {error:#}")
        })?;
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

/// Makes instances of one component.
struct Instances {
    app: Arc<App>,
    component: Arc<Component>,
    engine: Engine,
    service: ServicePre<Guest>,
    reuse: Reuse,
}

impl HandlerState for Instances {
    type StoreData = Guest;
    type WorkerExpiration = Idle;
    type WorkerState = Life;

    async fn instantiate(&self) -> wasmtime::Result<Running<Guest, Idle, Life>> {
        let mut store = self.engine.store(&self.app, &self.component)?;
        let service = self.service.instantiate_async(&mut store).await?;
        Ok(Running {
            store,
            proxy: Proxy::P3(service),
            view: WasiHttpView::http,
            expiration: Idle {
                after: self.reuse.idle,
                sleep: Box::pin(tokio::time::sleep(self.reuse.idle)),
            },
            state: Life { reuse: self.reuse },
        })
    }
}

/// Ends an instance that had nothing to do for a while. A request may take as long as it likes.
struct Idle {
    after: Duration,
    sleep: Pin<Box<Sleep>>,
}

impl WorkerExpiration for Idle {
    fn poll(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        status: WorkerStatus,
        since: StdInstant,
    ) -> Poll<()> {
        if status != WorkerStatus::Idle {
            return Poll::Pending;
        }
        let deadline = Instant::from_std(since + self.after);
        if self.sleep.deadline() != deadline {
            self.sleep.as_mut().reset(deadline);
        }
        self.sleep.as_mut().poll(cx)
    }
}

/// Decides which requests an instance takes, and hears of its end.
struct Life {
    reuse: Reuse,
}

impl WorkerState for Life {
    type StoreData = Guest;
    type RequestData = Server;

    fn should_accept_request(&self, concurrent: usize, total: usize) -> ShouldAccept {
        if total >= self.reuse.count {
            ShouldAccept::Never
        } else if concurrent >= self.reuse.concurrent {
            ShouldAccept::No
        } else {
            ShouldAccept::Yes
        }
    }

    fn on_request_start(
        &self,
        store: StoreContextMut<'_, Guest>,
        server: Server,
        _: GuestTaskId,
    ) -> Pin<Box<dyn Future<Output = ()> + Send + Sync>> {
        _ = server.set(store.data().instance.clone());
        Box::pin(pending())
    }

    fn drop(&self, store: Store<Guest>, result: wasmtime::Result<()>) {
        if let Err(error) = result {
            let instance = &store.data().instance;
            if let Some(instruments) = &instance.app.instruments {
                instruments.stats.trap();
            }
            if instance.violation().is_none() {
                eprintln!("component '{}' trapped: {error:?}", instance.component.id);
            }
            if let Some(Trap::WaitableSyncAndAsync) = error.downcast_ref() {
                eprintln!(
                    "wit-bindgen 0.57 with inter-task-wakeup does this; Spin on wasmtime 47 lets it \
                     pass, on 48 and later every instance dies of it"
                );
            }
        }
    }
}
