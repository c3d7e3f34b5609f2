//! The reuse window: within one time slot every refresh of a token gives the same child.
//!
//! Tabs that share their cookies refresh one token at the same time. If their children were different ones, the second
//! tab to use its own would look like a thief. So a child is derived from its parent and the slot; no state is kept, and
//! the child of a slot can be found again ([`super::race`]).

use std::time::Duration;

use super::lifetime::Limits;
use super::secret::{Key, Random};
use super::time::{Timestamp, millis};
use super::token::refresh::{IssueTime, Parent, RefreshToken};

/// What the clocks of two replicas may differ by, and two requests' ways to them, at most.
const MAX_SKEW: Duration = Duration::from_millis(2_500);

/// The longest slot, whatever the validity: the greatest value of the setting.
const MAX_SLOT: Duration = Duration::from_secs(60);

/// Access tokens that are good for less than this draw their expiry from the last half of their validity, others from the
/// last quarter.
const SHORT_VALIDITY: Duration = Duration::from_secs(240);

/// The time slots of a deployment, and how far apart two requests of one race may be.
///
/// The lengths come from simulations: `th9_` and `ck2_` in the service's tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReuseWindow {
    /// The length of a slot in whole seconds; zero turns reuse off.
    slot: Duration,
    /// How far ahead of this replica's clock another one's may be.
    skew: Duration,
    /// How long ago the slot of a race may have begun.
    reach: Duration,
    /// How long after its issue a token may be handed out again, so that the access token with it is still good.
    fresh: Duration,
}

impl ReuseWindow {
    /// The window of a deployment with the setting `refresh_reuse_window` and this validity of access tokens.
    ///
    /// A slot is at most a sixtieth of the validity, so that expiries have slots to choose from, but not under one second.
    pub fn new(setting: Duration, access_validity: Duration) -> Self {
        let second = Duration::from_secs(1);
        let share = |of: u64| Duration::from_secs(access_validity.as_secs() / of);
        let longest_slot = share(60).clamp(second, MAX_SLOT);
        let skew = (access_validity / 20).clamp(second, MAX_SKEW);
        Self {
            slot: setting.min(longest_slot),
            skew,
            // The slot of a request may have begun its whole length before it, and another replica's setting may be longer.
            reach: longest_slot + skew,
            fresh: access_validity / 2,
        }
    }

    /// Whether refreshes of one token never agree.
    pub fn is_off(self) -> bool {
        self.slot.is_zero()
    }

    /// When a child that is asked for at `now` is issued.
    pub fn issue(self, now: Timestamp) -> IssueTime {
        IssueTime::at(now, self.slot)
    }

    /// Whether a request at `now` and one that was answered in the slot of `issued` may be of one race.
    pub fn may_race(self, issued: Timestamp, now: Timestamp) -> bool {
        issued <= now.plus(self.skew) && now <= issued.plus(self.reach)
    }

    /// Whether tokens of these slots may have been handed out in one race.
    pub fn may_be_twins(self, one: Timestamp, other: Timestamp) -> bool {
        one.max(other).since(one.min(other)) <= self.reach
    }

    /// The whole seconds around `time` in which [`Self::may_race`] or [`Self::may_be_twins`] can hold.
    pub(super) fn seconds_around(self, time: Timestamp) -> impl Iterator<Item = Timestamp> {
        let first = time.minus(self.reach).as_secs();
        let last = time.plus(self.reach).as_secs();
        (first..=last).map(Timestamp::from_secs)
    }

    /// Whether a slot begins then.
    pub(super) fn is_slot_start(self, time: Timestamp) -> bool {
        time.slot_start(self.slot) == time
    }

    /// When the access token that comes with a child expires: a slot's start in the last quarter of `validity` (the last
    /// half, if that is short), drawn anew for every reply.
    ///
    /// Tabs share one access token, and so meet when it expires. An owner and a thief who got one child hold two, and part
    /// when the first of them expires. If they expired together, a thief who refreshed only then would stay in step with
    /// the owner for ever.
    ///
    /// A session that is about to end may have no whole slot left: then the token is good for the rest of it.
    pub fn access_expiry(
        self,
        issued_at: Timestamp,
        validity: Duration,
        random: &dyn Random,
    ) -> Timestamp {
        let end = issued_at.plus(validity);
        if self.is_off() {
            return end;
        }
        let share = validity / if validity < SHORT_VALIDITY { 2 } else { 4 };
        let last = end.slot_start(self.slot);
        let choices = millis(last.since(end.minus(share))) / millis(self.slot);
        let back = u64::from_be_bytes(random.bytes()) % (choices + 1);
        let drawn = last.minus(self.slot * back as u32);
        match drawn < issued_at.plus(self.slot) {
            true => end,
            false => drawn,
        }
    }
}

/// What makes the children of refresh tokens.
#[derive(Clone, Copy)]
pub struct ChildFactory<'a> {
    /// The first makes new tokens, all authenticate; at least one.
    pub keys: &'a [Key],
    /// When refreshes agree.
    pub window: ReuseWindow,
    /// How long a child is good.
    pub validity: Duration,
    /// The limits of the session.
    pub limits: Limits,
    /// How long the children of replicas with another setting are good, as far as that is known.
    pub other_validities: &'a [Duration],
    /// Whether a child comes with an anti-CSRF token.
    pub anti_csrf: bool,
    /// Whether a token whose child has been used already may have lost a race; else it counts as stolen.
    pub tolerates_races: bool,
    /// For children that agree with no other.
    pub random: &'a (dyn Random + Sync),
}

impl ChildFactory<'_> {
    /// The child of `token` that a refresh at `now` hands out.
    pub fn child(&self, token: &RefreshToken, now: Timestamp) -> RefreshToken {
        let issue = self.window.issue(now);
        let end = self.limits.end(issue.time(), self.validity);
        self.make(&token.as_parent(), issue, end, &self.keys[0])
    }

    /// What the holder of a token gets whose race another one won: the winner, the current token, or its child if the access
    /// tokens of the winner's time have expired by now.
    pub(super) fn share(&self, winner: RefreshToken, now: Timestamp) -> RefreshToken {
        match now < winner.claims.issued_at.plus(self.window.fresh) {
            true => winner,
            false => self.child(&winner, now),
        }
    }

    /// The child of a parent that was or would be issued like this.
    pub(super) fn make(
        &self,
        parent: &Parent,
        issue: IssueTime,
        expires_at: Timestamp,
        key: &Key,
    ) -> RefreshToken {
        parent.child(issue, self.anti_csrf, expires_at, key, self.random)
    }
}

#[cfg(test)]
mod tests;
