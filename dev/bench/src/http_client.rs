//! Requests to one measured system, over connections that are kept.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use bench::Call;
use bytes::Bytes;
use http::{HeaderValue, Request, StatusCode, header};
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

/// Far beyond what any request takes; a system that hangs is noticed by it.
const PATIENCE: Duration = Duration::from_secs(5);

/// A client of the system at one address.
pub(crate) struct HttpClient {
    client: Client<HttpConnector, Full<Bytes>>,
    base: String,
    patience: Duration,
}

impl HttpClient {
    /// A client that has not connected yet.
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self::patient(address, PATIENCE)
    }

    /// The same, for requests that may take long.
    pub(crate) fn patient(address: SocketAddr, patience: Duration) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let mut builder = Client::builder(TokioExecutor::new());
        // A request counts once, and what went wrong with it is an error.
        builder.retry_canceled_requests(false);
        Self {
            client: builder.build(connector),
            base: format!("http://{address}"),
            patience,
        }
    }

    /// Sends a request and reads the reply to its end. Anything but a 200 is an error.
    pub(crate) async fn send(&self, call: Call) -> Result<Bytes> {
        let mut request = Request::new(Full::from(call.body));
        *request.method_mut() = call.method;
        *request.uri_mut() = format!("{}{}", self.base, call.path).parse()?;
        let json = HeaderValue::from_static("application/json");
        request.headers_mut().insert(header::CONTENT_TYPE, json);
        if request.uri().path().starts_with("/recipe/") {
            let version = HeaderValue::from_static("5.3");
            request.headers_mut().insert("cdi-version", version);
        }
        let exchange = async {
            let response = self.client.request(request).await?;
            let status = response.status();
            anyhow::Ok((status, response.into_body().collect().await?.to_bytes()))
        };
        let reply = tokio::time::timeout(self.patience, exchange).await;
        let (status, body) =
            reply.with_context(|| format!("no reply within {} s", self.patience.as_secs()))??;
        let text = String::from_utf8_lossy(&body);
        ensure!(status == StatusCode::OK, "{status}: {text}");
        Ok(body)
    }
}
