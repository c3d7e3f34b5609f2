//! A master key: introduced, changed, missing, wrong; and verification with the database gone.

use std::sync::Arc;
use std::time::Duration;

use session_core::domain::id::SessionHandle;
use session_core::domain::protocol::Protocol;
use session_core::domain::secret::Key;
use session_core::domain::token::refresh::RefreshToken;
use session_core::platform::Platform;
use session_core::testing::ready;
use session_store::KeyStore;

use super::{
    TestService, World, child, create, is_plain, is_unavailable, misconfigured, replacement, user,
};
use crate::{Grant, Refreshed, Verified};

const OLD: &str = "the old master key of 32 bytes or more";
const NEW: &str = "the new master key of 32 bytes or more";

fn with(world: &World, master_key: &str) -> Arc<TestService> {
    world.instance(&[("master_key", master_key)])
}

fn rows(world: &World) -> Vec<(String, String)> {
    let rows = ready(world.store.keys()).unwrap();
    rows.into_iter().map(|row| (row.name, row.value)).collect()
}

/// Everything that a client holds is good on this instance.
fn goes_on(service: &TestService, grant: &Grant) {
    let answer = ready(service.verify_native(&grant.access.value)).unwrap();
    assert!(is_plain(&answer, &grant.session), "{answer:?}");
    child(ready(service.refresh_native(&grant.refresh.value)).unwrap());
}

#[test]
fn the_table_holds_only_what_proves_the_master_key() {
    let world = World::new(&[]);
    let grant = create(&with(&world, OLD), "bob");
    let names: Vec<_> = rows(&world).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names.len(), 2);
    assert!(names[0] == "first_master_key" && names[1].starts_with("master_key_check."));
    goes_on(&with(&world, OLD), &grant);
}

#[test]
fn to_introduce_one_logs_nobody_out() {
    let world = World::new(&[]);
    let before = world.create();
    let service = with(&world, OLD);
    goes_on(&service, &before);
    let after = create(&service, "bob");
    let header = |grant: &Grant| grant.access.value.split('.').next().unwrap().to_owned();
    assert_ne!(header(&before), header(&after));
    goes_on(&service, &after);
    goes_on(&with(&world, OLD), &before);
    // A child of a token from before is one of the new key's.
    let grown = child(ready(service.refresh_native(&before.refresh.value)).unwrap());
    child(ready(with(&world, OLD).refresh_native(&grown.refresh.value)).unwrap());
}

#[test]
fn to_introduce_one_by_a_rolling_restart_logs_nobody_out() {
    let world = World::new(&[]);
    let steps = [String::new(), format!("database,{NEW}"), NEW.to_owned()];
    let mut grants: Vec<Grant> = Vec::new();
    let mut before = with(&world, "");
    for step in &steps {
        let service = with(&world, step);
        // While the restart rolls, both kinds of instances serve, and each has to know what the other made.
        grants.push(create(&service, "bob"));
        grants.push(create(&before, "bob"));
        for grant in &grants {
            goes_on(&service, grant);
            goes_on(&before, grant);
        }
        before = service;
    }
}

/// A handle is sealed in its row with the key of the day, and the old key leaves the settings one day.
#[test]
fn sessions_from_before_a_change_are_listed_once_they_were_used() {
    let world = World::new(&[]);
    let old = with(&world, OLD);
    let (by_refresh, by_access) = (create(&old, "bob"), create(&old, "bob"));
    create(&old, "bob");
    let changing = with(&world, &format!("{NEW},{OLD}"));
    let refresh =
        |grant: &Grant| child(ready(changing.refresh_native(&grant.refresh.value)).unwrap());
    let next = refresh(&by_refresh);
    refresh(&next);
    let next = refresh(&by_access);
    replacement(ready(changing.verify_native(&next.access.value)).unwrap());
    let listed = |service: &TestService| {
        let all = ready(service.list_all(Protocol::Native, &user("bob"))).unwrap();
        let hashes = all.iter().map(SessionHandle::hash);
        hashes.collect::<std::collections::BTreeSet<_>>()
    };
    assert_eq!(listed(&changing).len(), 3);
    let new = with(&world, NEW);
    let used = [by_refresh, by_access].map(|grant| grant.session.handle.hash());
    assert_eq!(listed(&new), used.into());
}

/// The rows are there all the time, as in a deployment without the scheduled component.
#[test]
fn tf8_keys_from_before_it_end_with_their_last_tokens() {
    const DAY: u64 = 24 * 3600;
    let settings = [
        ("access_token_validity", "864000"),
        ("refresh_token_validity", "2400"),
    ];
    let before = World::new(&settings);
    create(&before.service, "bob");
    let dump = ready(before.store.keys()).unwrap();
    let service = before.instance(&[&settings[..], &[("master_key", OLD)]].concat());
    create(&service, "bob");

    // Whoever has the dump makes tokens when they like.
    let forger = World::new(&[("access_token_signing_key_dynamic", "false")]);
    ready(forger.store.add_keys(&dump)).unwrap();
    let key = dump.iter().find(|row| row.name == "refresh_token_key");
    let key = Key::decode(&key.unwrap().value).unwrap();
    for (days, expected) in [
        (0, [true, true]),
        (10, [true, true]),
        (1, [false, true]),
        (89, [false, true]),
        (1, [false, false]),
    ] {
        before.wait(days * DAY);
        let now = before.platform.now();
        forger.platform.set_now(now);
        let session = create(&service, "bob").session;
        let access = ready(service.verify_native(&forger.create().access.value)).unwrap();
        let validity = Duration::from_secs(DAY);
        let refresh = RefreshToken::first(
            session.handle,
            false,
            now,
            now.plus(validity),
            &key,
            &*forger.platform,
        );
        let refresh = ready(service.refresh_native(refresh.reveal())).unwrap();
        let accepted = [
            access != Verified::TryRefreshToken,
            refresh != Refreshed::Unauthorised,
        ];
        assert_eq!(accepted, expected, "{days} more days");
    }
}

/// While the instances of two steps serve, each makes children with its own key.
#[test]
fn a_late_twin_at_an_instance_of_the_other_step_is_no_theft() {
    let introducing = ["", &format!("database,{NEW}"), NEW];
    let changing = [OLD, &format!("{OLD},{NEW}"), &format!("{NEW},{OLD}")];
    for steps in [introducing, changing] {
        let world = World::new(&[]);
        create(&with(&world, steps[0]), "bob");
        for pair in steps.windows(2) {
            let (old, new) = (with(&world, pair[0]), with(&world, pair[1]));
            for (first, late) in [(&old, &new), (&new, &old)] {
                let parent = create(first, "bob").refresh.value;
                let used = child(ready(first.refresh_native(&parent)).unwrap());
                replacement(ready(first.verify_native(&used.access.value)).unwrap());
                let answer = child(ready(late.refresh_native(&parent)).unwrap());
                assert_eq!(answer.refresh, used.refresh);
            }
        }
    }
}

#[test]
fn to_change_it_step_by_step_logs_nobody_out() {
    let world = World::new(&[]);
    let steps = [
        OLD.to_owned(),
        format!("{OLD},{NEW}"),
        format!("{NEW},{OLD}"),
    ];
    let mut grants: Vec<Grant> = Vec::new();
    let mut before = with(&world, OLD);
    for step in &steps {
        let service = with(&world, step);
        grants.push(create(&service, "bob"));
        grants.push(create(&before, "bob"));
        for grant in &grants {
            goes_on(&service, grant);
            goes_on(&before, grant);
        }
        before = service;
    }
    // In the end only what the new one made is left.
    let service = with(&world, NEW);
    let [.., last, _] = &grants[..] else {
        unreachable!()
    };
    goes_on(&service, last);
    let answer = ready(service.verify_native(&grants[0].access.value)).unwrap();
    assert_eq!(answer, Verified::TryRefreshToken);
}

#[test]
fn kr5_without_it_nothing_is_served_and_no_key_is_made() {
    let world = World::new(&[]);
    let grant = create(&with(&world, OLD), "bob");
    let before = rows(&world);
    for _ in 0..2 {
        let service = world.instance(&[]);
        let answers = [
            misconfigured(ready(service.create_native(user("bob"), None, None))),
            misconfigured(ready(service.refresh_native(&grant.refresh.value))),
            misconfigured(ready(service.verify_native(&grant.access.value))),
            misconfigured(ready(service.ready())),
        ];
        assert!(
            answers
                .iter()
                .all(|message| message.contains("master_key is not set"))
        );
    }
    assert_eq!(rows(&world), before);
}

#[test]
fn kr5_with_another_one_nothing_is_served_and_no_key_is_made() {
    let world = World::new(&[]);
    let grant = create(&with(&world, OLD), "bob");
    let before = rows(&world);
    let service = with(&world, NEW);
    let answers = [
        misconfigured(ready(service.create_native(user("bob"), None, None))),
        misconfigured(ready(service.refresh_native(&grant.refresh.value))),
        misconfigured(ready(service.ready())),
    ];
    assert!(
        answers
            .iter()
            .all(|message| message.contains("master_key is not the one"))
    );
    assert!(answers.iter().all(|message| !message.contains("32 bytes")));
    assert_eq!(rows(&world), before);
}

#[test]
fn an_instance_that_was_left_behind_refuses_instead_of_making_keys() {
    let world = World::new(&[]);
    world.create();
    create(&with(&world, OLD), "bob");
    let before = rows(&world);
    world.wait(100_000);
    misconfigured(ready(world.service.create_native(user("bob"), None, None)));
    assert_eq!(rows(&world), before);
}

/// The same under steady traffic: what it finds out beside the requests counts as well.
#[test]
fn a_busy_instance_that_was_left_behind_refuses_within_a_minute() {
    let world = World::new(&[]);
    let grant = world.create();
    create(&with(&world, OLD), "bob");
    for _ in 0..12 {
        world.wait(5);
        drop(ready(world.service.verify_native(&grant.access.value)));
    }
    world.wait(5);
    misconfigured(ready(world.service.refresh_native(&grant.refresh.value)));
    misconfigured(ready(world.service.create_native(user("bob"), None, None)));
}

#[test]
fn kr6_access_tokens_verify_without_a_database() {
    let world = World::new(&[("master_key", OLD)]);
    let grant = world.create();
    world.store.fail(&["*"]);
    let restarted = with(&world, OLD);
    let answer = ready(restarted.verify_native(&grant.access.value)).unwrap();
    assert!(is_plain(&answer, &grant.session));
    assert!(is_unavailable(&ready(restarted.create_native(
        user("bob"),
        None,
        None
    ))));
    // Slots come and go; a token is good until it expires.
    world.wait(3599);
    let answer = ready(with(&world, OLD).verify_native(&grant.access.value)).unwrap();
    assert!(is_plain(&answer, &grant.session));
    world.wait(1);
    for service in [&restarted, &world.service] {
        let answer = ready(service.verify_native(&grant.access.value)).unwrap();
        assert_eq!(answer, Verified::TryRefreshToken);
    }
}

#[test]
fn tf8_a_dump_of_the_database_forges_nothing() {
    use session_core::domain::secret::Key;
    use session_core::domain::token::access::{AccessClaims, OptionalClaims};
    use session_core::domain::token::header::TokenFormat;
    use session_core::domain::token::key::{AccessKey, Algorithm};
    let world = World::new(&[("master_key", OLD)]);
    let grant = world.create();
    let claims = AccessClaims {
        user_id: user("eve"),
        handle: grant.session.handle,
        issued_at: session_core::testing::START,
        expires_at: session_core::testing::START.plus(std::time::Duration::from_secs(3600)),
        refresh: session_core::domain::secret::SingleHash::of_token("x").double(),
        parent: None,
        anti_csrf: None,
        key: None,
        optional: OptionalClaims::default(),
        payload: None,
    };
    let header = grant.access.value.split('.').next().unwrap();
    for (name, value) in rows(&world) {
        let value = value.rsplit('.').next().unwrap_or_default();
        let Some(secret) = Key::decode(value) else {
            assert_eq!(value, "-", "{name}");
            continue;
        };
        for kid in [
            name.trim_start_matches("master_key_check."),
            "1",
            "file.00000000",
        ] {
            let key = AccessKey::new(kid.to_owned(), secret.expose());
            let forged = claims.sign(&key, Algorithm::Hs256, TokenFormat::Native);
            let rest = forged.split_once('.').unwrap().1;
            for token in [forged.clone(), format!("{header}.{rest}")] {
                let answer = ready(world.service.verify_native(&token)).unwrap();
                assert_eq!(answer, Verified::TryRefreshToken);
            }
        }
    }
}
