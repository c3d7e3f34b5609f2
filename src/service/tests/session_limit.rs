//! The limit on a user's sessions.

use session_core::testing::ready;

use super::{World, create, create_as, user};
use crate::{ServiceError, TokenOptions};

const LIMIT: (&str, &str) = ("max_sessions_per_user", "3");

fn live(world: &World) -> usize {
    let bob = user("bob");
    let handles = world.service.list_all(Default::default(), &bob);
    ready(handles).unwrap().len()
}

#[test]
fn the_oldest_sessions_end() {
    let world = World::new(&[LIMIT]);
    create(&world.service, "eve");
    let mut grants = Vec::new();
    for number in 1..=5 {
        world.store.calls();
        grants.push(world.create());
        let calls = world.store.calls();
        match number {
            ..=3 => assert_eq!(calls[calls.len() - 2..], ["insert", "by_age"]),
            _ => assert_eq!(calls, ["insert", "by_age", "delete_batch"]),
        }
        world.wait(1);
        assert_eq!(live(&world), number.min(3));
    }
    for (number, grant) in grants.iter().enumerate() {
        let read = ready(
            world
                .service
                .read_data_native(&grant.session.handle.reveal()),
        );
        assert_eq!(read.unwrap().is_some(), number >= 2, "{number}");
    }
    // A session of now is not trimmed as the oldest where this clock is behind the others'.
    world.platform.set_now(session_core::testing::START);
    let own = world.create();
    let read = ready(world.service.read_data_native(&own.session.handle.reveal()));
    assert!(read.unwrap().is_some());
}

#[test]
fn or_the_login_is_refused_and_leaves_nothing() {
    let world = World::new(&[LIMIT, ("on_session_limit", "refuse")]);
    let grants: Vec<_> = (0..3).map(|_| world.create()).collect();
    world.wait(1);
    let again = || ready(create_as(&world.service, "bob", TokenOptions::NATIVE));
    assert_eq!(again(), Err(ServiceError::TooManySessions));
    assert_eq!(world.store.calls().last(), Some(&"revoke"));
    assert_eq!((live(&world), world.store.sessions().len()), (3, 3));
    ready(
        world
            .service
            .revoke_native(&grants[0].session.handle.reveal()),
    )
    .unwrap();
    assert!(again().is_ok());
    // SDKs know no such answer.
    let cdi = ready(create_as(&world.service, "bob", super::list::CDI));
    assert!(cdi.is_ok());
    assert_eq!(world.store.sessions().len(), 3);
}

/// Whatever interrupts it: a caller that got an error has no session, or one that nobody can use.
#[test]
fn a_database_that_fails_after_the_insert_is_a_failure() {
    for operation in ["by_age", "delete_batch"] {
        let world = World::new(&[LIMIT]);
        for _ in 0..3 {
            world.create();
        }
        world.wait(1);
        world.store.fail(&[operation]);
        let answer = ready(create_as(&world.service, "bob", TokenOptions::NATIVE));
        assert!(super::is_unavailable(&answer), "{operation}");
        assert_eq!(world.store.sessions().len(), 3);
    }
}
