//! Signing keys over time: published when overdue, found when new, kept in a file, or unreadable.

use std::sync::Arc;

use session_core::domain::time::Timestamp;
use session_core::log::Level;
use session_core::testing::{START, config, ready};
use session_store::{KeyRow, KeyStore};

use super::keys::{generation, kid, names};
use super::{World, create, is_plain, misconfigured, user};
use crate::{Service, Verified};

#[test]
fn a_key_that_another_instance_has_just_published_is_found() {
    let world = World::new(&[]);
    world.create();
    // Far ahead, another instance rotates: it makes the key that will sign in 90 s.
    world.wait(24 * 3600);
    let other = world.instance(&[]);
    create(&other, "bob");
    assert_eq!(names(&world).len(), 3);
    let world_grant = world.create();
    assert_eq!(generation(&world_grant.access.value), 1);
    world.wait(90);
    let grant = create(&other, "bob");
    assert_eq!(generation(&grant.access.value), 2);
    assert!(is_plain(&world.verify(&grant.access), &grant.session));
    assert!(is_plain(
        &ready(other.verify_native(&world_grant.access.value)).unwrap(),
        &world_grant.session
    ));
}

#[test]
fn kr4_a_key_that_cannot_be_published_stops_nobody() {
    let world = World::new(&[]);
    let grant = world.create();
    world.wait(24 * 3600);
    world.store.fail(&["add_keys"]);
    let later = world.create();
    assert_eq!(kid(&later.access.value), kid(&grant.access.value));
    assert_eq!(names(&world).len(), 2);
    let errors = world.platform.logged(Level::Error);
    assert!(
        errors[0].contains("signing_key_not_published"),
        "{errors:?}"
    );
}

#[test]
fn keys_that_do_not_rotate_stay() {
    let world = World::new(&[("access_token_signing_key_dynamic", "false")]);
    world.create();
    world.wait(400 * 24 * 3600);
    assert_eq!(generation(&world.create().access.value), 1);
    assert_eq!(names(&world).len(), 2);
}

#[test]
fn a_key_file_signs_instead_and_verifies_without_a_database() {
    let world = World::new(&[]);
    let service = |file: &[u8]| {
        let (store, platform) = (Arc::clone(&world.store), Arc::clone(&world.platform));
        let settings = [("access_token_signing_key_path", "/keys/key")];
        Service::new(store, platform, config(&settings), Some(file))
    };
    let grant = create(&service(&[7; 32]), "bob");
    assert!(kid(&grant.access.value).starts_with("file."));
    assert_eq!(names(&world), ["refresh_token_key"]);
    world.store.fail(&["*"]);
    let answer = ready(service(&[7; 32]).verify_native(&grant.access.value)).unwrap();
    assert!(is_plain(&answer, &grant.session));
    let answer = ready(service(&[8; 32]).verify_native(&grant.access.value)).unwrap();
    assert_eq!(answer, Verified::TryRefreshToken);
}

#[test]
fn a_row_that_holds_no_key_is_named_but_not_shown() {
    for name in ["access_token_signing_key.7", "refresh_token_key"] {
        let world = World::new(&[]);
        let row = KeyRow {
            name: name.to_owned(),
            value: "SECRET".to_owned(),
            time: START,
        };
        ready(world.store.add_keys(&[row])).unwrap();
        let message = misconfigured(ready(world.service.create_native(user("bob"), None, None)));
        assert!(
            message.contains(name) && !message.contains("SECRET"),
            "{message}"
        );
    }
    // Rows of an older system are passed over.
    let world = World::new(&[]);
    let row = KeyRow {
        name: "access_token_signing_key".to_owned(),
        value: "x".to_owned(),
        time: Timestamp::EPOCH,
    };
    ready(world.store.add_keys(&[row])).unwrap();
    world.create();
}
