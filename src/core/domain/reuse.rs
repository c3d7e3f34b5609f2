//! The reuse window: within one time slot every refresh of a token gives the same child.
//!
//! Tabs that share their cookies refresh one token at the same time. Were their children different ones, whoever used
//! the second would look like a thief. So a child is derived from its parent and the slot; no state is kept, and
//! the child of a slot can be found again.

use std::time::Duration;

use super::rotation::{RequestTimes, StoredSession};
use super::secret::{Key, Random};
use super::time::{Timestamp, millis};
use super::token::refresh::{IssueTime, RefreshToken};

/// How many slots a request may see: it ends within four seconds, and a slot lasts one second at least.
const SLOTS_OF_A_REQUEST: usize = 6;

/// Among how many slots an expiry is drawn, at least.
const LAST_SLOTS: u64 = 3;

/// How many descendants are looked through for the current token. A line of as many refreshes in one slot is no race.
const DESCENDANTS: usize = 64;

/// The length of a slot in whole seconds; zero turns reuse off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReuseWindow(Duration);

impl ReuseWindow {
    /// The window of a deployment: a slot is at most a sixtieth of the access token's validity, so that its last tenth
    /// has slots to choose from, but not under one second.
    pub fn new(setting: Duration, access_validity: Duration) -> Self {
        let sixtieth = Duration::from_secs(access_validity.as_secs() / 60);
        Self(setting.min(sixtieth.max(Duration::from_secs(1))))
    }

    /// How a child that is asked for at `now` is made.
    pub fn issue(self, now: Timestamp) -> IssueTime {
        IssueTime::at(now, self.0)
    }

    /// When the access token that comes with a child expires: a slot's start among the last tenth of `validity` (at
    /// least the last three slots, as far as half of it is left), drawn anew for every reply.
    ///
    /// Tabs share one access token, and so meet in the slot in which it expires. An owner and a thief who got one
    /// child hold two, and part when the first of them expires. Were they to expire together, a thief who
    /// refreshed only then would stay in step with the owner for ever.
    pub fn access_expiry(
        self,
        issued_at: Timestamp,
        validity: Duration,
        random: &dyn Random,
    ) -> Timestamp {
        let end = issued_at.plus(validity);
        if self.0.is_zero() {
            return end;
        }
        let slots = millis(validity) / millis(self.0);
        let slots = (slots / 10).max(LAST_SLOTS).min(slots / 2 + 1);
        let back = u64::from_be_bytes(random.bytes()) % slots;
        Timestamp::from_millis(end.slot_start(self.0).as_millis() - back * millis(self.0))
    }

    /// The slots that a request has seen, also on a clock that was set back meanwhile.
    fn slots(self, RequestTimes { started, now }: RequestTimes) -> Vec<IssueTime> {
        if self.0.is_zero() {
            return Vec::new();
        }
        let last = now.max(started).slot_start(self.0);
        let seen = std::iter::successors(Some(started), |slot| Some(slot.plus(self.0)))
            .take_while(|slot| slot.slot_start(self.0) <= last)
            .take(SLOTS_OF_A_REQUEST);
        let set_back = (now < started.slot_start(self.0)).then_some(now);
        seen.chain(set_back).map(|time| self.issue(time)).collect()
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
    /// Whether a child comes with an anti-CSRF token.
    pub anti_csrf: bool,
    /// Whether a token whose child of this slot has been used already is taken for a twin's, and not for stolen.
    pub tolerates_races: bool,
    /// For children that agree with no other.
    pub random: &'a (dyn Random + Sync),
}

impl ChildFactory<'_> {
    /// The child of `token` that a refresh at `now` hands out.
    pub fn child(&self, token: &RefreshToken, now: Timestamp) -> RefreshToken {
        self.make(token, self.window.issue(now), &self.keys[0])
    }

    fn make(&self, token: &RefreshToken, issue: IssueTime, key: &Key) -> RefreshToken {
        token.child(issue, self.anti_csrf, self.validity, key, self.random)
    }

    /// The current token, if `token` leads to it through children of the slots that a request has seen.
    ///
    /// Then two requests raced: another one with the same token was answered first and its answer used, perhaps
    /// refreshed once more. Whoever it was gets what the other one has, and a thief among them is seen when they part.
    pub(super) fn current_descendant(
        &self,
        token: &RefreshToken,
        stored: &StoredSession,
        times: RequestTimes,
    ) -> Option<RefreshToken> {
        if !self.tolerates_races {
            return None;
        }
        let depth = stored.generation.0.checked_sub(token.claims.generation.0)?;
        let slots = self.window.slots(times);
        // While a master key is introduced or changed, another instance may make children with another key.
        let ways = slots.len() * self.keys.len();
        let mut looked_through = 0;
        let mut line = vec![token.clone()];
        for _ in 0..depth {
            looked_through += line.len() * ways;
            if ways == 0 || looked_through > DESCENDANTS {
                return None;
            }
            let children = line.iter().flat_map(|parent| {
                let ways = slots
                    .iter()
                    .flat_map(|slot| self.keys.iter().map(move |key| (slot, key)));
                ways.map(|(slot, key)| self.make(parent, *slot, key))
            });
            line = children.collect();
        }
        line.into_iter()
            .find(|token| token.double_hash() == stored.current)
    }
}

#[cfg(test)]
mod tests;
