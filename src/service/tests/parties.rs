//! Two parties: an honest one is never taken for a thief, and a thief is always seen.

use std::time::Duration;

use proptest::prelude::*;

use super::model::{Session, rules};
use crate::domain::time::Timestamp;
use crate::testing::model::{Reply, Subject as _};
use crate::testing::{START, cases};

/// A client that follows the protocol.
#[derive(Clone, Debug)]
struct Client {
    refresh: String,
    access: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Act {
    /// Refreshes; the reply may be lost.
    Refresh { lost: bool },
    /// Refreshes this many times at once, and goes on with the first reply.
    Race(usize),
    /// Shows its access token; refreshes if it is told to.
    Verify,
    /// Nothing for this many milliseconds.
    Wait(u64),
}

/// Whether theft was reported.
type Seen = bool;

impl Client {
    fn act(&mut self, session: &mut Session, act: Act, now: Timestamp) -> Seen {
        match act {
            Act::Refresh { lost } => self.refresh(session, now, lost),
            Act::Race(times) => {
                let own = self.clone();
                let seen = self.refresh(session, now, false);
                (1..times).fold(seen, |seen, _| {
                    own.clone().refresh(session, now, true) || seen
                })
            }
            Act::Verify => match session.verify(&self.access, now) {
                Reply::Verified { replacement } => {
                    if let Some(access) = replacement {
                        self.access = access;
                    }
                    false
                }
                Reply::TryRefresh => self.refresh(session, now, false),
                reply => panic!("{reply:?}"),
            },
            Act::Wait(_) => false,
        }
    }

    fn refresh(&mut self, session: &mut Session, now: Timestamp, lost: bool) -> Seen {
        match session.refresh(&self.refresh, now) {
            Reply::Child {
                refresh, access, ..
            } => {
                if !lost {
                    *self = Self { refresh, access };
                }
                false
            }
            Reply::Theft => true,
            reply => panic!("{reply:?}"),
        }
    }
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        3 => any::<bool>().prop_map(|lost| Act::Refresh { lost }),
        1 => (2_usize..5).prop_map(Act::Race),
        3 => Just(Act::Verify),
        3 => (0_u64..25_000).prop_map(Act::Wait),
    ]
}

fn after(now: Timestamp, act: Act) -> Timestamp {
    match act {
        Act::Wait(millis) => now.plus(Duration::from_millis(millis)),
        _ => now,
    }
}

proptest! {
    #![proptest_config(cases(200))]

    /// TH6: retries, races and lost replies of one client are no theft, and never log it out.
    #[test]
    fn an_honest_client_raises_no_alarm(
        window in prop_oneof![Just(0), Just(10)],
        acts in prop::collection::vec(act(), 1..40),
    ) {
        let mut session = Session::new(rules(window));
        let (refresh, access) = session.texts();
        let mut client = Client { refresh, access };
        let mut now = START;
        for act in acts {
            now = after(now, act);
            prop_assert!(!client.act(&mut session, act, now), "{act:?}");
        }
    }

    /// At some moment a thief copies the client's tokens. Once both have used branches of their own, the next
    /// refresh of one of them reports it.
    #[test]
    fn a_thief_is_seen(
        window in prop_oneof![Just(0), Just(10)],
        before in prop::collection::vec(act(), 0..15),
        both in prop::collection::vec((any::<bool>(), act()), 0..25),
        thief_first: bool,
    ) {
        let mut session = Session::new(rules(window));
        let (refresh, access) = session.texts();
        let mut victim = Client { refresh, access };
        let mut now = START;
        for act in before {
            now = after(now, act);
            victim.act(&mut session, act, now);
        }
        let mut thief = victim.clone();
        let mut seen = false;
        for (is_thief, act) in both {
            now = after(now, act);
            let who = if is_thief { &mut thief } else { &mut victim };
            seen |= who.act(&mut session, act, now);
        }
        // Now each goes on in a slot of its own.
        for turn in 0..3 {
            let is_thief = thief_first == (turn != 1);
            let who = if is_thief { &mut thief } else { &mut victim };
            now = now.plus(Duration::from_secs(10));
            seen |= who.act(&mut session, Act::Refresh { lost: false }, now);
            seen |= who.act(&mut session, Act::Verify, now);
        }
        prop_assert!(seen);
    }
}
