//! Where the HTTP requests of guests go: to other components of the application (service chaining),
//! as far as `allowed_outbound_hosts` lets them, and nowhere else.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use http::{Request, Response, Uri};
use wasmtime_wasi_http::{
    DEFAULT_FORBIDDEN_HEADERS, Error, ForbiddenHeaderFilter, RequestOptions, WasiBody,
    WasiHttpHooks,
};

use crate::instance::Instance;

/// Leads a request to the component with this id; `None` if it serves no HTTP.
pub(crate) type Chain =
    Arc<dyn Fn(&str, Request<WasiBody>) -> Option<BoxFuture<Response<WasiBody>>> + Send + Sync>;

type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

type Io = Box<dyn Future<Output = Result<(), Error>> + Send>;

/// What an instance may reach.
pub(crate) struct OutboundHttp {
    instance: Arc<Instance>,
    chain: Option<Chain>,
    forbidden: ForbiddenHeaderFilter,
}

impl OutboundHttp {
    /// The requests of `instance` go over `chain`, if its trigger has one.
    pub(crate) fn new(instance: Arc<Instance>, chain: Option<Chain>) -> Self {
        Self {
            instance,
            chain,
            forbidden: Arc::new(|name| DEFAULT_FORBIDDEN_HEADERS.contains(name)),
        }
    }

    fn send(&self, request: Request<WasiBody>) -> Option<BoxFuture<Response<WasiBody>>> {
        let uri = request.uri();
        let id = chained(uri)?.to_owned();
        let hosts = &self.instance.component.allowed_hosts;
        if !hosts.allow(&uri.to_string(), uri.scheme_str()?) {
            return None;
        }
        self.chain.as_ref()?(&id, request)
    }
}

/// The id in `ID.spin.internal`.
pub(crate) fn chained(uri: &Uri) -> Option<&str> {
    let id = uri.host()?.strip_suffix(".spin.internal")?;
    (!id.contains('.')).then_some(id)
}

impl WasiHttpHooks for OutboundHttp {
    fn is_forbidden_header(&mut self, name: &http::HeaderName) -> bool {
        DEFAULT_FORBIDDEN_HEADERS.contains(name)
    }

    fn forbidden_header_filter(&mut self) -> ForbiddenHeaderFilter {
        self.forbidden.clone()
    }

    /// A chained request has none: its address says whom it is for.
    fn set_host_header(&mut self) -> bool {
        false
    }

    fn send_request(
        &mut self,
        request: Request<WasiBody>,
        _options: Option<RequestOptions>,
        _io: Io,
    ) -> Box<dyn Future<Output = Result<(Response<WasiBody>, Io), Error>> + Send> {
        let text = format!("outbound HTTP to {} is not allowed", request.uri());
        match self.send(request) {
            Some(reply) => Box::new(async { Ok((reply.await, Box::new(async { Ok(()) }) as Io)) }),
            None => {
                self.instance.record_violation(&text);
                Box::new(async { Err(Error::HttpRequestDenied) })
            }
        }
    }
}
