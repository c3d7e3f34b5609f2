//! What is left of a revoked session: when and why it was revoked, for as long as one of its access tokens may be good.
//!
//! Its row stays as a tombstone, so that a delete can tell whether it was the one that revoked the session, and so that
//! those who check access tokens by themselves learn of it.

use std::time::Duration;

use super::id::HandleHash;
use super::maintenance::EXPIRY_MARGIN;
use super::time::Timestamp;

/// How long before its revocation a revoked session has expired for a release that knows no tombstones: long enough for
/// every clock, and an hour too short for that release's clean-up.
const DEAD_SINCE: Duration = Duration::from_secs(3600);

/// How much longer than an access token is good its session's revocation counts: what the clocks of two replicas may
/// differ by, twice, and half a minute for a token that was being signed.
pub const REVOCATION_MARGIN: Duration = Duration::from_secs(90);

/// The longest validity of access tokens for which revocations are kept: a day.
pub const REVOCATION_MAX_VALIDITY: Duration = Duration::from_secs(86_400);

/// Why a session was revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Its own sign-out, or that of the user on another device.
    SignedOut,
    /// One of its tokens was stolen.
    Theft,
    /// The user has more sessions than are allowed.
    Limit,
    /// All sessions of the user were revoked.
    User,
    /// A new login of the same user took its place.
    Reauthenticated,
}

impl Reason {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::SignedOut,
        Self::Theft,
        Self::Limit,
        Self::User,
        Self::Reauthenticated,
    ];

    /// Its name in the feed and in the table.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SignedOut => "signed_out",
            Self::Theft => "theft",
            Self::Limit => "limit",
            Self::User => "user",
            Self::Reauthenticated => "reauthenticated",
        }
    }

    /// The reason of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == name)
    }
}

/// When and why a session is, or was, revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Revocation {
    /// When.
    pub at: Timestamp,
    /// Why.
    pub reason: Reason,
}

impl Revocation {
    /// What a tombstone's row has as the session's expiry.
    pub fn expires_at(&self) -> Timestamp {
        dead_since(self.at)
    }

    /// The revocation whose tombstone has that expiry.
    pub fn of_tombstone(expires_at: Timestamp, reason: Reason) -> Self {
        Self {
            at: expires_at.plus(DEAD_SINCE),
            reason,
        }
    }

    /// When the last access token of the session has expired, if they are good for `validity`.
    pub fn until(&self, validity: Duration) -> Timestamp {
        self.at.plus(validity).plus(REVOCATION_MARGIN)
    }
}

/// The expiry in the tombstone of a session that was revoked at `at`.
pub fn dead_since(at: Timestamp) -> Timestamp {
    at.minus(DEAD_SINCE)
}

/// The clean-up removes rows that expired before this. It waits for the tombstones' access tokens with all rows, so that
/// one range of the index is all that it reads.
pub fn removable_before(now: Timestamp, validity: Duration) -> Timestamp {
    now.minus(EXPIRY_MARGIN)
        .minus(validity.min(REVOCATION_MAX_VALIDITY))
        .minus(REVOCATION_MARGIN)
}

/// A session that was revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Revoked {
    /// Its row's key.
    pub handle: HandleHash,
    /// When and why.
    pub revocation: Revocation,
}
