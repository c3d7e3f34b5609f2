//! Every error of the API, and the one place that gives each its status, code and message. Each protocol has its own
//! form for them.

use http::{HeaderName, HeaderValue, StatusCode, header};
use session_core::domain::device::ProofError;
use session_core::request::RequestError;
use session_service::ServiceError;
use session_store::StoreError;

/// Why a request failed.
#[derive(Debug)]
pub(super) enum ApiError {
    /// Something in the request is invalid; the message names the field.
    InvalidInput(String),
    /// A field's JSON text is over its limit, in bytes.
    FieldTooLarge(&'static str, usize),
    /// The user has as many sessions as one may have.
    TooManySessions,
    /// A payload has a member with the name of a claim of ours.
    ProtectedClaim,
    /// The DPoP proof of a login is wrong.
    InvalidProof(ProofError),
    /// The request is rejected whatever it asks for.
    Request(RequestError),
    /// The body took too long to arrive.
    BodyTooSlow,
    /// No such path.
    NotFound,
    /// The path allows only these methods.
    MethodNotAllowed(String),
    /// The settings are invalid, or contradict the database.
    Misconfigured(String),
    /// The database's server rejects the service until an operator changes something; the text is for the log.
    Refused(String),
    /// The settings cannot be read at the moment.
    SettingsUnavailable,
    /// The database's own limit is below the API's; the text is for the log.
    TooLargeForDatabase(String),
    /// The database did not answer; the text is for the log.
    Unavailable(String),
    /// The database is read-only; the text is for the log.
    ReadOnly(String),
    /// A tick of maintenance failed in part; the text is for the log.
    MaintenanceFailed(String),
    /// A bug, or a corrupt row; the text is for the log.
    Internal(String),
}

impl ApiError {
    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self::InvalidInput(message.into())
    }

    /// The part that is for the log only.
    pub(super) fn reason(&self) -> Option<&str> {
        match self {
            Self::Misconfigured(detail)
            | Self::Refused(detail)
            | Self::TooLargeForDatabase(detail)
            | Self::Unavailable(detail)
            | Self::ReadOnly(detail)
            | Self::MaintenanceFailed(detail)
            | Self::Internal(detail) => Some(detail),
            _ => None,
        }
    }

    /// Its status, its stable code, and the message for callers.
    pub(super) fn describe(&self) -> (StatusCode, &'static str, String) {
        match self {
            Self::InvalidInput(message) => {
                (StatusCode::BAD_REQUEST, "invalid_input", message.clone())
            }
            Self::FieldTooLarge(field, most) => (
                StatusCode::BAD_REQUEST,
                "too_large",
                format!("{field} must be at most {most} bytes of JSON text"),
            ),
            Self::TooManySessions => (
                StatusCode::CONFLICT,
                "too_many_sessions",
                "the user has as many sessions as max_sessions_per_user allows".to_owned(),
            ),
            Self::ProtectedClaim => (
                StatusCode::BAD_REQUEST,
                "invalid_input",
                "the payload contains a protected field".to_owned(),
            ),
            Self::InvalidProof(error) => (
                StatusCode::BAD_REQUEST,
                "invalid_dpop_proof",
                format!("dpop.proof is not accepted: {error}"),
            ),
            Self::Request(error) => (error.status(), error.code(), error.to_string()),
            Self::TooLargeForDatabase(_) => (
                StatusCode::PAYLOAD_TOO_LARGE,
                "too_large_for_database",
                "the database does not accept a row of this size; the log names the setting"
                    .to_owned(),
            ),
            Self::BodyTooSlow => (
                StatusCode::REQUEST_TIMEOUT,
                "body_timeout",
                "the body did not arrive in time".to_owned(),
            ),
            Self::NotFound => (
                StatusCode::NOT_FOUND,
                "not_found",
                "there is no such path".to_owned(),
            ),
            Self::MethodNotAllowed(allow) => (
                StatusCode::METHOD_NOT_ALLOWED,
                "method_not_allowed",
                format!("allowed methods: {allow}"),
            ),
            Self::Misconfigured(message) => (
                StatusCode::INTERNAL_SERVER_ERROR,
                "misconfigured",
                message.clone(),
            ),
            Self::Refused(_) => (
                StatusCode::INTERNAL_SERVER_ERROR,
                "misconfigured",
                "the database refuses this service; the log says why".to_owned(),
            ),
            Self::SettingsUnavailable => (
                StatusCode::SERVICE_UNAVAILABLE,
                "settings_unavailable",
                "the settings cannot be read; try again".to_owned(),
            ),
            Self::Unavailable(_) => (
                StatusCode::SERVICE_UNAVAILABLE,
                "database_unavailable",
                "the database did not answer; try again".to_owned(),
            ),
            Self::ReadOnly(_) => (
                StatusCode::SERVICE_UNAVAILABLE,
                "database_read_only",
                "the database is read-only; try again".to_owned(),
            ),
            Self::MaintenanceFailed(_) => (
                StatusCode::SERVICE_UNAVAILABLE,
                "maintenance_failed",
                "the tick failed in part; the log says why".to_owned(),
            ),
            Self::Internal(_) => (
                StatusCode::INTERNAL_SERVER_ERROR,
                "internal",
                "internal error; the log says more".to_owned(),
            ),
        }
    }

    /// The header that goes with it.
    pub(super) fn header(&self) -> Option<(HeaderName, HeaderValue)> {
        match self {
            Self::MethodNotAllowed(allow) => {
                Some((header::ALLOW, HeaderValue::from_str(allow).ok()?))
            }
            Self::SettingsUnavailable
            | Self::Unavailable(_)
            | Self::ReadOnly(_)
            | Self::MaintenanceFailed(_) => {
                Some((header::RETRY_AFTER, HeaderValue::from_static("1")))
            }
            Self::Request(error) => error.header(),
            _ => None,
        }
    }
}

impl From<RequestError> for ApiError {
    fn from(error: RequestError) -> Self {
        Self::Request(error)
    }
}

impl From<ServiceError> for ApiError {
    fn from(error: ServiceError) -> Self {
        match error {
            ServiceError::Store(StoreError::Unavailable(detail)) => Self::Unavailable(detail),
            ServiceError::Store(StoreError::Refused(detail)) => Self::Refused(detail),
            ServiceError::Store(error @ StoreError::ReadOnly) => Self::ReadOnly(error.to_string()),
            ServiceError::Store(StoreError::TooLarge(detail)) => Self::TooLargeForDatabase(detail),
            ServiceError::Store(StoreError::Schema(message)) => Self::Misconfigured(message),
            ServiceError::Store(error @ StoreError::Corrupt { .. }) => {
                Self::Internal(error.to_string())
            }
            ServiceError::TooManySessions => Self::TooManySessions,
            ServiceError::Misconfigured(message) => Self::Misconfigured(message),
        }
    }
}
