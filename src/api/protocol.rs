//! What an API over the service is: routes, calls, and the form of its errors.

use http::{Method, request};
use session_core::platform::Platform;
use session_service::Service;
use session_store::Store;

use super::error::ApiError;
use super::reply::Reply;

/// A protocol that callers may use.
pub(super) trait ApiProtocol {
    /// The calls of the API.
    type Call: Copy + Send;

    /// The route at the request's path, if there is one.
    fn route(head: &request::Parts) -> Option<Route<Self::Call>>;

    /// Answers a call.
    fn answer<S: Store, P: Platform>(
        call: Self::Call,
        service: &Service<S, P>,
        head: &request::Parts,
        body: &[u8],
    ) -> impl Future<Output = Result<Reply, ApiError>> + Send;

    /// The reply to a request that failed.
    fn error(error: &ApiError) -> Reply;
}

/// Whether callers have to show an API key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    Open,
    WithKey,
    /// With a key, and only if the settings enable the endpoint.
    Maintenance,
}

/// The methods that a path allows.
pub(super) type Methods<C> = &'static [(Method, Endpoint<C>)];

/// What the API has at a path.
#[derive(Debug)]
pub(super) struct Route<C> {
    pub(super) access: Access,
    /// An error if the path does not allow the method.
    pub(super) endpoint: Result<Endpoint<C>, ApiError>,
}

impl<C: Copy + 'static> Route<C> {
    /// The route at a path with these methods. `HEAD` is answered as `GET` is (RFC 9110 §9.1); the server
    /// leaves the body out (§9.3.2).
    pub(super) fn at(access: Access, methods: Methods<C>, method: &Method) -> Self {
        let asked = match method {
            &Method::HEAD => &Method::GET,
            method => method,
        };
        let found = methods.iter().find(|(of, _)| of == asked);
        let endpoint = found.map(|(_, endpoint)| *endpoint).ok_or_else(|| {
            let mut allow: Vec<_> = methods.iter().map(|(of, _)| of.as_str()).collect();
            if allow.contains(&"GET") {
                allow.push("HEAD");
            }
            ApiError::MethodNotAllowed(allow.join(", "))
        });
        Self { access, endpoint }
    }
}

/// What a method does at a path.
#[derive(Clone, Copy, Debug)]
pub(super) enum Endpoint<C> {
    /// Always gives this reply, whether or not there are settings.
    Fixed(fn() -> Reply),
    /// Calls the service.
    Call {
        call: C,
        /// Whether its input comes in the body.
        has_body: bool,
        /// Whether its answer has to come within [`DEADLINE`](super::DEADLINE).
        has_deadline: bool,
    },
}

impl<C: Copy> Endpoint<C> {
    pub(super) const fn with_body(call: C) -> Self {
        Self::Call {
            call,
            has_body: true,
            has_deadline: true,
        }
    }

    pub(super) const fn without_body(call: C) -> Self {
        Self::Call {
            call,
            has_body: false,
            has_deadline: true,
        }
    }

    pub(super) const fn without_deadline(mut self) -> Self {
        if let Self::Call { has_deadline, .. } = &mut self {
            *has_deadline = false;
        }
        self
    }
}
