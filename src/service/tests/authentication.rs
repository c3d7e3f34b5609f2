//! Fresh logins: what tokens say of a login, how old it may be, and the new session of another one.

use std::time::Duration;

use session_core::domain::authentication::Authentication;
use session_core::domain::config::Blacklisting;
use session_core::domain::time::Timestamp;
use session_core::platform::Platform;
use session_core::testing::{START, ready};

use super::{APART, World, child, json, login, user};
use crate::{Check, Grant, NewBinding, Reauthenticated, Token, TokenOptions, Verified};

const WRITES: (&str, &str) = ("access_token_authentication_claims", "true");

fn said(methods: &[&str], level: &str, at: Timestamp) -> Authentication {
    let methods = methods.iter().map(|it| (*it).to_owned()).collect();
    Authentication::new(Some(at), methods, Some(level.to_owned()), at).unwrap()
}

fn log_in(world: &World, authentication: Option<Authentication>) -> Grant {
    let mut login = login(user("bob"), json("{\"a\":1}"), json("[1]"));
    login.authentication = authentication;
    login.client = json("\"phone\"");
    login.lifetime.absolute = Some(Duration::from_secs(7200));
    ready(world.service.create(login, TokenOptions::NATIVE)).unwrap()
}

/// The claims of a token, as text.
fn claims(token: &Token) -> String {
    use base64::Engine as _;
    let claims = token.value.split('.').nth(1).unwrap();
    let claims = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(claims);
    String::from_utf8(claims.unwrap()).unwrap()
}

fn check(world: &World, token: &Token, max_age: u64) -> Verified {
    let check = Check {
        max_authentication_age: Some(Duration::from_secs(max_age)),
        ..Check::native(Blacklisting::Off)
    };
    ready(world.service.verify(&token.value, check)).unwrap()
}

fn is_fresh(world: &World, token: &Token, max_age: u64) -> bool {
    match check(world, token, max_age) {
        Verified::Ok(..) => true,
        Verified::Reauthenticate(..) => false,
        answer => panic!("{answer:?}"),
    }
}

#[test]
fn every_token_of_the_session_says_how_its_user_was_authenticated() {
    let world = World::new(&[WRITES]);
    let grant = log_in(&world, Some(said(&["pwd", "otp"], "2", START)));
    let expected = r#""auth_time":1700000000,"amr":["pwd","otp"],"acr":"2","userPayload":"#;
    assert!(claims(&grant.access).contains(expected));
    world.wait(APART);
    let child = world.child(&grant.refresh);
    assert!(claims(&child.access).contains(expected));
    let Verified::Ok(_, Some(replaced)) = world.verify(&child.access) else {
        panic!("it was a child");
    };
    assert!(claims(&replaced).contains(expected));
    for (max_age, fresh) in [(APART, true), (APART - 1, false)] {
        assert_eq!(is_fresh(&world, &replaced, max_age), fresh);
    }
    // Only if it is asked for.
    assert!(matches!(world.verify(&replaced), Verified::Ok(..)));
    assert!(!is_fresh(&world, &log_in(&world, None).access, u64::MAX));
}

#[test]
fn without_the_settings_no_token_says_more_than_before() {
    let world = World::new(&[]);
    let grant = log_in(&world, Some(said(&["pwd"], "1", START)));
    let text = claims(&grant.access);
    for name in ["auth_time", "amr", "acr", "iss", "aud"] {
        assert!(!text.contains(&format!("\"{name}\":")), "{text}");
    }
    assert!(!is_fresh(&world, &grant.access, 60));
    // The row says it: where it is read, that counts.
    world.wait(APART);
    let child = world.child(&grant.refresh);
    assert!(is_fresh(&world, &child.access, APART));
    // An instance with the setting reads tokens from before, and one without it reads those from after.
    let writer = world.instance(&[WRITES]);
    let token = child_token(&world, &writer, &child);
    assert!(is_fresh(&world, &token, 2 * APART));
}

fn child_token(world: &World, writer: &super::TestService, of: &Grant) -> Token {
    world.wait(APART);
    child(ready(writer.refresh_native(&of.refresh.value)).unwrap()).access
}

#[test]
fn a_token_of_another_issuer_or_audience_is_refused_and_one_without_passes() {
    let world = World::new(&[]);
    let plain = log_in(&world, None).access;
    let ours = world.instance(&[
        ("access_token_issuer", "https://us.example"),
        ("access_token_audience", "site"),
    ]);
    let named = ready(super::create_as(&ours, "bob", TokenOptions::NATIVE))
        .unwrap()
        .access;
    assert!(claims(&named).contains(r#""iss":"https://us.example","aud":"site""#));
    for (setting, value) in [
        ("access_token_issuer", "https://other.example"),
        ("access_token_audience", "other"),
    ] {
        let other = world.instance(&[(setting, value)]);
        let verify = |token: &Token| ready(other.verify_native(&token.value)).unwrap();
        assert_eq!(verify(&named), Verified::TryRefreshToken);
        assert!(matches!(verify(&plain), Verified::Ok(..)));
    }
    for service in [&ours, &world.service] {
        for token in [&named, &plain] {
            let answer = ready(service.verify_native(&token.value)).unwrap();
            assert!(matches!(answer, Verified::Ok(..)));
        }
    }
    let sdk = ready(super::create_as(&ours, "bob", super::list::CDI))
        .unwrap()
        .access;
    assert!(!claims(&sdk).contains("us.example"));
}

fn step_up(world: &World, token: &Token) -> Reauthenticated {
    let now = said(&["pwd", "hwk"], "3", world.platform.now());
    let answer = world.service.reauthenticate(
        &token.value,
        now,
        (NewBinding::None, None),
        TokenOptions::NATIVE,
    );
    ready(answer).unwrap()
}

#[test]
fn a_fresh_login_is_a_new_session_with_all_that_the_old_one_has() {
    let world = World::new(&[WRITES]);
    let old = log_in(&world, Some(said(&["pwd"], "1", START)));
    world.wait(APART);
    // Confirmed or not: a child that was just handed out is as good.
    let child = world.child(&old.refresh);
    world.store.calls();
    let Reauthenticated::Ok(new) = step_up(&world, &child.access) else {
        panic!("it was live");
    };
    assert_eq!(world.store.calls(), ["record", "insert", "delete"]);
    assert!(
        claims(&new.access).contains(r#""auth_time":1700000080,"amr":["pwd","hwk"],"acr":"3""#)
    );
    assert_ne!(new.session.handle, old.session.handle);
    assert_eq!(
        (&new.session.payload, new.ends_at),
        (&old.session.payload, old.ends_at)
    );
    let data = ready(world.service.read_data_native(&new.session.handle.reveal()));
    assert_eq!(data, Ok(Some(json("[1]"))));
    let bob = user("bob");
    let page = world.service.list(Default::default(), &bob, None, 9);
    let listed = ready(page).unwrap().sessions;
    assert_eq!(listed.len(), 1);
    assert_eq!(
        (listed[0].created_at, &listed[0].client),
        (START, &json("\"phone\""))
    );
    // Nothing of the old one is good, not in a thief's hands either.
    for token in [&old.refresh, &child.refresh] {
        assert_eq!(world.refresh(token), crate::Refreshed::Unauthorised);
    }
    assert_eq!(
        step_up(&world, &child.access),
        Reauthenticated::Unauthorised
    );
    world.wait(APART);
    world.child(&new.refresh);
}

#[test]
fn a_fresh_login_needs_the_current_token() {
    let world = World::new(&[WRITES]);
    let old = log_in(&world, None);
    world.wait(APART);
    let child = world.child(&old.refresh);
    world.verify(&child.access);
    // A copy of the parent's access token lifts nobody.
    assert_eq!(
        step_up(&world, &old.access),
        Reauthenticated::TryRefreshToken
    );
    let wrong = Token {
        value: "x".to_owned(),
        ..old.access.clone()
    };
    assert_eq!(step_up(&world, &wrong), Reauthenticated::TryRefreshToken);
    world.wait(3600);
    assert_eq!(
        step_up(&world, &child.access),
        Reauthenticated::TryRefreshToken
    );
}

/// A sign-out that comes in between wins, and a database that fails leaves no session that anybody could use.
#[test]
fn a_fresh_login_revives_nothing() {
    let world = World::new(&[WRITES]);
    let grant = log_in(&world, None);
    let (store, handle) = (
        std::sync::Arc::clone(&world.store),
        grant.session.handle.hash(),
    );
    world.store.before("insert", move || {
        let mut rows = store.sessions();
        rows.remove(&handle);
        store.replace_sessions(&rows);
    });
    assert_eq!(
        step_up(&world, &grant.access),
        Reauthenticated::Unauthorised
    );
    assert!(world.store.sessions().is_empty());

    let grant = log_in(&world, None);
    world.store.fail(&["delete"]);
    let now = said(&[], "3", START);
    let answer = world.service.reauthenticate(
        &grant.access.value,
        now,
        (NewBinding::None, None),
        TokenOptions::NATIVE,
    );
    assert!(super::is_unavailable(&ready(answer)));
    world.store.fail(&[]);
    assert_eq!(world.store.sessions().len(), 1);
    assert!(matches!(world.verify(&grant.access), Verified::Ok(..)));
}
