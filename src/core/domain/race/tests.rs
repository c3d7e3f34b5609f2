//! Races: over replicas that differ the loser gets what the winner has, and what happened apart is no race.

use crate::domain::device::Binding;
use std::time::Duration;

use proptest::prelude::*;

use super::{MAX_DEPTH, winner};
use crate::domain::id::{SessionHandle, UserId};
use crate::domain::lifetime::Limits;
use crate::domain::request_times::RequestTimes;
use crate::domain::reuse::{ChildFactory, ReuseWindow};
use crate::domain::secret::Key;
use crate::domain::secret::testing::SeededRandom;
use crate::domain::session::StoredSession;
use crate::domain::time::Timestamp;
use crate::domain::token::refresh::RefreshToken;
use crate::testing::{START, cases};

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

fn at(secs: u64) -> Timestamp {
    START.plus(Duration::from_secs(secs))
}

/// What one replica makes children with.
struct Replica {
    keys: Vec<Key>,
    window: ReuseWindow,
    validity: Duration,
    limits: Limits,
    others: Vec<Duration>,
    tolerates_races: bool,
    random: SeededRandom,
}

impl Replica {
    fn new(window: u64, access_validity: u64, validity: u64) -> Self {
        Self {
            keys: vec![key(1)],
            window: ReuseWindow::new(secs(window), secs(access_validity)),
            validity: secs(validity),
            limits: Limits::default(),
            others: Vec::new(),
            tolerates_races: true,
            random: SeededRandom::new(5),
        }
    }

    fn factory(&self) -> ChildFactory<'_> {
        ChildFactory {
            keys: &self.keys,
            window: self.window,
            validity: self.validity,
            limits: self.limits,
            other_validities: &self.others,
            anti_csrf: false,
            tolerates_races: self.tolerates_races,
            random: &self.random,
        }
    }

    fn child(&self, token: &RefreshToken, now: Timestamp) -> RefreshToken {
        self.factory().child(token, now)
    }

    /// What it takes for the winner when `token` is presented.
    fn winner(
        &self,
        token: &RefreshToken,
        row: &StoredSession,
        now: Timestamp,
    ) -> Option<RefreshToken> {
        winner(
            &self.factory(),
            token,
            row,
            RequestTimes { started: now, now },
        )
    }
}

fn key(seed: u64) -> Key {
    Key::generate(&SeededRandom::new(seed))
}

fn first() -> RefreshToken {
    let random = SeededRandom::new(3);
    let handle = SessionHandle::generate(&random);
    RefreshToken::first(handle, false, at(0), at(864_000), &key(1), &random)
}

fn row(current: &RefreshToken) -> StoredSession {
    StoredSession {
        user_id: UserId::parse("bob").unwrap(),
        current: current.double_hash(),
        generation: current.claims.generation,
        expires_at: current.claims.expires_at,
        limits: Limits::default(),
        issued_at: None,
        authentication: None,
        payload: None,
        binding: Binding::Unbound,
    }
}

fn replica() -> Replica {
    Replica::new(10, 3600, 864_000)
}

#[test]
fn th7_the_loser_gets_the_child_that_the_winner_uses() {
    let (replica, p) = (replica(), first());
    let c = replica.child(&p, at(3600));
    for (now, wins) in [
        (3600, true),
        (3655, true),
        (3662, true),
        (3663, false),
        (7200, false),
    ] {
        let found = replica.winner(&p, &row(&c), at(now));
        assert_eq!(found, wins.then(|| c.clone()), "{now}");
    }
}

/// The loser was handed a child of its own, which it shows later: however late.
#[test]
fn th7_a_twin_that_was_never_used_leads_to_the_one_that_was() {
    let (replica, p) = (replica(), first());
    let c = replica.child(&p, at(3600));
    for (issued, wins) in [
        (3590, true),
        (3540, true),
        (3660, true),
        (3530, false),
        (3670, false),
    ] {
        let twin = replica.child(&p, at(issued));
        for now in [3660, 7000, 100_000] {
            let found = replica.winner(&twin, &row(&c), at(now));
            assert_eq!(found, wins.then(|| c.clone()), "{issued}, {now}");
        }
    }
}

#[test]
fn a_winner_may_have_refreshed_again_in_the_same_race() {
    let (replica, p) = (replica(), first());
    let mut line = vec![p.clone()];
    for n in 0..=u64::from(MAX_DEPTH) {
        line.push(replica.child(&line[line.len() - 1], at(3600 + 10 * n)));
    }
    for current in &line[1..=MAX_DEPTH as usize] {
        let found = replica.winner(&p, &row(current), at(3640));
        assert_eq!(found.as_ref(), Some(current));
    }
    assert_eq!(replica.winner(&p, &row(&line[4]), at(3640)), None);
    // The second refresh belongs to no race with one that comes much later.
    assert_eq!(replica.winner(&p, &row(&line[2]), at(3700)), None);
    // But the holder of a twin is told whenever it shows it.
    let twin = replica.child(&p, at(3590));
    for current in &line[2..=MAX_DEPTH as usize] {
        let found = replica.winner(&twin, &row(current), at(9999));
        assert_eq!(found.as_ref(), Some(current));
    }
}

#[test]
fn what_is_no_race_has_no_winner() {
    let (replica, p) = (replica(), first());
    let c = replica.child(&p, at(3600));
    // Another branch, and a token that is ahead of the row.
    let g = replica.child(&replica.child(&p, at(3590)), at(3600));
    assert_eq!(replica.winner(&g, &row(&c), at(3600)), None);
    assert_eq!(replica.winner(&g, &row(&p), at(3600)), None);
    let off = Replica {
        window: ReuseWindow::new(Duration::ZERO, secs(3600)),
        ..self::replica()
    };
    let sdk = Replica {
        tolerates_races: false,
        ..self::replica()
    };
    for strict in [off, sdk] {
        assert_eq!(strict.winner(&p, &row(&c), at(3600)), None);
    }
}

/// A request that takes long, or whose clock is set meanwhile, is of the race at its beginning and at its end.
#[test]
fn a_slow_request_is_of_the_race_in_which_it_began() {
    let (replica, p) = (replica(), first());
    let c = replica.child(&p, at(3600));
    for (started, now) in [(3600, 3700), (3700, 3600), (3600, 3500)] {
        let (started, now) = (at(started), at(now));
        let found = winner(
            &replica.factory(),
            &p,
            &row(&c),
            RequestTimes { started, now },
        );
        assert_eq!(found.as_ref(), Some(&c));
    }
}

proptest! {
    #![proptest_config(cases(100))]

    /// CK2: whatever of the settings is rolled out half-way, and whatever the clocks say within two seconds.
    #[test]
    fn ck2_replicas_that_differ_find_each_others_winner(
        windows in (1_u64..=60, 1_u64..=60),
        access_validity in prop_oneof![60_u64..600, 600_u64..90_000],
        validities in (prop_oneof![Just(864_000_u64), 3600_u64..9_000_000], 3600_u64..9_000_000),
        new_key: bool,
        meets in 100_000_u64..200_000,
        delay in 0_u64..300,
        skew in 0_u64..2000,
        behind: bool,
        row_end: bool,
    ) {
        let mut one = Replica::new(windows.0, access_validity, validities.0);
        let mut other = Replica::new(windows.1, access_validity, validities.1);
        if new_key {
            one.keys.push(key(2));
            other.keys.insert(0, key(2));
        }
        let p = first();
        let (early, late) = (Duration::from_millis(skew), Duration::from_millis(delay));
        let now = at(meets);
        let (won, lost) = match behind {
            true => (now.minus(early), now.plus(late)),
            false => (now.plus(early), now.plus(late)),
        };
        let c = one.child(&p, won);
        let mut row = row(&c);
        if row_end {
            // An access token confirmed it, on the replica with the other setting.
            row.expires_at = c.claims.issued_at.plus(other.validity);
        }
        other.others.push(one.validity);
        prop_assert_eq!(other.winner(&p, &row, lost), Some(c.clone()));
        // The child that the loser was handed before the winner's was used.
        let twin = other.child(&p, lost);
        if twin != c {
            prop_assert_eq!(other.winner(&twin, &row, lost.plus(secs(access_validity))), Some(c.clone()));
        }
    }
}
