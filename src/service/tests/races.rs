//! Requests that meet: what happened between a request's look and its step.

use std::sync::Arc;
use std::time::Duration;

use session_core::testing::{START, ready};

use super::{APART, World, child, create, lasting, replacement, user};
use crate::{Grant, Refreshed, Verified};

/// Presents `token` while, after the look and before the compare-and-set, `meanwhile` happens.
fn refresh_while(
    world: &World,
    token: &str,
    meanwhile: impl FnOnce(&super::TestService) + Send + 'static,
) -> Refreshed {
    let service = Arc::clone(&world.service);
    world.store.before("confirm", move || meanwhile(&service));
    ready(world.service.refresh_native(token)).unwrap()
}

fn use_it(service: &super::TestService, token: &str) -> Grant {
    let grant = child(ready(service.refresh_native(token)).unwrap());
    replacement(ready(service.verify_native(&grant.access.value)).unwrap());
    grant
}

/// Two requests with the same child: one is answered, and its answer used, while the other waits.
#[test]
fn th7_a_refresh_that_was_overtaken_by_its_twin_is_no_theft() {
    let world = World::new(&[]);
    let grant = world.create();
    let c = world.child(&grant.refresh);
    let token = c.refresh.value.clone();
    let answer = refresh_while(&world, &c.refresh.value, move |service| {
        use_it(service, &token);
    });
    let g = child(answer);
    // It is the very child that the other one got, and good.
    let next = world.child(&g.refresh);
    replacement(world.verify(&next.access));
}

#[test]
fn a_twin_that_was_answered_in_the_next_slot_is_no_theft() {
    let world = World::new(&[]);
    let grant = world.create();
    let c = world.child(&grant.refresh);
    let (token, platform) = (c.refresh.value.clone(), Arc::clone(&world.platform));
    let answer = refresh_while(&world, &c.refresh.value, move |service| {
        platform.advance(Duration::from_secs(10));
        use_it(service, &token);
    });
    child(answer);
}

/// The slot in which both began is one that the request has seen, whatever the clock says afterwards.
#[test]
fn a_clock_that_is_set_back_between_twins_is_no_theft() {
    for set_back_first in [false, true] {
        let world = World::new(&[]);
        let grant = world.create();
        let c = world.child(&grant.refresh);
        let (token, platform) = (c.refresh.value.clone(), Arc::clone(&world.platform));
        let set_back = move || platform.set_now(START.minus(Duration::from_secs(1)));
        let answer = refresh_while(&world, &c.refresh.value, move |service| {
            if set_back_first {
                set_back();
                use_it(service, &token);
            } else {
                use_it(service, &token);
                set_back();
            }
        });
        child(answer);
    }
}

#[test]
fn a_twin_whose_child_was_refreshed_already_gets_what_came_of_it() {
    let world = World::new(&[]);
    let grant = world.create();
    let c = use_it(&world.service, &grant.refresh.value);
    let g = use_it(&world.service, &c.refresh.value);
    let late = world.child(&grant.refresh);
    assert_eq!(late.refresh, g.refresh);
    replacement(world.verify(&late.access));
    world.child(&late.refresh);
    // Outside the race it is as ever.
    world.wait(APART);
    let detected = Refreshed::TheftDetected(grant.session.handle, user("bob"));
    assert_eq!(world.refresh(&grant.refresh), detected);
}

#[test]
fn a_twin_that_comes_after_the_race_is_theft() {
    let world = World::new(&[]);
    let grant = world.create();
    use_it(&world.service, &grant.refresh.value);
    child(world.refresh(&grant.refresh));
    world.wait(APART);
    let detected = Refreshed::TheftDetected(grant.session.handle, user("bob"));
    assert_eq!(world.refresh(&grant.refresh), detected);
}

#[test]
fn without_a_window_every_twin_is_another_branch() {
    let world = World::new(&[("refresh_reuse_window", "0")]);
    let grant = world.create();
    let c = world.child(&grant.refresh);
    let token = c.refresh.value.clone();
    let answer = refresh_while(&world, &c.refresh.value, move |service| {
        use_it(service, &token);
    });
    let detected = Refreshed::TheftDetected(grant.session.handle, user("bob"));
    assert_eq!(answer, detected);
}

#[test]
fn a_rival_child_that_was_faster_wins() {
    let world = World::new(&[]);
    let grant = world.create();
    let c = world.child(&grant.refresh);
    world.wait(APART);
    let rival = world.child(&grant.refresh);
    let access = rival.access.value.clone();
    let answer = refresh_while(&world, &c.refresh.value, move |service| {
        replacement(ready(service.verify_native(&access)).unwrap());
    });
    assert_eq!(
        answer,
        Refreshed::TheftDetected(grant.session.handle, user("bob"))
    );
}

#[test]
fn a_twin_that_only_confirmed_changes_nothing() {
    let world = World::new(&[]);
    let grant = world.create();
    let c = world.child(&grant.refresh);
    let access = c.access.value.clone();
    let answer = refresh_while(&world, &c.refresh.value, move |service| {
        replacement(ready(service.verify_native(&access)).unwrap());
    });
    let g = child(answer);
    replacement(world.verify(&g.access));
}

/// CC3: nothing succeeds after the session was deleted, and its row never comes back.
#[test]
fn a_logout_between_look_and_step_wins() {
    let world = World::new(&[]);
    let grant = world.create();
    let c = world.child(&grant.refresh);
    let handle = grant.session.handle.reveal();
    let answer = refresh_while(&world, &c.refresh.value, move |service| {
        assert_eq!(ready(service.revoke_native(&handle)), Ok(true));
    });
    assert_eq!(answer, Refreshed::Unauthorised);
    assert_eq!(world.verify(&c.access), Verified::Unauthorised);
    assert_eq!(world.refresh(&grant.refresh), Refreshed::Unauthorised);
}

/// CC1, CC2 on two instances of one deployment: all get the same child, and exactly one can be confirmed.
#[tokio::test]
async fn sixty_four_refreshes_at_once_are_one() {
    let world = World::new(&[]);
    let grant = create(&world.service, "bob");
    let other = world.instance(&[]);
    world.store.slow();
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..64 {
        let service = Arc::clone(if number % 2 == 0 {
            &world.service
        } else {
            &other
        });
        let token = grant.refresh.value.clone();
        tasks.spawn(async move { child(service.refresh_native(&token).await.unwrap()) });
    }
    let children = tasks.join_all().await;
    let first = lasting(&children[0]);
    assert!(children.iter().all(|child| lasting(child) == first));
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..64 {
        let service = Arc::clone(if number % 2 == 0 {
            &world.service
        } else {
            &other
        });
        let token = children[0].access.value.clone();
        tasks.spawn(async move { replacement(service.verify_native(&token).await.unwrap()) });
    }
    let tokens = tasks.join_all().await;
    assert!(tokens.iter().all(|token| *token == tokens[0]));
    let stored =
        session_store::SessionStore::find(&*world.store, grant.session.handle.hash(), START);
    let stored = stored.await.unwrap().unwrap();
    assert_eq!(stored.generation, session_core::domain::id::Generation(1));
}
