//! What the database knows of a session, and the one change that a refresh makes to it.

use std::time::Duration;

use super::authentication::Authentication;
use super::device::Binding;
use super::id::{Generation, UserId};
use super::json::Json;
use super::lifetime::Limits;
use super::secret::DoubleHash;
use super::time::Timestamp;
use super::token::refresh::RefreshClaims;

/// What the database knows of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredSession {
    /// Whose session it is.
    pub user_id: UserId,
    /// The current refresh token.
    pub current: DoubleHash,
    /// The current refresh token's generation.
    pub generation: Generation,
    /// The session is live before this, not at it; never after its limits' end.
    pub expires_at: Timestamp,
    /// When it ends whatever is done with it.
    pub limits: Limits,
    /// When the current refresh token was issued; none if that is not known.
    pub issued_at: Option<Timestamp>,
    /// When and how its user was authenticated, if the site said so.
    pub authentication: Option<Authentication>,
    /// What goes into its access tokens.
    pub payload: Option<Json>,
    /// The device's key that has to prove a refresh.
    pub binding: Binding,
}

impl StoredSession {
    /// Whether the session is good at `now`.
    pub fn is_live(&self, now: Timestamp) -> bool {
        now < self.expires_at
    }

    /// Until when the row has to live for a child that is handed out now, if it would not without that: as long as the
    /// child. `half_idle` is half of the session's idle timeout, if it has one.
    ///
    /// The row lives as long as the current token. Its child's access token is good for half of the timeout from now, and
    /// confirms the child if the row is still there.
    pub fn extension(
        &self,
        child: &RefreshClaims,
        half_idle: Option<Duration>,
    ) -> Option<Timestamp> {
        let needed = child.issued_at.plus(half_idle?);
        let is_child = child.generation > self.generation;
        let end = child.expires_at;
        (is_child && self.expires_at < needed && self.expires_at < end).then_some(end)
    }

    /// The compare-and-set of a confirmation.
    pub fn confirm(&mut self, confirmation: Confirmation) {
        if self.current == confirmation.parent {
            self.current = confirmation.child;
            self.generation = self.generation.next();
            let Confirmation {
                issued_at,
                expires_at,
                ..
            } = confirmation;
            let told = expires_at.since(issued_at);
            self.expires_at = self.limits.end(issued_at, told);
            self.issued_at = Some(issued_at);
        }
    }
}

/// A child that takes its parent's place: a compare-and-set on the stored row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Confirmation {
    /// What must be current for it to happen.
    pub parent: DoubleHash,
    /// What is current afterwards, one generation later.
    pub child: DoubleHash,
    /// When the child was issued.
    pub issued_at: Timestamp,
    /// When the session expires afterwards, or earlier if its limits say so.
    pub expires_at: Timestamp,
}
