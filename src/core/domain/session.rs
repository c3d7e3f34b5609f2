//! What the database knows of a session, and the one change that a refresh makes to it.

use super::device::Binding;
use super::id::{Generation, UserId};
use super::json::Json;
use super::secret::DoubleHash;
use super::time::Timestamp;

/// What the database knows of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredSession {
    /// Whose session it is.
    pub user_id: UserId,
    /// The current refresh token.
    pub current: DoubleHash,
    /// The current refresh token's generation.
    pub generation: Generation,
    /// The session is live before this, not at it.
    pub expires_at: Timestamp,
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

    /// The compare-and-set of a confirmation.
    pub fn confirm(&mut self, confirmation: Confirmation) {
        if self.current == confirmation.parent {
            self.current = confirmation.child;
            self.generation = self.generation.next();
            self.expires_at = confirmation.expires_at;
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
    /// When the session expires afterwards.
    pub expires_at: Timestamp,
}
