//! Pages of a user's sessions.

use std::time::Duration;

use session_core::domain::protocol::Protocol;
use session_core::domain::time::Timestamp;
use session_core::domain::token::header::{CdiFormat, CdiTokenVersion, TokenFormat};
use session_core::domain::token::key::Class;
use session_core::testing::{START, ready};

use super::{APART, World, child, json, login, user};
use crate::{Page, TokenOptions};

pub(super) const CDI: TokenOptions = TokenOptions {
    form: TokenFormat::Cdi(CdiFormat {
        version: CdiTokenVersion::V5,
        class: Class::Dynamic,
    }),
    anti_csrf: false,
    tolerates_races: false,
};

/// A user with so many sessions of each protocol.
fn world(native: usize, cdi: usize) -> World {
    let world = World::new(&[]);
    for (count, options) in [(native, TokenOptions::NATIVE), (cdi, CDI)] {
        for _ in 0..count {
            ready(
                world
                    .service
                    .create(login(user("bob"), None, None), options),
            )
            .unwrap();
        }
    }
    world.store.calls();
    world
}

fn page(world: &World, after: &Page) -> Page {
    let bob = user("bob");
    let list = world.service.list(Protocol::Native, &bob, after.next, 100);
    ready(list).unwrap()
}

#[test]
fn few_sessions_among_many_of_the_other_protocol_take_one_page() {
    let world = world(3, 2300);
    let first = page(&world, &Page::default());
    assert_eq!((first.sessions.len(), first.next), (3, None));
    assert_eq!(world.store.calls(), ["list_user"; 4]);
}

#[test]
fn pages_are_full_and_leave_none_out() {
    for (native, cdi) in [(100, 0), (200, 0), (230, 400), (101, 1001), (0, 0)] {
        let world = world(native, cdi);
        let (mut seen, mut last) = (Vec::new(), Page::default());
        loop {
            last = page(&world, &last);
            seen.extend(
                last.sessions
                    .iter()
                    .map(|session| session.handle.unwrap().hash()),
            );
            if last.next.is_none() {
                break;
            }
            assert_eq!(last.sessions.len(), 100);
        }
        assert_eq!(seen.len(), native);
        assert!(seen.is_sorted(), "none twice");
    }
}

#[test]
fn a_page_comes_in_time_though_it_is_not_full() {
    let world = world(3, 2300);
    for _ in 0..9 {
        let platform = std::sync::Arc::clone(&world.platform);
        let slow = move || platform.advance(Duration::from_secs(1));
        world.store.before("list_user", slow);
    }
    let first = page(&world, &Page::default());
    assert_eq!(world.store.calls(), ["list_user"; 2]);
    assert!(first.next.is_some());
    let second = page(&world, &first);
    assert_eq!(first.sessions.len() + second.sessions.len(), 3);
}

/// Rows from before handles were sealed, or under a master key that is gone: a device that nobody can name is still there.
#[test]
fn a_session_without_a_known_handle_is_in_the_list() {
    let world = world(1, 1);
    let mut rows = world.store.sessions();
    for (number, row) in rows.values_mut().enumerate() {
        row.sealed = (number > 0).then(|| "x".repeat(32));
    }
    world.store.replace_sessions(&rows);
    let page = page(&world, &Page::default());
    assert_eq!(page.sessions.len(), 2);
    assert!(page.sessions.iter().all(|session| session.handle.is_none()));
    let bob = user("bob");
    let named = world.service.list_all(Protocol::Native, &bob);
    assert_eq!(ready(named), Ok(Vec::new()));
}

#[test]
fn the_list_says_who_is_active_where() {
    let world = World::new(&[]);
    let mut login = login(user("bob"), None, None);
    login.client = json("{ \"userAgent\": \"a\" }");
    let grant = ready(world.service.create(login, TokenOptions::NATIVE)).unwrap();
    let listed = |world: &World| {
        let listed = page(world, &Page::default()).sessions.remove(0);
        let since = |at: Option<Timestamp>| at.unwrap().since(START).as_secs();
        let client = listed.client.map(|client| client.as_str().to_owned());
        (
            since(Some(listed.created_at)),
            since(listed.last_active_at),
            client.unwrap(),
        )
    };
    let first = "{ \"userAgent\": \"a\" }".to_owned();
    assert_eq!(listed(&world), (0, 0, first.clone()));
    // Only what confirms is noted: a refresh of the current token may be one whose reply is lost.
    world.wait(APART);
    let other = json("\"b\"");
    let refresh = |token: &str| {
        let refresh =
            world
                .service
                .refresh(token, None, other.as_ref(), None, TokenOptions::NATIVE);
        child(ready(refresh).unwrap())
    };
    let second = refresh(&grant.refresh.value);
    assert_eq!(listed(&world), (0, 0, first.clone()));
    world.verify(&second.access);
    assert_eq!(listed(&world), (0, APART, first));
    world.wait(APART);
    let third = refresh(&second.refresh.value);
    world.wait(APART);
    refresh(&third.refresh.value);
    assert_eq!(listed(&world), (0, 2 * APART, "\"b\"".to_owned()));
}
