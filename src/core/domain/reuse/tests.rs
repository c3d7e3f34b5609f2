//! Slots, and the expiries that are drawn from them.

use std::collections::BTreeSet;
use std::time::Duration;

use proptest::prelude::*;

use super::ReuseWindow;
use crate::domain::secret::testing::SeededRandom;
use crate::domain::time::Timestamp;
use crate::testing::{START, cases};

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

#[test]
fn slots_skew_and_reach_follow_from_two_settings() {
    for (setting, validity, slot, skew, reach) in [
        (10, 3600, 10, 2_500, 62_500),
        (60, 3600, 60, 2_500, 62_500),
        (60, 3599, 59, 2_500, 61_500),
        (10, 120, 2, 2_500, 4_500),
        (10, 119, 1, 2_500, 3_500),
        (60, 20, 1, 1_000, 2_000),
        (60, 10, 1, 1_000, 2_000),
        (1, 86_400_000, 1, 2_500, 62_500),
        (0, 10, 0, 1_000, 2_000),
    ] {
        let window = ReuseWindow::new(secs(setting), secs(validity));
        let expected = ReuseWindow {
            slot: secs(slot),
            skew: Duration::from_millis(skew),
            reach: Duration::from_millis(reach),
            fresh: secs(validity) / 2,
        };
        assert_eq!(window, expected, "{setting}, {validity}");
    }
}

#[test]
fn a_race_reaches_back_and_no_further_ahead_than_clocks_differ() {
    let window = ReuseWindow::new(secs(10), secs(3600));
    let races = |ago: u64| window.may_race(START.minus(secs(ago)), START);
    assert!(races(0) && races(62) && !races(63));
    assert!(window.may_race(START.plus(secs(2)), START));
    assert!(!window.may_race(START.plus(secs(3)), START));
    let twins = |one, other| window.may_be_twins(START.plus(secs(one)), START.plus(secs(other)));
    assert!(twins(0, 62) && twins(62, 0) && !twins(0, 63) && !twins(63, 0));
}

#[test]
fn th9_every_reply_draws_among_the_last_quarter_or_half() {
    for (setting, validity, slots) in [
        (10, 3600, 91),
        (60, 3600, 16),
        (4, 240, 16),
        (10, 10, 6),
        (10, 59, 30),
        (10, 4, 3),
        (10, 3, 2),
        (10, 1, 1),
    ] {
        let window = ReuseWindow::new(secs(setting), secs(validity));
        let random = SeededRandom::new(1);
        let issued = window.issue(START).time();
        let draw = || window.access_expiry(issued, secs(validity), &random);
        let drawn: BTreeSet<_> = (0..2000).map(|_| draw()).collect();
        assert_eq!(drawn.len(), slots, "{setting}, {validity}");
        assert_eq!(drawn.last(), Some(&issued.plus(secs(validity))));
    }
}

#[test]
fn without_a_window_nothing_is_drawn() {
    let (window, random) = (
        ReuseWindow::new(Duration::ZERO, secs(3600)),
        SeededRandom::new(1),
    );
    for _ in 0..100 {
        let expires = window.access_expiry(START, secs(3600), &random);
        assert_eq!(expires, START.plus(secs(3600)));
    }
}

proptest! {
    #![proptest_config(cases(1000))]

    #[test]
    fn th9_an_expiry_is_a_slots_start_near_the_end_of_the_validity(
        at in 1_u64..10_000_000_000,
        setting in 1_u64..=60,
        validity in prop_oneof![1_u64..100, 100_u64..100_000, 100_000_u64..=86_400_000],
        seed: u64,
    ) {
        let window = ReuseWindow::new(secs(setting), secs(validity));
        let issued = window.issue(Timestamp::from_secs(at)).time();
        let expires = window.access_expiry(issued, secs(validity), &SeededRandom::new(seed));
        prop_assert!(window.is_slot_start(expires));
        let end = issued.plus(secs(validity));
        prop_assert!(expires <= end);
        let share = secs(validity) / if validity < 240 { 2 } else { 4 };
        prop_assert!(expires.plus(share) >= end || expires.plus(window.slot) > end);
        // No less than half of it is left, however short it is.
        prop_assert!(expires >= issued.plus(secs(validity) / 2));
    }
}
