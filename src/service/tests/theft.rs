//! A token that two parties hold: what is reported, revoked, and in which order.

use session_core::log::Level;
use session_core::testing::ready;

use super::{APART, World, child, create, is_unavailable, replacement, user};
use crate::{Grant, Refreshed, Verified};

/// A session whose first refresh token has been replaced; presenting it again is theft.
fn stolen(world: &World) -> Grant {
    let grant = world.create();
    let child = world.child(&grant.refresh);
    replacement(world.verify(&child.access));
    world.wait(APART);
    // The keys are looked at again.
    create(&world.service, "eve");
    grant
}

fn detected(grant: &Grant) -> Refreshed {
    Refreshed::TheftDetected(grant.session.handle, user("bob"))
}

#[test]
fn a_report_changes_nothing() {
    let world = World::new(&[]);
    let grant = stolen(&world);
    world.store.calls();
    for _ in 0..3 {
        assert_eq!(world.refresh(&grant.refresh), detected(&grant));
    }
    assert_eq!(world.store.calls(), ["find"; 3]);
    let warnings = world.platform.logged(Level::Warn);
    assert_eq!(warnings.len(), 3);
    assert!(warnings[0].contains(grant.session.handle.hash().as_str()));
}

#[test]
fn the_session_is_revoked_before_the_reply() {
    let world = World::new(&[("on_token_theft", "revoke_session")]);
    let other = world.create();
    let grant = stolen(&world);
    world.store.calls();
    assert_eq!(world.refresh(&grant.refresh), detected(&grant));
    assert_eq!(world.store.calls(), ["find", "revoke"]);
    assert_eq!(world.refresh(&grant.refresh), Refreshed::Unauthorised);
    world.child(&other.refresh);
}

#[test]
fn all_of_the_users_sessions_are_revoked_the_stolen_one_last() {
    let world = World::new(&[("on_token_theft", "revoke_user")]);
    let (other, stranger) = (world.create(), create(&world.service, "eve"));
    let grant = stolen(&world);
    world.store.calls();
    assert_eq!(world.refresh(&grant.refresh), detected(&grant));
    assert_eq!(world.store.calls(), ["find", "delete_user", "revoke"]);
    assert_eq!(world.refresh(&grant.refresh), Refreshed::Unauthorised);
    assert_eq!(world.refresh(&other.refresh), Refreshed::Unauthorised);
    world.child(&stranger.refresh);
}

/// TH5: whatever interrupts it, the theft was reported or can be seen again.
#[test]
fn an_interrupted_revocation_can_still_be_seen() {
    for (policy, failing) in [
        ("revoke_session", "revoke"),
        ("revoke_user", "delete_user"),
        ("revoke_user", "revoke"),
    ] {
        let world = World::new(&[("on_token_theft", policy)]);
        let other = world.create();
        let grant = stolen(&world);
        world.store.fail(&[failing]);
        let answer = ready(world.service.refresh_native(&grant.refresh.value));
        assert!(is_unavailable(&answer), "{policy}, {failing}");
        world.store.fail(&[]);
        assert_eq!(
            world.refresh(&grant.refresh),
            detected(&grant),
            "{policy}, {failing}"
        );
        assert_eq!(world.refresh(&grant.refresh), Refreshed::Unauthorised);
        let survives = matches!(world.refresh(&other.refresh), Refreshed::Ok(_));
        assert_eq!(survives, policy == "revoke_session");
    }
}

#[test]
fn th2_the_victim_goes_first() {
    let world = World::new(&[]);
    let grant = world.create();
    let victim = world.child(&grant.refresh);
    replacement(world.verify(&victim.access));
    world.wait(APART);
    assert_eq!(world.refresh(&grant.refresh), detected(&grant));
}

#[test]
fn th3_the_attacker_goes_first() {
    for victim_has_a_child in [false, true] {
        let world = World::new(&[]);
        let grant = world.create();
        let own = world.child(&grant.refresh);
        world.wait(APART);
        let attacker = world.child(&grant.refresh);
        replacement(world.verify(&attacker.access));
        if victim_has_a_child {
            assert_eq!(world.verify(&own.access), Verified::TryRefreshToken);
            assert_eq!(world.refresh(&own.refresh), detected(&grant));
        } else {
            world.wait(APART);
            assert_eq!(world.refresh(&grant.refresh), detected(&grant));
        }
    }
}

#[test]
fn th4_an_attacker_who_sleeps_is_seen_when_it_wakes() {
    let world = World::new(&[]);
    let grant = world.create();
    let asleep = world.child(&grant.refresh);
    world.wait(APART);
    let mut victim = world.child(&grant.refresh);
    for _ in 0..3 {
        replacement(world.verify(&victim.access));
        world.wait(APART);
        victim = world.child(&victim.refresh);
    }
    assert_eq!(world.verify(&asleep.access), Verified::TryRefreshToken);
    assert_eq!(world.refresh(&asleep.refresh), detected(&grant));
}

/// DB9: refresh tokens ahead of a restored backup are refused with a warning, without revoking anything.
#[test]
fn db9_a_restored_backup_is_no_theft() {
    let world = World::new(&[("on_token_theft", "revoke_user")]);
    let grant = world.create();
    // Two steps ahead: C was confirmed, G never, and C's confirmation is lost with the backup.
    let c = world.child(&grant.refresh);
    let backup = world.store.sessions();
    let g = world.child(&c.refresh);
    let handle = grant.session.handle;
    ready(world.service.revoke_native(&handle.reveal())).unwrap();
    world.store.replace_sessions(&backup);
    world.store.calls();
    assert_eq!(world.refresh(&g.refresh), Refreshed::Unauthorised);
    assert_eq!(world.store.calls(), ["find"]);
    let warnings = world.platform.logged(Level::Warn);
    assert!(warnings[0].contains("backup"), "{warnings:?}");
    child(world.refresh(&c.refresh));
}
