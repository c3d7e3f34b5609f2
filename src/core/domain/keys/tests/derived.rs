//! Keys that are derived from a master key by slot.

use std::time::Duration;

use proptest::prelude::*;

use super::{HOUR, policy, signing_key};
use crate::domain::keys::{AccessKeys, MasterKey, MasterKeys, RotationPolicy};
use crate::domain::time::Timestamp;
use crate::domain::token::key::{AccessKey, Class};
use crate::testing::{START, cases};

const MILLI: Duration = Duration::from_millis(1);
const SKEW: Duration = Duration::from_secs(60);
const MARGIN: Duration = Duration::from_secs(2 * 3600);

fn master(seed: &str) -> MasterKey {
    MasterKey::parse(&seed.repeat(32)).unwrap()
}

fn derived(masters: &[MasterKey], rotation: RotationPolicy) -> AccessKeys {
    let masters = MasterKeys::of(masters, false);
    AccessKeys::derived(&masters, rotation, &[], None, None).unwrap()
}

/// 24-hour slots; tokens live three hours.
fn daily() -> RotationPolicy {
    policy(HOUR * 24, HOUR * 3)
}

/// The beginning of slot `number` of `daily`.
fn slot(number: u64) -> Timestamp {
    Timestamp::from_secs(number * 24 * 3600)
}

/// Keys show themselves by what they sign.
fn signature(key: &AccessKey) -> String {
    use crate::domain::id::{SessionHandle, UserId};
    use crate::domain::secret::SingleHash;
    use crate::domain::token::access::{AccessClaims, OptionalClaims};
    use crate::domain::token::header::TokenFormat;
    use crate::domain::token::key::Algorithm;
    let claims = AccessClaims {
        user_id: UserId::parse("bob").unwrap(),
        handle: SessionHandle::from_bytes([1; 24]),
        issued_at: START,
        expires_at: START,
        refresh: SingleHash::of_token("t").double(),
        parent: None,
        anti_csrf: None,
        key: None,
        optional: OptionalClaims::default(),
        payload: None,
    };
    let token = claims.sign(key, Algorithm::Hs256, TokenFormat::Native);
    token.rsplit_once('.').unwrap().1.to_owned()
}

#[test]
fn a_slots_key_signs_from_its_first_to_its_last_millisecond() {
    let one = master("1");
    let keys = derived(std::slice::from_ref(&one), daily());
    let kid = |now| keys.signing(Class::Dynamic, now).kid().to_owned();
    let name = |number: u64| format!("{number}.24.{}", one.fingerprint());
    assert_eq!(kid(slot(19_675)), name(19_675));
    assert_eq!(kid(slot(19_676).minus(MILLI)), name(19_675));
    assert_eq!(kid(slot(19_676)), name(19_676));
}

#[test]
fn a_slots_key_is_good_until_its_last_token_and_refused_long_before_and_after() {
    let one = master("1");
    let keys = derived(std::slice::from_ref(&one), daily());
    let name = format!("19675.24.{}", one.fingerprint());
    let known = |now| keys.named(Class::Dynamic, &name, now).is_some();
    let (first, last) = (
        slot(19_675).minus(SKEW),
        slot(19_676).plus(HOUR * 3 + MARGIN),
    );
    assert!(known(first) && known(last));
    assert!(!known(first.minus(MILLI)) && !known(last.plus(MILLI)));
    for far in ["0", "1", "99999999", "18446744073709551615"] {
        let name = format!("{far}.24.{}", one.fingerprint());
        assert!(keys.named(Class::Dynamic, &name, START).is_none(), "{name}");
    }
}

#[test]
fn without_rotation_one_key_is_good_for_ever() {
    let rotation = RotationPolicy {
        dynamic: false,
        ..daily()
    };
    let one = master("1");
    let keys = derived(std::slice::from_ref(&one), rotation);
    let name = format!("0.0.{}", one.fingerprint());
    for now in [Timestamp::EPOCH, START, Timestamp::from_millis(u64::MAX)] {
        assert_eq!(keys.signing(Class::Dynamic, now).kid(), name);
        assert!(keys.named(Class::Dynamic, &name, now).is_some());
    }
}

#[test]
fn only_names_that_are_written_so_name_a_key() {
    let one = master("1");
    let keys = derived(std::slice::from_ref(&one), daily());
    let (print, number) = (one.fingerprint(), START.as_secs() / 3600 / 24);
    assert!(
        keys.named(Class::Dynamic, &format!("{number}.24.{print}"), START)
            .is_some()
    );
    for name in [
        String::new(),
        "1".to_owned(),
        format!("{number}"),
        format!("{number}.24"),
        format!("{number}.24."),
        format!("{number}.24.{}", &print[1..]),
        format!("{number}.24.{print}."),
        format!("{number}.24.{print}.{print}"),
        format!("{number}.24.{}", master("2").fingerprint()),
        format!("-1.24.{print}"),
        format!("x.24.{print}"),
        format!("{number}.x.{print}"),
        format!("{number}.721.{print}"),
        format!(".24.{print}"),
        format!("99999999999999999999.24.{print}"),
        format!("18446744073709551615.720.{print}"),
    ] {
        assert!(keys.named(Class::Dynamic, &name, START).is_none(), "{name}");
    }
}

#[test]
fn the_first_of_two_masters_signs_and_both_verify() {
    let (old, new) = (master("1"), master("2"));
    let before = derived(std::slice::from_ref(&old), daily());
    let published = derived(&[old.clone(), new.clone()], daily());
    let swapped = derived(&[new.clone(), old.clone()], daily());
    let after = derived(std::slice::from_ref(&new), daily());
    let is_of = |keys: &AccessKeys, master: &MasterKey| {
        keys.signing(Class::Dynamic, START)
            .kid()
            .ends_with(master.fingerprint())
    };
    assert!(is_of(&before, &old) && is_of(&published, &old));
    assert!(is_of(&swapped, &new) && is_of(&after, &new));
    // Each step of a change accepts what the one before and the one after sign.
    for (signer, verifier) in [
        (&before, &published),
        (&published, &before),
        (&published, &swapped),
        (&swapped, &published),
        (&swapped, &after),
        (&after, &swapped),
    ] {
        let key = signer.signing(Class::Dynamic, START);
        let found = verifier.named(Class::Dynamic, key.kid(), START).unwrap();
        assert_eq!(signature(&found), signature(&key));
    }
    assert!(
        after
            .named(
                Class::Dynamic,
                before.signing(Class::Dynamic, START).kid(),
                START
            )
            .is_none()
    );
    assert!(AccessKeys::derived(&MasterKeys::default(), daily(), &[], None, None).is_none());
}

#[test]
fn a_change_of_the_interval_strands_no_token() {
    let one = master("1");
    let daily = derived(std::slice::from_ref(&one), daily());
    let hourly = derived(std::slice::from_ref(&one), policy(HOUR, HOUR * 3));
    for (before, after) in [(&daily, &hourly), (&hourly, &daily)] {
        let key = before.signing(Class::Dynamic, START);
        let found = after
            .named(Class::Dynamic, key.kid(), START.plus(HOUR * 3))
            .unwrap();
        assert_eq!(signature(&found), signature(&key));
        assert_ne!(
            signature(&after.signing(Class::Dynamic, START)),
            signature(&key)
        );
    }
}

#[test]
fn generations_from_before_verify_but_sign_no_more() {
    let earlier = [signing_key(3, START), signing_key(4, START.plus(HOUR))];
    let masters = MasterKeys::of(&[master("1")], false);
    let keys = AccessKeys::derived(&masters, daily(), &earlier, None, None).unwrap();
    let table = AccessKeys::generations(&earlier).unwrap();
    for name in ["3", "4"] {
        let (found, there) = (
            keys.named(Class::Dynamic, name, START),
            table.named(Class::Dynamic, name, START),
        );
        assert_eq!(signature(&found.unwrap()), signature(&there.unwrap()));
    }
    assert!(keys.named(Class::Dynamic, "5", START).is_none());
    assert!(keys.signing(Class::Dynamic, START).kid().contains(".24."));
}

#[test]
fn before_the_master_key_signs_generations_do_and_both_verify() {
    let earlier = [signing_key(3, START), signing_key(4, START.plus(HOUR))];
    let masters = MasterKeys::of(&[master("1")], true);
    let keys = AccessKeys::derived(&masters, daily(), &earlier, None, None).unwrap();
    assert_eq!(keys.signing(Class::Dynamic, START).kid(), "3");
    assert_eq!(keys.signing(Class::Dynamic, START.plus(HOUR)).kid(), "4");
    let to_come = derived(&[master("1")], daily()).signing(Class::Dynamic, START);
    assert!(keys.named(Class::Dynamic, to_come.kid(), START).is_some());
    assert!(AccessKeys::derived(&masters, daily(), &[], None, None).is_none());
}

#[test]
fn a_key_file_is_one_key_named_after_it() {
    let (one, two) = (AccessKeys::file(&[1; 32]), AccessKeys::file(&[2; 40]));
    let (kid, other) = (
        one.signing(Class::Dynamic, START),
        two.signing(Class::Dynamic, START),
    );
    assert_ne!(kid.kid(), other.kid());
    assert!(
        one.named(Class::Dynamic, kid.kid(), Timestamp::EPOCH)
            .is_some()
    );
    assert!(one.named(Class::Dynamic, other.kid(), START).is_none());
    assert!(!kid.kid().contains("0101"));
}

proptest! {
    #![proptest_config(cases(300))]

    /// Every instance with the master key knows every key, all of a token's life, with clocks 60 s apart and
    /// whatever else it has looked up meanwhile.
    #[test]
    fn every_instance_knows_every_key_while_its_tokens_live(
        at in 0_u64..10_000_000_000,
        hours in 1_u32..=720,
        validity in 10_u64..10_000_000,
        lived in 0.0..1.0_f64,
        skew in 0_u64..=60_000,
        others in prop::collection::vec(0_u64..100_000_000, 0..12),
    ) {
        let rotation = policy(HOUR * hours, Duration::from_secs(validity));
        let (signer, verifier) = (derived(&[master("1")], rotation), derived(&[master("1")], rotation));
        let now = Timestamp::from_secs(at);
        let key = signer.signing(Class::Dynamic, now);
        for other in others {
            verifier.signing(Class::Dynamic, Timestamp::from_secs(at + other));
        }
        let later = now.plus(Duration::from_millis((lived * validity as f64 * 1000.0) as u64));
        for now in [now.minus(Duration::from_millis(skew)), later.plus(Duration::from_millis(skew))] {
            let found = verifier.named(Class::Dynamic, key.kid(), now);
            prop_assert_eq!(found.map(|key| signature(&key)), Some(signature(&key)));
        }
    }
}
