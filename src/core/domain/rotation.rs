//! What a presented token means for a session: the rotation table of the protocol as pure functions.
//!
//! The stored row names the current refresh token. A refresh hands out a child of it, which becomes current the
//! first time anything of it is used; until then the parent stays good, so a lost reply costs nothing. Only one
//! line of tokens can go on: whoever uses another one than the current token or its child reveals that two
//! parties hold tokens of one session (RFC 9700 §4.14.2).

use std::time::Duration;

use super::race;
use super::request_times::RequestTimes;
use super::reuse::ChildFactory;
use super::session::{Confirmation, StoredSession};
use super::time::Timestamp;
use super::token::access::AccessClaims;
use super::token::refresh::RefreshToken;

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
    /// It raced another request: hand out what that one's caller has by now, the current token or its child.
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

/// Decides about a refresh token whose MAC is right.
pub fn decide_refresh(
    stored: Option<StoredSession>,
    token: &RefreshToken,
    factory: &ChildFactory<'_>,
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
            issued_at: claims.issued_at,
            expires_at: claims.expires_at,
        });
    }
    RefreshDecision::Done(match race::winner(factory, token, &stored, times) {
        Some(winner) => {
            let shared = factory.share(winner, times.started);
            Outcome::HandOut(stored, Box::new(shared))
        }
        None => Outcome::Theft(stored),
    })
}

/// Decides about the same token, given the row as it is after the compare-and-set.
pub fn decide_confirmed(
    stored: Option<StoredSession>,
    token: &RefreshToken,
    factory: &ChildFactory<'_>,
    times: RequestTimes,
) -> Outcome {
    match decide_refresh(stored, token, factory, times) {
        RefreshDecision::Done(outcome) => outcome,
        // The row was set back between the two statements.
        RefreshDecision::Confirm(_) => Outcome::Refuse(Refusal::AheadOfDatabase),
    }
}

/// What an access token with `prt` has to try first: its refresh token becomes current if its parent is. `None` without
/// `prt`.
///
/// The session then ends when the child does. A refresh token says when that is; an access token does not, so the setting
/// of the day, `validity`, says it, and its row's limits.
pub fn confirm_access(claims: &AccessClaims, validity: Duration) -> Option<Confirmation> {
    claims.parent.map(|parent| Confirmation {
        parent: parent.double(),
        child: claims.refresh,
        issued_at: claims.issued_at,
        expires_at: claims.issued_at.plus(validity),
    })
}

/// What an access token leads to that is held against the row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccessDecision {
    /// Its refresh token is current: hand out the same access token without `prt`, with the payload that is stored.
    Replace(StoredSession),
    /// Another lineage is current: the caller presents its refresh token, and theft is seen.
    TryRefresh,
    /// The session is gone.
    Refuse,
}

/// Decides about an access token, given the row as it is after [`confirm_access`] has been tried.
pub fn decide_access(
    stored: Option<StoredSession>,
    claims: &AccessClaims,
    now: Timestamp,
) -> AccessDecision {
    match stored.filter(|stored| stored.is_live(now)) {
        None => AccessDecision::Refuse,
        Some(stored) if stored.current == claims.refresh => AccessDecision::Replace(stored),
        Some(_) => AccessDecision::TryRefresh,
    }
}

#[cfg(test)]
mod tests;
