//! What a site's backend does all day: log in, verify, refresh, keep data, log out.

use std::collections::BTreeSet;
use std::time::Duration;

use session_core::log::Level;
use session_core::testing::{START, ready};

use super::{APART, SLOT, World, is_plain, json, lasting, replacement, user};
use crate::Verified;

const HOUR: Duration = Duration::from_secs(3600);

#[test]
fn a_login_gives_three_tokens_and_a_session() {
    let world = World::new(&[]);
    world.platform.advance(Duration::from_millis(7_999));
    let grant = world.create();
    let issued = START.plus(Duration::from_secs(7));
    assert_eq!(grant.access.expires, issued.plus(HOUR));
    assert_eq!(grant.refresh.expires, issued.plus(HOUR * 2400));
    assert_eq!(grant.id_refresh.expires, grant.refresh.expires);
    assert_eq!(grant.session.user_id, user("bob"));
    assert_eq!(grant.session.payload, json("{\"a\":1.0}"));
    assert!(is_plain(&world.verify(&grant.access), &grant.session));
    let data = ready(
        world
            .service
            .read_data_native(&grant.session.handle.reveal()),
    );
    assert_eq!(data, Ok(Some(json("[1e400]"))));
    let other = world.create();
    assert_ne!(other.session.handle, grant.session.handle);
    assert_ne!(other.refresh.value, grant.refresh.value);
    assert_ne!(other.id_refresh.value, grant.id_refresh.value);
}

#[test]
fn each_request_asks_the_database_as_often_as_the_design_says() {
    let world = World::new(&[]);
    world.create();
    world.store.calls();
    let grant = world.create();
    assert_eq!(world.store.calls(), ["insert"]);
    world.verify(&grant.access);
    assert_eq!(world.store.calls(), [""; 0]);
    let child = world.child(&grant.refresh);
    assert_eq!(world.store.calls(), ["find"]);
    let plain = replacement(world.verify(&child.access));
    assert_eq!(world.store.calls(), ["confirm"]);
    world.verify(&plain);
    assert_eq!(world.store.calls(), [""; 0]);
    let grandchild = world.child(&child.refresh);
    world.store.calls();
    world.child(&grandchild.refresh);
    assert_eq!(world.store.calls(), ["find", "confirm"]);
    ready(world.service.revoke_native(&grant.session.handle.reveal())).unwrap();
    assert_eq!(world.store.calls(), ["delete"]);
    world.verify(&grandchild.refresh);
    world.refresh(&grandchild.access);
    assert_eq!(world.store.calls(), [""; 0]);
}

#[test]
fn a_childs_access_token_is_replaced_once_and_expires_as_before() {
    let world = World::new(&[]);
    let grant = world.create();
    world.wait(15);
    let child = world.child(&grant.refresh);
    // Issued at the start of its slot, and good until one of the last quarter of its hour.
    let end = START.plus(SLOT).plus(HOUR);
    assert!((end.minus(HOUR / 4)..=end).contains(&child.access.expires));
    assert_eq!(child.access.expires.slot_start(SLOT), child.access.expires);
    assert_eq!(child.session, grant.session);
    world.wait(100);
    let plain = replacement(world.verify(&child.access));
    assert_eq!(plain.expires, child.access.expires);
    assert!(is_plain(&world.verify(&plain), &grant.session));
    // The lost reply of a verification is found again.
    assert_eq!(replacement(world.verify(&child.access)), plain);
    world.wait(3600);
    for token in [&child.access, &plain, &grant.access] {
        assert_eq!(world.verify(token), Verified::TryRefreshToken);
    }
}

#[test]
fn th7_refreshes_in_one_slot_return_the_same_child_to_its_last_millisecond() {
    let world = World::new(&[]);
    let grant = world.create();
    let first = world.child(&grant.refresh);
    world.platform.advance(Duration::from_millis(9_999));
    let again = world.child(&grant.refresh);
    assert_eq!(lasting(&again), lasting(&first));
    // The access tokens part: each reply draws its own expiry.
    let expiries: BTreeSet<_> = (0..20)
        .map(|_| world.child(&grant.refresh).access.expires)
        .collect();
    assert!(expiries.len() > 5, "{expiries:?}");
    world.platform.advance(Duration::from_millis(1));
    let next = world.child(&grant.refresh);
    assert_ne!(next.refresh, first.refresh);
    assert_ne!(next.id_refresh, first.id_refresh);
    assert_ne!(next.access, first.access);
    // The one that is used first goes on, and the holder of the other one gets it.
    replacement(world.verify(&first.access));
    assert_eq!(world.verify(&next.access), Verified::TryRefreshToken);
    assert_eq!(lasting(&world.child(&next.refresh)), lasting(&first));
}

#[test]
fn a_window_of_zero_makes_every_child_another_one() {
    let world = World::new(&[("refresh_reuse_window", "0")]);
    let grant = world.create();
    world.platform.advance(Duration::from_millis(1_500));
    let (one, two) = (world.child(&grant.refresh), world.child(&grant.refresh));
    assert_ne!(one.refresh, two.refresh);
    assert_eq!(one.access.expires, START.plus(Duration::from_secs(3601)));
}

#[test]
fn th8_ten_lost_replies_cost_nothing() {
    let world = World::new(&[]);
    let grant = world.create();
    let mut last = grant.clone();
    for _ in 0..10 {
        world.wait(APART);
        last = world.child(&grant.refresh);
    }
    let plain = replacement(world.verify(&last.access));
    assert!(is_plain(&world.verify(&plain), &grant.session));
    assert!(world.platform.logged(Level::Warn).is_empty());
}

#[test]
fn data_is_replaced_and_removed() {
    let world = World::new(&[]);
    let handle = world.create().session.handle.reveal();
    for data in [json("null"), None, json("{\"b\":1,\"b\":2}")] {
        let written = ready(world.service.write_data_native(&handle, data.as_ref()));
        assert_eq!(written, Ok(true));
        assert_eq!(
            ready(world.service.read_data_native(&handle)),
            Ok(Some(data))
        );
    }
    for handle in ["", "x", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"] {
        assert_eq!(ready(world.service.read_data_native(handle)), Ok(None));
        assert_eq!(
            ready(world.service.write_data_native(handle, None)),
            Ok(false)
        );
        assert_eq!(ready(world.service.revoke_native(handle)), Ok(false));
    }
}

#[test]
fn nothing_secret_is_logged() {
    let world = World::new(&[]);
    let grant = world.create();
    let child = world.child(&grant.refresh);
    replacement(world.verify(&child.access));
    world.wait(APART);
    world.refresh(&grant.refresh);
    world.verify(&grant.refresh);
    world.refresh(&grant.access);
    world.wait(100_000_000);
    world.verify(&child.access);
    world.refresh(&child.refresh);
    let lines = world.platform.lines();
    assert!(lines.len() > 4);
    for (_, line) in lines {
        for secret in [
            &grant.access.value,
            &grant.refresh.value,
            &child.refresh.value,
            &grant.session.handle.reveal(),
            "bob",
            "1e400",
        ] {
            assert!(!line.contains(secret), "{line}");
        }
    }
    assert_ne!(world.platform.logged(Level::Warn), [""; 0]);
}
