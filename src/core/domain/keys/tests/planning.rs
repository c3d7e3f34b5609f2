//! One plan: what is published, what is pruned, and when neither is.

use std::time::Duration;

use proptest::prelude::*;

use super::{HOUR, policy, prune, publish, rotate, signing_key};
use crate::domain::keys::{AccessKeys, Planner, RotationPolicy, SigningKey};
use crate::domain::time::Timestamp;
use crate::domain::token::key::Class;
use crate::testing::{START, cases};

const DAY: Duration = Duration::from_secs(24 * 3600);
const MILLI: Duration = Duration::from_millis(1);
const LEAD: Duration = Duration::from_secs(90);
const MARGIN: Duration = Duration::from_secs(2 * 3600);

#[test]
fn a_tick_publishes_from_the_middle_of_the_interval_on() {
    let keys = [signing_key(4, START)];
    let middle = START.plus(DAY / 2);
    let ends = START.plus(DAY);
    let at = |now| publish(&keys, now, policy(DAY, HOUR), Planner::Maintenance);
    assert_eq!(at(START), None);
    assert_eq!(at(middle.minus(MILLI)), None);
    assert_eq!(at(middle), Some((5, ends)));
    assert_eq!(at(ends.minus(LEAD)), Some((5, ends)));
    assert_eq!(at(ends), Some((5, ends.plus(LEAD))));
    // A tick that is a month late: one key, not thirty.
    let late = ends.plus(DAY * 30);
    assert_eq!(at(late), Some((5, late.plus(LEAD))));
}

#[test]
fn a_request_publishes_only_what_is_overdue() {
    let keys = [signing_key(4, START)];
    let ends = START.plus(DAY);
    let at = |now| publish(&keys, now, policy(DAY, HOUR), Planner::Request);
    assert_eq!(at(ends.minus(MILLI)), None);
    assert_eq!(at(ends), Some((5, ends.plus(LEAD))));
}

#[test]
fn after_the_last_generation_there_is_none() {
    let keys = [signing_key(u32::MAX, START)];
    assert_eq!(
        publish(
            &keys,
            START.plus(DAY * 9),
            policy(DAY, HOUR),
            Planner::Maintenance
        ),
        None
    );
}

#[test]
fn a_key_is_pruned_two_hours_after_its_last_token() {
    let (taken_over, validity) = (START.plus(DAY), HOUR * 3);
    let keys = [signing_key(1, START), signing_key(2, taken_over)];
    let end = taken_over.plus(validity).plus(MARGIN);
    let prune = |now, planner| super::prune(&keys, now, policy(DAY, validity), planner);
    assert_eq!(prune(end, Planner::Maintenance), Vec::<u32>::new());
    assert_eq!(prune(end.plus(MILLI), Planner::Maintenance), [1]);
    assert_eq!(prune(end.plus(MILLI), Planner::Request), Vec::<u32>::new());
    // The youngest stays, however old.
    assert_eq!(prune(end.plus(DAY * 999), Planner::Maintenance), [1]);
}

#[test]
fn keys_that_do_not_rotate_are_left_alone() {
    let rotation = RotationPolicy {
        dynamic: false,
        ..policy(DAY, HOUR)
    };
    let keys = [
        signing_key(1, START),
        signing_key(2, START.plus(DAY)),
        signing_key(3, START.plus(DAY * 2)),
    ];
    for planner in [Planner::Request, Planner::Maintenance] {
        for days in [0, 1, 2, 3, 1000] {
            let now = START.plus(DAY * days);
            assert_eq!(rotate(&keys, now, rotation, planner), []);
        }
    }
}

#[test]
fn the_youngest_key_whose_time_has_come_signs() {
    let keys = AccessKeys::generations(&[
        signing_key(1, START),
        signing_key(2, START.plus(DAY)),
        signing_key(3, START.plus(DAY * 2)),
    ])
    .unwrap();
    let kid = |now| keys.signing(Class::Dynamic, now).kid().to_owned();
    assert_eq!(kid(START), "1");
    assert_eq!(kid(START.plus(DAY).minus(MILLI)), "1");
    assert_eq!(kid(START.plus(DAY)), "2");
    assert_eq!(kid(START.plus(DAY * 9)), "3");
    // A clock that is behind the first key's maker.
    assert_eq!(kid(START.minus(HOUR)), "1");
    assert!(AccessKeys::generations(&[]).is_none());
    for (name, known) in [
        ("1", true),
        ("3", true),
        ("4", false),
        ("01", false),
        ("", false),
    ] {
        assert_eq!(
            keys.named(Class::Dynamic, name, START).is_some(),
            known,
            "{name}"
        );
    }
}

fn planner() -> impl Strategy<Value = Planner> {
    prop_oneof![Just(Planner::Request), Just(Planner::Maintenance)]
}

/// Generations as any number of planners may have left them, and a time somewhere around.
fn table() -> impl Strategy<Value = (Vec<SigningKey>, Timestamp)> {
    let gaps = prop::collection::vec(0_u64..200_000_000, 1..6);
    (1_u32..9, gaps, -100_000_000_i64..400_000_000).prop_map(|(first, gaps, offset)| {
        let mut at = START;
        let keys: Vec<_> = (first..)
            .zip(&gaps)
            .map(|(generation, gap)| {
                at = at.plus(Duration::from_millis(*gap));
                signing_key(generation, at)
            })
            .collect();
        (
            keys,
            Timestamp::from_millis(at.as_millis().saturating_add_signed(offset)),
        )
    })
}

fn rotation() -> impl Strategy<Value = RotationPolicy> {
    (1_u32..=720, 10_u64..1_000_000)
        .prop_map(|(hours, secs)| policy(HOUR * hours, Duration::from_secs(secs)))
}

proptest! {
    #![proptest_config(cases(1000))]

    /// KR2, and one key per interval: the next is published 90 s ahead, and signs an interval after its forerunner.
    #[test]
    fn a_new_key_waits_for_its_turn_and_for_every_cache(
        (keys, now) in table(),
        rotation in rotation(),
        planner in planner(),
    ) {
        if let Some((generation, signs_from)) = publish(&keys, now, rotation, planner) {
            let newest = keys.last().unwrap();
            prop_assert_eq!(generation, newest.generation + 1);
            prop_assert!(signs_from >= now.plus(LEAD));
            prop_assert!(signs_from >= newest.signs_from.plus(rotation.interval));
        }
    }

    /// Whoever plans on, wherever its clock stands (an hour back, CK1): no second key for the same interval.
    #[test]
    fn nobody_publishes_twice(
        (mut keys, now) in table(),
        rotation in rotation(),
        planner in planner(),
        rival in planner(),
        back in 0_u64..7_200,
        ahead in 0_u64..1_800,
    ) {
        if let Some((generation, signs_from)) = publish(&keys, now, rotation, planner) {
            keys.push(signing_key(generation, signs_from));
            let back = now.minus(Duration::from_secs(back));
            prop_assert_eq!(publish(&keys, back, rotation, rival), None);
            let ahead = now.plus(Duration::from_secs(ahead));
            prop_assert_eq!(publish(&keys, ahead, rotation, rival), None);
        }
    }

    /// KR3: what is pruned can have signed nothing that is still good, even if the pruner's clock is two hours ahead.
    #[test]
    fn kr3_a_pruned_key_has_served((keys, now) in table(), rotation in rotation()) {
        let pruned = prune(&keys, now, rotation, Planner::Maintenance);
        let (gone, kept) = keys.split_at(pruned.len());
        prop_assert!(!kept.is_empty());
        for (i, key) in gone.iter().enumerate() {
            prop_assert_eq!(key.generation, pruned[i]);
            let last_expiry = keys[i + 1].signs_from.plus(rotation.token_validity);
            prop_assert!(now.minus(MARGIN) > last_expiry);
        }
        // And what has served is pruned, unless an older one is not.
        if let [_, next, ..] = kept {
            prop_assert!(now.minus(MARGIN) <= next.signs_from.plus(rotation.token_validity));
        }
    }

    /// KR2: two instances whose clocks are within 30 s of each other's and the publisher's, with keys that they
    /// loaded at most 60 s ago, know each other's signing key.
    #[test]
    fn kr2_fresh_caches_know_every_signing_key(
        skews in prop::array::uniform3(0_u64..=30_000),
        ages in prop::array::uniform2(0_u64..60_000),
        after in 0_u64..200_000,
        overdue in 0_u64..100_000,
        planner in planner(),
    ) {
        let keys = [signing_key(1, START)];
        let real = START.plus(DAY).plus(Duration::from_millis(overdue));
        let clock = |at: Timestamp, skew: u64| at.plus(Duration::from_millis(skew));
        let rotation = policy(DAY, HOUR);
        let published = publish(&keys, clock(real, skews[2]), rotation, planner);
        let (generation, signs_from) = published.unwrap();
        let both = [keys[0].clone(), signing_key(generation, signs_from)];
        let now = real.plus(Duration::from_millis(after));
        let [signer, verifier] = [0, 1].map(|i| {
            let loaded = now.minus(Duration::from_millis(ages[i]));
            let known = if loaded >= real { &both[..] } else { &keys };
            AccessKeys::generations(known).unwrap()
        });
        let key = signer.signing(Class::Dynamic, clock(now, skews[0]));
        prop_assert!(verifier.named(Class::Dynamic, key.kid(), clock(now, skews[1])).is_some());
    }
}
