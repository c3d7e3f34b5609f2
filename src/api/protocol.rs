//! What an API over the service is: routes, calls, and the form in which errors are told.

use http::{Method, request};
use session_core::platform::Platform;
use session_service::Service;
use session_store::Store;

use super::error::ApiError;
use super::reply::Reply;

/// One of the APIs that callers may speak.
pub(super) trait ApiProtocol {
    /// What a request may ask for.
    type Call: Copy + Send;

    /// What stands at a request's path, if anything.
    fn route(head: &request::Parts) -> Option<Route<Self::Call>>;

    /// The answer of a call that needs no service, so that one without settings gives it, too.
    fn without_service(_call: Self::Call) -> Option<Reply> {
        None
    }

    /// Answers a call.
    fn answer<S: Store, P: Platform>(
        call: Self::Call,
        service: &Service<S, P>,
        head: &request::Parts,
        body: &[u8],
    ) -> impl Future<Output = Result<Reply, ApiError>> + Send;

    /// Tells of an error.
    fn error(error: ApiError) -> Reply;
}

/// Whether callers have to show an API key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    Open,
    WithKey,
    /// With one, and only if the settings say that this is here at all.
    Maintenance,
}

/// The methods that a path takes.
pub(super) type Methods<C> = &'static [(Method, Endpoint<C>)];

/// What a request meets at its path.
#[derive(Debug)]
pub(super) struct Route<C> {
    pub(super) access: Access,
    /// An error if the path takes other methods.
    pub(super) endpoint: Result<Endpoint<C>, ApiError>,
}

impl<C: Copy + 'static> Route<C> {
    /// What stands at a path with these methods. Where anybody may ask, `HEAD` is answered as `GET` is; to leave the
    /// body out is the server's business (RFC 9110 §9.3.2).
    pub(super) fn at(access: Access, methods: Methods<C>, method: &Method) -> Self {
        let open = access == Access::Open;
        let asked = match method {
            &Method::HEAD if open => &Method::GET,
            method => method,
        };
        let found = methods.iter().find(|(of, _)| of == asked);
        let endpoint = found.map(|(_, endpoint)| *endpoint).ok_or_else(|| {
            let mut allow: Vec<_> = methods.iter().map(|(of, _)| of.as_str()).collect();
            if open {
                allow.push("HEAD");
            }
            ApiError::MethodNotAllowed(allow.join(", "))
        });
        Self { access, endpoint }
    }
}

/// A call, and how it is to be made.
#[derive(Clone, Copy, Debug)]
pub(super) struct Endpoint<C> {
    pub(super) call: C,
    /// Whether its input comes in the body.
    pub(super) has_body: bool,
    /// Whether its answer may take only so long.
    pub(super) has_deadline: bool,
}

impl<C> Endpoint<C> {
    pub(super) const fn with_body(call: C) -> Self {
        Self {
            call,
            has_body: true,
            has_deadline: true,
        }
    }

    pub(super) const fn without_body(call: C) -> Self {
        Self {
            call,
            has_body: false,
            has_deadline: true,
        }
    }

    pub(super) const fn without_deadline(mut self) -> Self {
        self.has_deadline = false;
        self
    }
}
