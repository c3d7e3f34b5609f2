//! Sessions that end, tokens that are refused, and a database that is away.

use std::time::Duration;

use session_core::log::Level;
use session_core::testing::{START, ready};

use super::{World, create, is_plain, is_unavailable, replacement, user};
use crate::{Refreshed, Verified};

#[test]
fn rv1_after_a_logout_nothing_goes_on_but_the_plain_access_token() {
    for blacklisting in ["false", "true", "feed"] {
        let world = World::new(&[("access_token_blacklisting", blacklisting)]);
        let grant = world.create();
        let child = world.child(&grant.refresh);
        let handle = grant.session.handle.reveal();
        assert!(is_plain(&world.verify(&grant.access), &grant.session));
        assert_eq!(ready(world.service.revoke_native(&handle)), Ok(true));
        assert_eq!(ready(world.service.revoke_native(&handle)), Ok(false));
        assert_eq!(world.refresh(&grant.refresh), Refreshed::Unauthorised);
        assert_eq!(world.refresh(&child.refresh), Refreshed::Unauthorised);
        assert_eq!(world.verify(&child.access), Verified::Unauthorised);
        assert_eq!(ready(world.service.read_data_native(&handle)), Ok(None));
        assert_eq!(
            ready(world.service.write_data_native(&handle, None)),
            Ok(false)
        );
        if blacklisting == "feed" {
            world.platform.advance(Duration::from_millis(1001));
        }
        let plain = world.verify(&grant.access);
        match blacklisting {
            "false" => assert!(is_plain(&plain, &grant.session)),
            _ => assert_eq!(plain, Verified::Unauthorised),
        }
        assert!(
            world.platform.logged(Level::Warn).is_empty(),
            "TH6: no theft"
        );
    }
}

#[test]
fn rv5_blacklisting_fails_closed() {
    let world = World::new(&[("access_token_blacklisting", "true")]);
    let grant = world.create();
    world.store.fail(&["*"]);
    assert!(is_unavailable(&ready(
        world.service.verify_native(&grant.access.value)
    )));
}

/// A refresh token says when it ends, so that is when its session does. An access token doesn't say it: through it the
/// child takes the length of the day, and still is good for nothing after its announced end.
#[test]
fn a_child_from_before_a_change_of_its_validity_ends_as_announced_or_as_set_now() {
    for (before, now) in [(1, 2), (2, 1)] {
        for by_access_token in [false, true] {
            let hours = |hours: u64| hours.to_string();
            let world = World::new(&[("refresh_token_validity", &hours(before))]);
            let grant = world.create();
            let child = world.child(&grant.refresh);
            let service = world.instance(&[("refresh_token_validity", &hours(now))]);
            let confirmed = match by_access_token {
                true => ready(service.verify_native(&child.access.value)).is_ok(),
                false => ready(service.refresh_native(&child.refresh.value)).is_ok(),
            };
            assert!(confirmed);
            let lasts = if by_access_token { now } else { before };
            let ends = START.plus(Duration::from_secs(lasts * 3600));
            let handle = grant.session.handle.reveal();
            for (at, live) in [(ends.minus(Duration::from_millis(1)), true), (ends, false)] {
                world.platform.set_now(at);
                assert_eq!(
                    ready(service.read_data_native(&handle)).unwrap().is_some(),
                    live
                );
            }
            world.platform.set_now(child.refresh.expires);
            assert_eq!(world.refresh(&child.refresh), Refreshed::Unauthorised);
        }
    }
}

#[test]
fn rv4_a_session_ends_with_its_refresh_token() {
    let settings = [
        ("refresh_token_validity", "1"),
        ("access_token_validity", "86400"),
    ];
    let world = World::new(&settings);
    let grant = world.create();
    world.wait(1800);
    let child = world.child(&grant.refresh);
    world
        .platform
        .set_now(grant.refresh.expires.minus(Duration::from_millis(1)));
    world.child(&grant.refresh);
    world.platform.set_now(grant.refresh.expires);
    assert_eq!(world.refresh(&grant.refresh), Refreshed::Unauthorised);
    let handle = grant.session.handle.reveal();
    assert_eq!(ready(world.service.read_data_native(&handle)), Ok(None));
    assert_eq!(ready(world.service.revoke_native(&handle)), Ok(false));
    // The child was never used, so its later end was never announced by anything that is stored.
    assert_eq!(world.refresh(&child.refresh), Refreshed::Unauthorised);
    assert_eq!(world.verify(&child.access), Verified::Unauthorised);

    let grant = world.create();
    world.wait(1800);
    let child = world.child(&grant.refresh);
    replacement(world.verify(&child.access));
    world
        .platform
        .set_now(child.refresh.expires.minus(Duration::from_millis(1)));
    world.child(&child.refresh);
    world.platform.set_now(child.refresh.expires);
    assert_eq!(world.refresh(&child.refresh), Refreshed::Unauthorised);
}

#[test]
fn all_sessions_of_a_user_end_and_nobody_elses() {
    let world = World::new(&[]);
    let ids = ["bob", "Bob", "bob ", "bo\u{301}b", "b\u{f3}b"];
    let grants = ids.map(|id| [create(&world.service, id), create(&world.service, id)]);
    ready(world.service.revoke_all(&user("bob"), None)).unwrap();
    for (id, grants) in ids.iter().zip(&grants) {
        for grant in grants {
            let answer = world.refresh(&grant.refresh);
            assert_eq!(answer == Refreshed::Unauthorised, *id == "bob", "{id:?}");
        }
    }
}

#[test]
fn th6_foreign_and_mixed_up_tokens_are_refused_without_alarm() {
    let (world, other) = (World::new(&[]), World::new(&[]));
    other.platform.advance(Duration::from_millis(3));
    let stranger = {
        // Another deployment: other keys, drawn from other randomness.
        let platform = session_core::testing::TestPlatform::new(2);
        let service = super::instance(&other.store, &platform, &[]);
        create(&service, "bob")
    };
    let grant = world.create();
    let child = world.child(&grant.refresh);
    for token in [
        &stranger.refresh,
        &grant.access,
        &child.access,
        &grant.id_refresh,
    ] {
        assert_eq!(world.refresh(token), Refreshed::Unauthorised);
    }
    for token in [&stranger.access, &grant.refresh, &grant.id_refresh] {
        assert_eq!(world.verify(token), Verified::TryRefreshToken);
    }
    assert!(world.platform.logged(Level::Warn).is_empty());
    replacement(world.verify(&child.access));
}

#[test]
fn without_a_database_nothing_is_granted() {
    let world = World::new(&[]);
    let grant = world.create();
    let child = world.child(&grant.refresh);
    world.store.fail(&["*"]);
    let handle = grant.session.handle.reveal();
    assert!(is_unavailable(&ready(world.service.create_native(
        user("bob"),
        None,
        None
    ))));
    assert!(is_unavailable(&ready(
        world.service.refresh_native(&grant.refresh.value)
    )));
    assert!(is_unavailable(&ready(
        world.service.verify_native(&child.access.value)
    )));
    assert!(is_unavailable(&ready(world.service.revoke_native(&handle))));
    assert!(is_unavailable(&ready(
        world.service.revoke_all(&user("bob"), None)
    )));
    assert!(is_unavailable(&ready(
        world.service.read_data_native(&handle)
    )));
    assert!(is_unavailable(&ready(
        world.service.write_data_native(&handle, None)
    )));
    assert!(is_unavailable(&ready(world.service.status())));
    assert_eq!(ready(world.service.ready()), Ok(()));
    assert!(is_plain(&world.verify(&grant.access), &grant.session));
    world.store.fail(&[]);
    assert!(is_unavailable(&ready(world.service.status())));
    world.wait(1);
    assert_eq!(ready(world.service.status()), Ok(()));
    world.child(&child.refresh);
}

/// However many ask, the database is asked once a second, whatever the answer.
#[tokio::test(start_paused = true)]
async fn the_status_is_asked_once_for_all() {
    for fails in [false, true] {
        let world = World::new(&[]);
        world.create();
        world.store.slow();
        world.store.calls();
        if fails {
            world.store.fail(&["*"]);
        }
        for _ in 0..2 {
            let mut tasks = tokio::task::JoinSet::new();
            for _ in 0..16 {
                let service = std::sync::Arc::clone(&world.service);
                tasks.spawn(async move { service.status().await });
            }
            let answers = tasks.join_all().await;
            assert!(answers.iter().all(|answer| answer.is_err() == fails));
            let calls: &[&str] = if fails {
                &["count_expired"]
            } else {
                &["count_expired", "check_writable"]
            };
            assert_eq!(world.store.calls(), calls);
            world.platform.advance(std::time::Duration::from_secs(1));
        }
    }
}

/// It checks tokens as well as before, so a balancer has no reason to leave it out.
#[tokio::test(start_paused = true)]
async fn under_a_master_key_an_instance_is_ready_whatever_the_database_does() {
    let settings = [("master_key", "a master key of 32 bytes or more for this")];
    let world = World::new(&settings);
    world.create();
    for _ in 0..2 {
        world.store.hang(true);
        let service = world.instance(&settings);
        assert_eq!(service.ready().await, Ok(()));
        assert!(is_unavailable(&service.status().await));
        world.store.hang(false);
        world.store.fail(&["*"]);
        let service = world.instance(&settings);
        assert_eq!(service.ready().await, Ok(()));
        assert!(is_unavailable(&service.status().await));
        world.store.fail(&[]);
    }
    // The database's keys sign, and a new instance has none of them.
    let world = World::new(&[]);
    world.create();
    world.store.fail(&["*"]);
    assert!(is_unavailable(&world.instance(&[]).ready().await));
}
