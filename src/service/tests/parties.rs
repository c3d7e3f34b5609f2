//! Two parties: an honest one is never taken for a thief, and a thief is always seen.

use std::time::Duration;

use proptest::prelude::*;
use session_core::testing::cases;

use super::{APART, Grant, Refreshed, Token, Verified, World};

/// A client that follows the protocol.
#[derive(Clone, Debug)]
struct Client {
    refresh: Token,
    access: Token,
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
    fn new(grant: Grant) -> Self {
        Self {
            refresh: grant.refresh,
            access: grant.access,
        }
    }

    fn act(&mut self, world: &World, act: Act) -> Seen {
        match act {
            Act::Refresh { lost } => self.refresh(world, lost),
            Act::Race(times) => {
                let own = self.clone();
                let seen = self.refresh(world, false);
                (1..times).fold(seen, |seen, _| own.clone().refresh(world, true) || seen)
            }
            Act::Verify => match world.verify(&self.access) {
                Verified::Ok(_, replacement) => {
                    self.access = replacement.unwrap_or_else(|| self.access.clone());
                    false
                }
                Verified::TryRefreshToken => self.refresh(world, false),
                answer => panic!("{answer:?}"),
            },
            Act::Wait(millis) => {
                world.platform.advance(Duration::from_millis(millis));
                false
            }
        }
    }

    fn refresh(&mut self, world: &World, lost: bool) -> Seen {
        match world.refresh(&self.refresh) {
            Refreshed::Ok(grant) => {
                if !lost {
                    *self = Self::new(*grant);
                }
                false
            }
            Refreshed::TheftDetected(..) => true,
            answer => panic!("{answer:?}"),
        }
    }
}

/// Settings with short lives, so that games outlive them.
fn world(window: u64) -> World {
    World::new(&[
        ("refresh_reuse_window", &window.to_string()),
        ("access_token_validity", "1800"),
        ("refresh_token_validity", "1"),
        ("access_token_signing_key_dynamic", "false"),
    ])
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        3 => any::<bool>().prop_map(|lost| Act::Refresh { lost }),
        1 => (2_usize..5).prop_map(Act::Race),
        3 => Just(Act::Verify),
        3 => (0_u64..25_000).prop_map(Act::Wait),
    ]
}

proptest! {
    #![proptest_config(cases(200))]

    /// TH6: retries, races and lost replies of one client are no theft, and never log it out.
    #[test]
    fn an_honest_client_raises_no_alarm(
        window in prop_oneof![Just(0), Just(10)],
        acts in prop::collection::vec(act(), 1..40),
    ) {
        let world = world(window);
        let mut client = Client::new(world.create());
        for act in acts {
            prop_assert!(!client.act(&world, act), "{act:?}");
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
        let world = world(window);
        let mut victim = Client::new(world.create());
        for act in before {
            victim.act(&world, act);
        }
        let mut thief = victim.clone();
        let mut seen = false;
        for (is_thief, act) in both {
            let who = if is_thief { &mut thief } else { &mut victim };
            seen |= who.act(&world, act);
        }
        // Now each goes on apart from the other.
        for turn in 0..3 {
            let is_thief = thief_first == (turn != 1);
            let who = if is_thief { &mut thief } else { &mut victim };
            world.wait(APART);
            seen |= who.act(&world, Act::Refresh { lost: false });
            seen |= who.act(&world, Act::Verify);
        }
        prop_assert!(seen);
    }
}
