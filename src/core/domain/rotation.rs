//! What a presented token means for a session: the rotation table of the protocol as pure functions.
//!
//! The stored row names the current refresh token. A refresh hands out a child of it, which becomes current the
//! first time anything of it is used; until then the parent stays good, so a lost reply costs nothing. Only one
//! line of tokens can go on: whoever uses another one than the current token or its child reveals that two
//! parties hold tokens of one session (RFC 9700 §4.14.2).

use super::id::{Generation, UserId};
use super::json::Json;
use super::reuse::ChildFactory;
use super::secret::DoubleHash;
use super::time::Timestamp;
use super::token::access::AccessClaims;
use super::token::refresh::RefreshToken;

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
///
/// The session then ends when the child does. A refresh token says when that is. An access token does not: the
/// setting of the day says it, so a child from before `refresh_token_validity` was changed takes the new length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Confirmation {
    /// What must be current for it to happen.
    pub parent: DoubleHash,
    /// What is current afterwards, one generation later.
    pub child: DoubleHash,
    /// When the session expires afterwards.
    pub expires_at: Timestamp,
}

/// What to do about a presented refresh token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RefreshDecision {
    /// It is a child of the current token: confirm it, look again, then [`decide_confirmed`].
    Confirm(Confirmation),
    /// What else there is.
    Done(Outcome),
}

/// What a presented refresh token has led to. The session is as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is current: hand out a child; nothing to write.
    IssueChild(StoredSession),
    /// It raced another request that presented it: hand out what that one's caller has by now, the current token.
    HandOut(StoredSession, Box<RefreshToken>),
    /// Two parties hold tokens of this session.
    Theft(StoredSession),
    /// It is good for nothing.
    Refuse(Refusal),
}

/// Why an authentic token is refused. For the log; callers are not told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No session of that handle, or an expired one.
    #[error("no live session of that handle")]
    NoSession,
    /// The refresh token itself is past the time that its receiver was told.
    #[error("the refresh token has expired")]
    TokenExpired,
    /// The token is younger than anything the row allows: the database was set back.
    #[error("the refresh token is ahead of the database; was an older backup restored?")]
    AheadOfDatabase,
}

/// When a request runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestTimes {
    /// When it began; tokens and sessions are good or not by this.
    pub started: Timestamp,
    /// The time now, after it has looked at the database.
    pub now: Timestamp,
}

/// Decides about a refresh token whose MAC is right.
pub fn decide_refresh(
    stored: Option<StoredSession>,
    token: &RefreshToken,
    issuer: &ChildFactory<'_>,
    times: RequestTimes,
) -> RefreshDecision {
    let claims = &token.claims;
    let Some(stored) = stored.filter(|stored| stored.is_live(times.started)) else {
        return RefreshDecision::Done(Outcome::Refuse(Refusal::NoSession));
    };
    if times.started >= claims.expires_at {
        return RefreshDecision::Done(Outcome::Refuse(Refusal::TokenExpired));
    }
    if token.double_hash() == stored.current {
        return RefreshDecision::Done(Outcome::IssueChild(stored));
    }
    if claims.generation > stored.generation.next() {
        return RefreshDecision::Done(Outcome::Refuse(Refusal::AheadOfDatabase));
    }
    if claims.generation > stored.generation
        && claims.parent.map(|parent| parent.double()) == Some(stored.current)
    {
        return RefreshDecision::Confirm(Confirmation {
            parent: stored.current,
            child: token.double_hash(),
            expires_at: claims.expires_at,
        });
    }
    RefreshDecision::Done(match issuer.current_descendant(token, &stored, times) {
        Some(current) => Outcome::HandOut(stored, Box::new(current)),
        None => Outcome::Theft(stored),
    })
}

/// Decides about the same token, given the row as it is after the compare-and-set.
pub fn decide_confirmed(
    stored: Option<StoredSession>,
    token: &RefreshToken,
    issuer: &ChildFactory<'_>,
    times: RequestTimes,
) -> Outcome {
    match decide_refresh(stored, token, issuer, times) {
        RefreshDecision::Done(outcome) => outcome,
        // The row was set back between the two statements.
        RefreshDecision::Confirm(_) => Outcome::Refuse(Refusal::AheadOfDatabase),
    }
}

/// What an access token with `prt` leads to, once its confirmation has been tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccessDecision {
    /// Its refresh token is current: hand out the same access token without `prt`.
    Replace,
    /// Another lineage is current: the caller presents its refresh token, and theft is seen.
    TryRefresh,
    /// The session is gone.
    Refuse,
}

/// Decides about an access token with `prt`, given the row as it is after the compare-and-set.
pub fn decide_access(
    stored: Option<&StoredSession>,
    claims: &AccessClaims,
    now: Timestamp,
) -> AccessDecision {
    match stored.filter(|stored| stored.is_live(now)) {
        None => AccessDecision::Refuse,
        Some(stored) if stored.current == claims.refresh => AccessDecision::Replace,
        Some(_) => AccessDecision::TryRefresh,
    }
}

#[cfg(test)]
mod tests;
