use proptest::prelude::*;

use super::*;
use crate::testing::{START, cases};

const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

fn policy(idle: u64, is_idle_timeout: bool, absolute: Option<u64>) -> LifetimePolicy {
    LifetimePolicy {
        idle: secs(idle),
        is_idle_timeout,
        absolute: absolute.map(secs),
    }
}

fn asked(absolute: Option<u64>, idle: Option<u64>) -> RequestedLifetime {
    RequestedLifetime {
        absolute: absolute.map(secs),
        idle: idle.map(secs),
    }
}

#[test]
fn a_login_may_ask_for_less_than_the_settings_say() {
    let free = policy(3600, false, None);
    let strict = policy(3600, true, Some(7200));
    for (policy, absolute, idle, error) in [
        (free, None, None, None),
        (free, Some(60), Some(60), None),
        (free, Some(MAX_ABSOLUTE.as_secs()), Some(3600), None),
        (strict, Some(7200), Some(3600), None),
        (
            free,
            Some(59),
            None,
            Some("lifetime.absolute must be 60 to 315360000 seconds"),
        ),
        (
            strict,
            Some(7201),
            None,
            Some("lifetime.absolute must be 60 to 7200 seconds"),
        ),
        (
            free,
            None,
            Some(59),
            Some("lifetime.idle must be 60 to 3600 seconds"),
        ),
        (
            strict,
            None,
            Some(3601),
            Some("lifetime.idle must be 60 to 3600 seconds"),
        ),
        (
            free,
            Some(u64::MAX),
            None,
            Some("lifetime.absolute must be 60 to 315360000 seconds"),
        ),
    ] {
        let answer = policy.check(asked(absolute, idle));
        let answer = answer.err().map(|error| error.to_string());
        assert_eq!(answer.as_deref(), error, "{absolute:?} {idle:?}");
    }
}

#[test]
fn without_limits_all_is_as_it_was() {
    let policy = policy(3600, false, None);
    let limits = policy.limits(asked(None, None), START);
    assert_eq!(limits, Limits::default());
    assert_eq!(limits.end(START, policy.idle), START.plus(secs(3600)));
    assert_eq!(limits.half_idle(&policy), None);
    assert_eq!(limits.access_validity(secs(7200), &policy), secs(7200));
}

proptest! {
    #![proptest_config(cases(500))]

    #[test]
    fn what_ends_first_counts(
        idle in 60_u64..9000,
        is_idle_timeout: bool,
        absolute in prop::option::of(60_u64..9000),
        own in (prop::option::of(60_u64..9000), prop::option::of(60_u64..9000)),
        later in 0_u64..9000,
        validity in 1_u64..9000,
    ) {
        let policy = policy(idle, is_idle_timeout, absolute);
        let limits = policy.limits(asked(own.0, own.1), START);
        let issued = START.plus(secs(later));
        let end = limits.end(issued, policy.idle);
        let longest = own.0.into_iter().chain(absolute).min();
        let ends = [Some(later + idle), own.1.map(|own| later + own), longest];
        let first = ends.into_iter().flatten().min().unwrap();
        prop_assert_eq!(end, START.plus(secs(first)));
        let access = limits.access_validity(secs(validity), &policy);
        let timeout = own.1.map_or(idle, |own| own.min(idle));
        let has_timeout = own.1.is_some() || is_idle_timeout;
        prop_assert_eq!(access, secs(if has_timeout { validity.min(timeout / 2) } else { validity }));
    }
}
