//! The instance's keys: loaded once, looked at every minute, rotated when overdue, good while the database is away.

use std::sync::Arc;
use std::time::Duration;

use session_core::platform::Platform;
use session_core::testing::{START, TestPlatform, ready};
use session_store::{KeyRow, KeyStore};

use super::{World, create, instance, is_plain, is_unavailable, user};
use crate::Verified;

const MILLI: Duration = Duration::from_millis(1);

pub(super) fn names(world: &World) -> Vec<String> {
    let rows = ready(world.store.keys()).unwrap();
    world.store.calls();
    let names = rows.into_iter().map(|row| row.name);
    names.filter(|name| !name.starts_with("used_")).collect()
}

pub(super) fn kid(token: &str) -> String {
    use base64::Engine as _;
    let header = token.split('.').next().unwrap();
    let header = base64::engine::general_purpose::URL_SAFE_NO_PAD
        .decode(header)
        .unwrap();
    let header = String::from_utf8(header).unwrap();
    header.split('"').nth(11).unwrap().to_owned()
}

/// The generation of the key that signed a token.
pub(super) fn generation(token: &str) -> u32 {
    kid(token).split('.').next().unwrap().parse().unwrap()
}

/// A token of a key that nobody has.
fn unknown(world: &World, kid: &str) -> String {
    let token = world.create().access.value;
    let rest = token.split_once('.').unwrap().1;
    let header = format!(r#"{{"alg":"HS256","typ":"JWT","kid":"{kid}"}}"#);
    use base64::Engine as _;
    let header = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(header);
    format!("{header}.{rest}")
}

#[test]
fn the_first_request_makes_the_keys_and_others_take_them() {
    let world = World::new(&[]);
    let grant = world.create();
    assert_eq!(world.store.calls(), ["keys", "add_keys", "keys", "insert"]);
    assert_eq!(
        names(&world),
        ["access_token_signing_key.1", "refresh_token_key"]
    );
    let other = world.instance(&[]);
    assert!(is_plain(
        &ready(other.verify_native(&grant.access.value)).unwrap(),
        &grant.session
    ));
    assert_eq!(world.store.calls(), ["keys"]);
}

#[tokio::test]
async fn the_first_load_is_done_once_for_all_who_wait() {
    let world = World::new(&[]);
    world.store.slow();
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..16 {
        let service = Arc::clone(&world.service);
        tasks.spawn(async move {
            service
                .create_native(user("bob"), None, None)
                .await
                .unwrap()
        });
    }
    tasks.join_all().await;
    let calls = world.store.calls();
    let count = |name| calls.iter().filter(|call| **call == name).count();
    assert_eq!(
        (count("keys"), count("add_keys"), count("insert")),
        (2, 1, 16)
    );
}

/// CC6: of instances that make the first keys at once, one wins, and all read the winner's.
#[tokio::test]
async fn instances_that_start_at_once_agree() {
    let world = World::new(&[]);
    world.store.slow();
    let mut tasks = tokio::task::JoinSet::new();
    for seed in 0..8 {
        let platform = session_core::testing::TestPlatform::new(seed);
        let service = super::instance(&world.store, &platform, &[]);
        tasks.spawn(async move {
            (
                service
                    .create_native(user("bob"), None, None)
                    .await
                    .unwrap(),
                service,
            )
        });
    }
    let all = tasks.join_all().await;
    for (grant, _) in &all {
        for (_, service) in &all {
            let answer = service.verify_native(&grant.access.value).await.unwrap();
            assert!(is_plain(&answer, &grant.session));
            super::child(service.refresh_native(&grant.refresh.value).await.unwrap());
        }
    }
}

#[tokio::test]
async fn keys_are_fresh_for_a_minute_then_looked_at_beside_the_requests() {
    let world = World::new(&[]);
    let grant = world.create();
    world.platform.queue_tasks();
    world.store.calls();
    world.platform.advance(Duration::from_secs(60) - MILLI);
    world.verify(&grant.access);
    assert_eq!(world.platform.run_tasks().await, 0);
    world.platform.advance(MILLI);
    for _ in 0..3 {
        world.verify(&grant.access);
    }
    assert_eq!(world.store.calls(), [""; 0]);
    // One task, whoever asked.
    assert_eq!(world.platform.run_tasks().await, 1);
    assert_eq!(world.store.calls(), ["keys"]);
    world.verify(&grant.access);
    assert_eq!(world.platform.run_tasks().await, 0);
    // And again a minute later.
    world.wait(60);
    world.verify(&grant.access);
    assert_eq!(world.platform.run_tasks().await, 1);
}

#[test]
fn keys_that_are_too_old_to_sign_with_are_loaded_first() {
    let world = World::new(&[]);
    let grant = world.create();
    world.platform.queue_tasks();
    world.store.calls();
    world.platform.advance(Duration::from_secs(90) - MILLI);
    world.verify(&grant.access);
    assert_eq!(world.store.calls(), [""; 0]);
    world.platform.advance(MILLI);
    world.verify(&grant.access);
    assert_eq!(world.store.calls(), ["keys"]);
    // A clock that was set back tells nothing about their age.
    world.platform.set_now(START.minus(MILLI));
    world.verify(&grant.access);
    assert_eq!(world.store.calls(), ["keys"]);
}

#[tokio::test]
async fn while_the_database_is_away_the_keys_at_hand_go_on() {
    let world = World::new(&[]);
    let grant = world.create();
    world.platform.queue_tasks();
    world.store.fail(&["*"]);
    world.store.calls();
    world.wait(600);
    // The first one waits for the database, then nobody does for five seconds.
    assert!(is_plain(&world.verify(&grant.access), &grant.session));
    assert_eq!(world.store.calls(), ["keys"]);
    world.platform.advance(Duration::from_secs(5) - MILLI);
    assert!(is_plain(&world.verify(&grant.access), &grant.session));
    assert_eq!(world.platform.run_tasks().await, 0);
    world.platform.advance(MILLI);
    for _ in 0..3 {
        assert!(is_plain(&world.verify(&grant.access), &grant.session));
    }
    assert_eq!(world.platform.run_tasks().await, 1);
    assert_eq!(world.store.calls(), ["keys"]);
    assert!(is_unavailable(&ready(world.service.create_native(
        user("bob"),
        None,
        None
    ))));
    // It is back: found within five seconds, and nothing is signed with outdated keys before.
    world.store.fail(&[]);
    world.wait(5);
    world.store.calls();
    world.create();
    assert_eq!(world.store.calls(), ["keys", "insert"]);
    world.verify(&grant.access);
    assert_eq!(world.platform.run_tasks().await, 0);
}

/// Else sixteen requests ask a database that is away sixteen times, one after the other.
#[tokio::test(start_paused = true)]
async fn all_who_wait_for_a_load_share_its_failure() {
    for hangs in [false, true] {
        let world = World::new(&[]);
        world.store.slow();
        world.store.hang(hangs);
        world.store.fail(&["*"]);
        let begun = tokio::time::Instant::now();
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..16 {
            let service = Arc::clone(&world.service);
            tasks.spawn(async move { service.create_native(user("bob"), None, None).await });
        }
        assert!(tasks.join_all().await.iter().all(is_unavailable));
        assert_eq!(world.store.calls(), ["keys"]);
        assert!(begun.elapsed() < Duration::from_secs(2));
        // Whoever comes later asks again.
        assert!(is_unavailable(
            &world.service.create_native(user("bob"), None, None).await
        ));
        assert_eq!(world.store.calls(), ["keys"]);
    }
}

#[tokio::test]
async fn a_look_that_the_runtime_gave_up_is_followed_by_another() {
    let world = World::new(&[]);
    let grant = world.create();
    world.platform.queue_tasks();
    world.wait(60);
    world.verify(&grant.access);
    assert_eq!(world.platform.give_up_tasks(), 1);
    world.verify(&grant.access);
    assert_eq!(world.platform.run_tasks().await, 1);
}

#[test]
fn db1_without_a_database_at_the_start_there_are_no_keys_until_it_comes() {
    let world = World::new(&[]);
    world.store.fail(&["*"]);
    for _ in 0..3 {
        assert!(is_unavailable(&ready(world.service.verify_native("x"))));
        assert!(is_unavailable(&ready(world.service.refresh_native("x"))));
    }
    world.store.fail(&[]);
    world.create();
}

#[test]
fn an_unknown_key_reloads_at_most_once_in_five_seconds() {
    let world = World::new(&[]);
    let token = unknown(&world, "77");
    world.store.calls();
    let flood = || {
        for _ in 0..50 {
            let answer = ready(world.service.verify_native(&token)).unwrap();
            assert_eq!(answer, Verified::TryRefreshToken);
        }
        world.store.calls()
    };
    assert_eq!(flood(), [""; 0], "the keys have only just been loaded");
    world.platform.advance(Duration::from_secs(5) - MILLI);
    assert_eq!(flood(), [""; 0]);
    world.platform.advance(MILLI);
    assert_eq!(flood(), ["keys"]);
    // Also when that fails.
    world.wait(5);
    world.store.fail(&["*"]);
    assert_eq!(flood(), ["keys"]);
}

#[test]
fn a_key_that_was_loaded_beside_the_request_is_known_to_it() {
    let world = World::new(&[]);
    world.create();
    // An instance that has just looked, and another one that then publishes the next key.
    world.wait(24 * 3600 - 1);
    world.create();
    world.wait(1);
    create(&world.instance(&[]), "bob");
    // One whose clock is ahead signs with it, when it is time for the first to look again.
    world.wait(64);
    let ahead = TestPlatform::new(2);
    ahead.set_now(world.platform.now().plus(Duration::from_secs(50)));
    let grant = create(&instance(&world.store, &ahead, &[]), "bob");
    world.store.calls();
    assert!(is_plain(&world.verify(&grant.access), &grant.session));
    assert_eq!(world.store.calls(), ["keys"]);
}

#[test]
fn the_documented_systems_keys_are_no_obstacle() {
    let world = World::new(&[]);
    // As it writes them: standard base64 with padding.
    let rows = [
        (
            "refresh_token_key",
            "3q2+7/8AESIzRFVmd4iZqrvM3e7/ABEiM0RVZneImao=",
        ),
        ("access_token_signing_key", "any text that it likes"),
    ];
    let rows = rows.map(|(name, value)| KeyRow {
        name: name.to_owned(),
        value: value.to_owned(),
        time: START,
    });
    ready(world.store.add_keys(&rows)).unwrap();
    let grant = world.create();
    world.child(&grant.refresh);
    assert_eq!(
        names(&world),
        [
            "access_token_signing_key",
            "access_token_signing_key.1",
            "refresh_token_key"
        ]
    );
}

#[test]
fn tokens_that_are_not_even_ours_reload_nothing() {
    let world = World::new(&[]);
    let good = world.create().access.value;
    world.store.calls();
    world.wait(6);
    for token in [
        "",
        ".",
        "a.b.c",
        &good[1..],
        &unknown(&world, "a b"),
        &unknown(&world, &"9".repeat(65)),
    ] {
        let answer = ready(world.service.verify_native(token)).unwrap();
        assert_eq!(answer, Verified::TryRefreshToken);
    }
    assert!(!world.store.calls().contains(&"keys"));
}
