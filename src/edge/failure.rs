//! Why the session service gives no answer, and what a browser is told then.

use http::header::RETRY_AFTER;
use http::{HeaderValue, StatusCode};

use super::reply::{Reply, bad_login, error, misconfigured, try_refresh};

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The service is unreachable, or cannot answer now; for the log.
    #[error("the session service gives no answer: {0}")]
    Unavailable(String),
    /// What the site says of a login is not taken; the text is for its developer.
    #[error("the site's login is refused: {0}")]
    Refused(String),
    /// The service does not know our key, or is itself misconfigured; for the log.
    #[error("the session service is not set up for this edge: {0}")]
    Misconfigured(String),
    /// The user has as many sessions as may be (`max_sessions_per_user`).
    #[error("the user has too many sessions")]
    TooManySessions,
    /// A user was authenticated once more for a session whose access token is of no use any more.
    #[error("there is no session to go on with")]
    NoSession,
}

impl From<Failure> for Reply {
    /// The service's answers that are no answers. None of them touches a cookie.
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Unavailable(_) => {
                let message = "sessions cannot be looked up now; try again";
                let mut reply = error(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "session_unavailable",
                    message,
                );
                reply
                    .headers_mut()
                    .insert(RETRY_AFTER, HeaderValue::from_static("1"));
                reply
            }
            Failure::Refused(message) => bad_login(StatusCode::INTERNAL_SERVER_ERROR, &message),
            Failure::Misconfigured(_) => misconfigured(),
            Failure::TooManySessions => {
                let message = "you are signed in as often as you may; sign out elsewhere";
                error(StatusCode::CONFLICT, "too_many_sessions", message)
            }
            Failure::NoSession => try_refresh(),
        }
    }
}
