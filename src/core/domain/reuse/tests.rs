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
fn a_slot_is_at_most_a_sixtieth_of_the_validity_but_not_under_a_second() {
    for (setting, validity, slot) in [
        (10, 3600, 10),
        (60, 3600, 60),
        (60, 3599, 59),
        (10, 120, 2),
        (10, 119, 1),
        (60, 10, 1),
        (1, 86_400_000, 1),
        (0, 10, 0),
    ] {
        let window = ReuseWindow::new(secs(setting), secs(validity));
        assert_eq!(window, ReuseWindow(secs(slot)), "{setting}, {validity}");
    }
}

#[test]
fn th9_every_reply_draws_among_the_last_tenth_or_the_last_three_slots() {
    for (setting, validity, slots) in [
        (10, 3600, 36),
        (60, 3600, 6),
        (10, 10, 3),
        (10, 59, 5),
        (10, 4, 3),
        (10, 3, 2),
        (10, 1, 1),
    ] {
        let (window, random) = (
            ReuseWindow::new(secs(setting), secs(validity)),
            SeededRandom::new(1),
        );
        let issued = window.issue(START).time();
        let draw = || window.access_expiry(issued, secs(validity), &random);
        let drawn: BTreeSet<_> = (0..1000).map(|_| draw()).collect();
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
        prop_assert_eq!(expires.slot_start(window.0), expires);
        let end = issued.plus(secs(validity));
        prop_assert!(expires <= end);
        let tenth = secs(validity) / 10;
        prop_assert!(expires.plus(tenth.max(window.0 * 3)) > end);
        // No less than half of it is left, however short it is.
        prop_assert!(expires >= issued.plus(secs(validity) / 2));
    }
}
