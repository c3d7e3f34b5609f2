//! Which token won a race: the search for the current token among those that racing requests were handed.
//!
//! Two requests with one token are answered by two replicas, whose clocks, settings and keys may differ for a while. The
//! loser presents a token that is no longer current, and would look like a thief. But its token, or its token's parent,
//! leads to the current one by refreshes that happened at about the same time, and since children are derived, that can
//! be found out: every token that could have been handed out is made again, and compared with the row.

use std::time::Duration;

use super::request_times::RequestTimes;
use super::reuse::ChildFactory;
use super::session::StoredSession;
use super::time::Timestamp;
use super::token::refresh::{IssueTime, Parent, RefreshToken};

/// How many refreshes may lie between the token of a race and the one that is current by now.
const MAX_DEPTH: u32 = 3;

/// How many tokens are made at most for one request: some tens of milliseconds.
const MAX_TRIES: usize = 4096;

/// The current token, if `token` lost a race with the request that it was handed to.
///
/// Its holder then gets what the winner has. A thief among them is noticed when the two part.
pub(super) fn winner(
    factory: &ChildFactory<'_>,
    token: &RefreshToken,
    stored: &StoredSession,
    times: RequestTimes,
) -> Option<RefreshToken> {
    if !factory.tolerates_races || factory.window.is_off() {
        return None;
    }
    let search = Search {
        factory,
        token,
        stored,
        times,
    };
    let issued = token.claims.issued_at;
    let is_now = |at| search.is_now(at);
    let is_twin = |at| factory.window.may_be_twins(at, issued);
    let own = || search.from(token.as_parent(), is_now, is_now);
    let of_parent = || search.from(token.parent()?, is_twin, |at| is_now(at) || is_twin(at));
    own().or_else(of_parent)
}

struct Search<'a> {
    factory: &'a ChildFactory<'a>,
    token: &'a RefreshToken,
    stored: &'a StoredSession,
    times: RequestTimes,
}

impl Search<'_> {
    /// The current token among the descendants of `ancestor`, the first of which was issued at a time that fits
    /// `is_first`, and the others at times that fit `is_later`.
    fn from(
        &self,
        ancestor: Parent,
        is_first: impl Fn(Timestamp) -> bool,
        is_later: impl Fn(Timestamp) -> bool,
    ) -> Option<RefreshToken> {
        let depth = self
            .stored
            .generation
            .0
            .checked_sub(ancestor.generation.0)
            .filter(|depth| (1..=MAX_DEPTH).contains(depth))?;
        let firsts: Vec<_> = self.seconds().filter(|at| is_first(*at)).collect();
        let laters: Vec<_> = self.seconds().filter(|at| is_later(*at)).collect();
        let mut tries = MAX_TRIES;
        let mut line = vec![ancestor];
        for level in 1..depth {
            let times = if level == 1 { &firsts } else { &laters };
            line = self.children(&line, times, &mut tries)?;
        }
        let times = if depth == 1 { &firsts } else { &laters };
        self.current(&line, times, &mut tries)
    }

    /// All children of a line that may have been handed out; none if those are too many.
    fn children(
        &self,
        line: &[Parent],
        times: &[Timestamp],
        tries: &mut usize,
    ) -> Option<Vec<Parent>> {
        let own_slots = || {
            times
                .iter()
                .filter(|at| self.factory.window.is_slot_start(**at))
        };
        let ways = line.len() * self.factory.keys.len() * self.ends(self.times.now).len();
        // With other settings a slot may begin at any second; where that is too many, the own ones.
        let times: Vec<Timestamp> = match times.len() * ways <= *tries / 8 {
            true => times.to_vec(),
            false => own_slots().copied().collect(),
        };
        *tries = tries.checked_sub(times.len() * ways)?;
        let mut children = Vec::new();
        for at in times {
            for end in self.ends(at) {
                let made = self.made(line, at, end);
                children.extend(made.map(|child| child.as_parent()));
            }
        }
        Some(children)
    }

    /// The current token among the children of a line.
    fn current(
        &self,
        line: &[Parent],
        times: &[Timestamp],
        tries: &mut usize,
    ) -> Option<RefreshToken> {
        let end = self.stored.expires_at;
        // Where the row does not say when its token was issued, it ends when its token does, as a rule.
        let limits = self.factory.limits;
        let derived = self.lives().map(|life| end.minus(limits.idle(life)));
        let derived = distinct(self.stored.issued_at.into_iter().chain(derived));
        let likely: Vec<_> = derived
            .into_iter()
            .filter(|at| times.contains(at))
            .collect();
        let others = times.iter().copied().filter(|at| !likely.contains(at));
        for at in likely.iter().copied().chain(others) {
            for end in distinct(self.ends(at).into_iter().chain([end]))
                .into_iter()
                .filter(|end| *end > at)
            {
                *tries = tries.checked_sub(line.len() * self.factory.keys.len())?;
                let found = self
                    .made(line, at, end)
                    .find(|child| child.double_hash() == self.stored.current);
                if found.is_some() {
                    return found;
                }
            }
        }
        None
    }

    fn made(
        &self,
        line: &[Parent],
        at: Timestamp,
        end: Timestamp,
    ) -> impl Iterator<Item = RefreshToken> {
        line.iter().flat_map(move |parent| {
            let keys = self.factory.keys.iter();
            keys.map(move |key| self.factory.make(parent, IssueTime::InSlot(at), end, key))
        })
    }

    /// How long the tokens of a race may be good: by the own setting, as the presented one, by those of other replicas.
    fn lives(&self) -> impl Iterator<Item = Duration> {
        let others = self.factory.other_validities.iter().copied();
        let claims = &self.token.claims;
        // A token that ends with its session does not tell it.
        let is_cut = self.factory.limits.ends_at == Some(claims.expires_at);
        let presented = (!is_cut).then(|| claims.lifetime());
        let own = [self.factory.validity].into_iter().chain(presented);
        distinct(own.chain(others)).into_iter()
    }

    /// When tokens that were issued then may end.
    fn ends(&self, at: Timestamp) -> Vec<Timestamp> {
        distinct(self.lives().map(|life| self.factory.limits.end(at, life)))
    }

    /// Whether a token of that slot may have been handed out in a race with this request.
    fn is_now(&self, issued: Timestamp) -> bool {
        let RequestTimes { started, now } = self.times;
        let window = self.factory.window;
        window.may_race(issued, started) || window.may_race(issued, now)
    }

    fn seconds(&self) -> impl Iterator<Item = Timestamp> {
        let RequestTimes { started, now } = self.times;
        let window = self.factory.window;
        let mut seconds: Vec<_> = [started, now, self.token.claims.issued_at]
            .into_iter()
            .flat_map(|time| window.seconds_around(time))
            .collect();
        seconds.sort_unstable();
        seconds.dedup();
        seconds.into_iter()
    }
}

fn distinct<T: PartialEq>(all: impl Iterator<Item = T>) -> Vec<T> {
    let mut distinct = Vec::new();
    for one in all {
        if !distinct.contains(&one) {
            distinct.push(one);
        }
    }
    distinct
}

#[cfg(test)]
mod tests;
