//! The published key set: whoever keeps it as long as allowed knows every key, and the database hardly notices.

use std::collections::BTreeSet;
use std::sync::Arc;

use session_core::testing::ready;

use super::keys::kid;
use super::{TestService, World};

const SETTINGS: [(&str, &str); 2] = [
    ("access_token_algorithm", "EdDSA"),
    ("access_token_signing_key_update_interval", "1"),
];

fn set_of(service: &TestService) -> Arc<str> {
    ready(service.key_set()).unwrap().unwrap()
}

/// One instance signs, another one publishes and checks, and no tick makes the next key ahead of time.
#[test]
fn a_set_that_was_kept_for_a_minute_has_the_key_of_every_token() {
    for (phase, apart) in (0..6).flat_map(|phase| (0..6).map(move |apart| (phase, apart))) {
        let world = World::new(&SETTINGS);
        let publishes = world.instance(&SETTINGS);
        world.create();
        world.wait(3600 - 120);
        world.create();
        world.wait(apart * 10);
        let mut kids = BTreeSet::new();
        let mut set = set_of(&publishes);
        for step in 0..33 {
            if step % 6 == phase {
                set = set_of(&publishes);
            }
            let token = world.create().access;
            ready(publishes.verify_native(&token.value)).unwrap();
            let kid = kid(&token.value);
            assert!(
                set.contains(&format!(r#""kid":"{kid}""#)),
                "{phase}, {apart}, {step}: no {kid} in {set}"
            );
            kids.insert(kid);
            world.wait(10);
        }
        assert_eq!(kids.len(), 2, "the key has changed");
    }
}

#[test]
fn readers_of_the_set_ask_the_database_four_times_a_minute_and_go_on_without_it() {
    let world = World::new(&SETTINGS);
    let set = set_of(&world.service);
    world.store.calls();
    for _ in 0..60 {
        world.wait(1);
        assert_eq!(set_of(&world.service), set);
    }
    assert_eq!(world.store.calls(), ["keys"; 4]);
    world.store.fail(&["*"]);
    for _ in 0..60 {
        world.wait(1);
        assert_eq!(set_of(&world.service), set);
    }
    assert!(world.store.calls().len() <= 12, "one try in five seconds");
}
