//! One keep-alive connection to a measured system: a request, and the whole reply.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail};
use bytes::Bytes;
use http::{HeaderValue, Method, Request, StatusCode, Uri, header};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// Far beyond what any request takes; a system that hangs is noticed by it.
const PATIENCE: Duration = Duration::from_secs(5);

/// A request that is yet to be sent.
#[derive(Clone)]
pub(crate) struct Call {
    method: Method,
    uri: Uri,
    body: Bytes,
}

impl Call {
    /// A request with a JSON body.
    pub(crate) fn json(method: Method, path: &'static str, body: impl Into<Bytes>) -> Self {
        Self {
            method,
            uri: Uri::from_static(path),
            body: body.into(),
        }
    }

    /// A `GET`.
    pub(crate) fn get(path_and_query: &str) -> Self {
        Self {
            method: Method::GET,
            uri: path_and_query
                .parse()
                .expect("paths and handles are URL-safe"),
            body: Bytes::new(),
        }
    }
}

/// A connection that is opened when it is first used, and again after a failure.
pub(crate) struct Connection {
    address: SocketAddr,
    host: HeaderValue,
    sender: Option<SendRequest<Full<Bytes>>>,
    patience: Duration,
}

impl Connection {
    /// A connection to `address`.
    pub(crate) fn new(address: SocketAddr) -> Self {
        let host = HeaderValue::try_from(address.to_string());
        Self {
            address,
            host: host.expect("an address is a valid header"),
            sender: None,
            patience: PATIENCE,
        }
    }

    /// The same, for requests that may take long.
    pub(crate) fn patient(address: SocketAddr, patience: Duration) -> Self {
        Self {
            patience,
            ..Self::new(address)
        }
    }

    /// Sends a request and reads the reply to its end. Anything but a 200 is an error.
    pub(crate) async fn send(&mut self, call: Call) -> Result<Bytes> {
        let patience = self.patience;
        let outcome = match tokio::time::timeout(patience, self.exchange(call)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(anyhow!("no reply within {} s", patience.as_secs())),
        };
        if outcome.is_err() {
            self.sender = None;
        }
        let (status, body) = outcome?;
        if status != StatusCode::OK {
            bail!("{status}: {}", String::from_utf8_lossy(&body));
        }
        Ok(body)
    }

    async fn exchange(&mut self, call: Call) -> Result<(StatusCode, Bytes)> {
        let mut sender = match self.sender.take() {
            Some(sender) => sender,
            None => self.open().await?,
        };
        sender.ready().await.context("the connection was closed")?;
        let mut request = Request::new(Full::new(call.body));
        *request.method_mut() = call.method;
        *request.uri_mut() = call.uri;
        let headers = request.headers_mut();
        headers.insert(header::HOST, self.host.clone());
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/json"),
        );
        let response = sender.send_request(request).await?;
        let status = response.status();
        let body = response.into_body().collect().await?.to_bytes();
        self.sender = Some(sender);
        Ok((status, body))
    }

    async fn open(&self) -> Result<SendRequest<Full<Bytes>>> {
        let stream = TcpStream::connect(self.address).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        // It ends with the sender, or with an error that the request under way is told.
        tokio::spawn(async move { drop(connection.await) });
        Ok(sender)
    }
}
