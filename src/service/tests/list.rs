//! Pages of a user's sessions.

use std::time::Duration;

use session_core::domain::protocol::Protocol;
use session_core::domain::token::header::{CdiFormat, CdiTokenVersion, TokenFormat};
use session_core::domain::token::key::Class;
use session_core::testing::ready;

use super::{World, user};
use crate::{NewBinding, Page, TokenOptions};

const CDI: TokenOptions = TokenOptions {
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
            let none = NewBinding::None;
            ready(world.service.create(user("bob"), None, None, none, options)).unwrap();
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
            seen.extend(last.sessions.iter().map(|session| session.handle.hash()));
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
