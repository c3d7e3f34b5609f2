//! Revocations: what the feed tells, and how soon checks know (RV6).

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use session_core::domain::feed::{Cursor, REREAD};
use session_core::domain::id::HandleHash;
use session_core::domain::revocation::{REVOCATION_MARGIN, Reason};
use session_core::domain::secret::Random;
use session_core::domain::time::Timestamp;
use session_core::platform::Platform;
use session_core::testing::{START, TestPlatform, ready};
use tokio::task::JoinSet;

use super::{
    TestService, Token, Verified, World, child, create, is_unavailable, misconfigured, user,
};
use crate::{Grant, Refreshed, RevocationPage};

const VALIDITY: Duration = Duration::from_secs(3600);

fn read(world: &World, since: Option<Timestamp>, after: Option<Cursor>) -> RevocationPage {
    ready(world.service.revocations(since, after)).unwrap()
}

fn revoke(service: &TestService, grant: &Grant) {
    let handle = grant.session.handle.reveal();
    assert_eq!(ready(service.revoke_native(&handle)), Ok(true));
}

#[test]
fn the_feed_names_what_was_revoked_why_and_until_when() {
    let world = World::new(&[("on_token_theft", "revoke_session")]);
    let [signed_out, stolen, of_eve, stays] =
        ["bob", "bob", "eve", "bob"].map(|user| create(&world.service, user));
    revoke(&world.service, &signed_out);
    ready(world.service.revoke_all(&user("eve"), None)).unwrap();
    let second = child(world.refresh(&stolen.refresh));
    child(world.refresh(&second.refresh));
    world.wait(300);
    let answer = world.refresh(&stolen.refresh);
    assert!(matches!(answer, Refreshed::TheftDetected(..)));

    let page = read(&world, None, None);
    let now = world.platform.now();
    assert_eq!((page.next, page.now), (None, now));
    let of = |grant: &Grant, at: Timestamp, reason| {
        (
            grant.session.handle.hash(),
            at.plus(VALIDITY).plus(REVOCATION_MARGIN),
            reason,
        )
    };
    let expected = [
        of(&signed_out, START, Reason::SignedOut),
        of(&stolen, now, Reason::Theft),
        of(&of_eve, START, Reason::User),
    ];
    let seen = page.revocations.iter();
    let mut seen: Vec<_> = seen.map(|it| (it.handle, it.until, it.reason)).collect();
    assert!(seen.iter().all(|it| it.0 != stays.session.handle.hash()));
    // At one time they are in the order of their keys.
    assert!(seen.is_sorted_by_key(|it| (it.1, it.0)));
    seen.sort_by_key(|it| it.2.as_str());
    assert_eq!(seen, expected);

    // The next read goes back a little behind the last one.
    let count = |since| read(&world, Some(since), None).revocations.len();
    assert_eq!(count(START.plus(REREAD)), 3);
    assert_eq!(count(START.plus(REREAD).plus(Duration::from_millis(1))), 1);
    // A time that has not come is of a clock that was set back.
    assert_eq!(count(now.plus(VALIDITY)), 3);
    // What no token can be good for is over.
    world
        .platform
        .advance(VALIDITY + REVOCATION_MARGIN + REREAD);
    assert_eq!(read(&world, None, None).revocations.len(), 1);
}

#[test]
fn the_feed_comes_in_pages_that_miss_nothing() {
    let world = World::new(&[]);
    let mut expected = BTreeSet::new();
    for number in 0..2300 {
        let grant = create(&world.service, "bob");
        revoke(&world.service, &grant);
        expected.insert(grant.session.handle.hash());
        if number % 700 == 0 {
            world.platform.advance(Duration::from_millis(1));
        }
    }
    let (mut seen, mut after, mut sizes) = (BTreeSet::<HandleHash>::new(), None, Vec::new());
    loop {
        let page = read(&world, None, after);
        sizes.push(page.revocations.len());
        seen.extend(page.revocations.iter().map(|it| it.handle));
        match page.next {
            Some(next) => after = Some(next),
            None => break,
        }
    }
    assert_eq!((seen, sizes), (expected, vec![1000, 1000, 300]));
}

#[test]
fn there_is_no_feed_for_tokens_that_are_good_for_longer_than_it_reaches() {
    let world = World::new(&[("access_token_validity", "86401")]);
    let answer = ready(world.service.revocations(None, None));
    assert!(misconfigured(answer).contains("access_token_validity"));
}

const FEED: [(&str, &str); 2] = [
    ("access_token_blacklisting", "feed"),
    ("revocation_max_staleness", "10"),
];

/// An instance reads for its first check, and then once a second, however many checks there are.
#[test]
fn checks_read_once_a_second_and_look_up_what_they_find() {
    let world = World::new(&FEED);
    let (gone, stays) = (world.create(), world.create());
    world.store.calls();
    for _ in 0..20 {
        assert!(matches!(world.verify(&stays.access), Verified::Ok(..)));
    }
    assert_eq!(world.store.calls(), ["revocations"]);
    revoke(&world.service, &gone);
    world.store.calls();
    for _ in 0..100 {
        assert!(matches!(world.verify(&stays.access), Verified::Ok(..)));
    }
    assert!(world.store.calls().is_empty());
    world.platform.advance(Duration::from_millis(1001));
    for _ in 0..100 {
        assert!(matches!(world.verify(&stays.access), Verified::Ok(..)));
        assert_eq!(world.verify(&gone.access), Verified::Unauthorised);
    }
    assert_eq!(
        world.store.calls(),
        [&["revocations"][..], &["find"; 100]].concat()
    );
}

/// More than a page is read from the twentieth check on, beside the checks, which ask the database meanwhile.
#[test]
fn much_that_is_revoked_is_read_once_it_pays() {
    let world = World::new(&FEED);
    let stays = create(&world.service, "eve");
    let gone: Vec<_> = (0..100).map(|_| world.create()).collect();
    ready(world.service.revoke_all(&user("bob"), None)).unwrap();
    world.store.calls();
    for _ in 0..20 {
        assert!(matches!(world.verify(&stays.access), Verified::Ok(..)));
    }
    let calls = world.store.calls();
    assert_eq!(calls[..2], ["revocations", "find"]);
    assert_eq!(calls[19..], ["find", "revocations", "find"]);
    assert_eq!(world.verify(&gone[7].access), Verified::Unauthorised);
}

/// More than a check can wait for is read beside the checks, too.
#[test]
fn a_flood_of_revocations_stops_no_check() {
    let world = World::new(&FEED);
    let stays = create(&world.service, "eve");
    for _ in 0..20 {
        world.verify(&stays.access);
    }
    let gone: Vec<_> = (0..10_000).map(|_| world.create()).collect();
    ready(world.service.revoke_all(&user("bob"), None)).unwrap();
    world.platform.advance(Duration::from_millis(1001));
    world.platform.queue_tasks();
    assert!(matches!(world.verify(&stays.access), Verified::Ok(..)));
    assert_eq!(world.verify(&gone[7].access), Verified::Unauthorised);
    assert_eq!(ready(world.platform.run_tasks()), 1);
    world.store.calls();
    assert!(matches!(world.verify(&stays.access), Verified::Ok(..)));
    assert!(world.store.calls().is_empty());
    assert_eq!(world.verify(&gone[7].access), Verified::Unauthorised);
    assert_eq!(world.store.calls(), ["find"]);
}

/// RV5 with `feed`, also where keys need no database: with nothing in memory, or for too long, a check is a 503.
#[test]
fn rv5_without_a_database_memory_serves_for_a_while() {
    let master_key = ("master_key", "a master key that is long enough for anybody");
    let world = World::new(&[&FEED[..], &[master_key]].concat());
    let grant = world.create();
    let check = || ready(world.service.verify_native(&grant.access.value));
    world.store.fail(&["*"]);
    assert!(is_unavailable(&check()));
    world.store.fail(&[]);
    world.platform.advance(Duration::from_millis(500));
    assert!(check().is_ok());
    world.store.fail(&["*"]);
    world.platform.advance(Duration::from_secs(10));
    assert!(check().is_ok());
    world.platform.advance(Duration::from_millis(1));
    assert!(is_unavailable(&check()));
    world.store.fail(&[]);
    world.platform.advance(Duration::from_millis(500));
    assert!(check().is_ok());
}

/// What the clients of the game share.
#[derive(Default)]
struct Game {
    sessions: Vec<(Grant, Option<u64>)>,
    /// When the database was last away.
    away: Option<u64>,
    over: bool,
    accepted: u64,
    refused: u64,
    unavailable: u64,
    late: Vec<String>,
}

fn draw(platform: &TestPlatform, below: usize) -> usize {
    let random: &dyn Random = platform;
    u32::from_le_bytes(random.bytes()) as usize % below
}

/// One client: logs in, signs out, and mostly checks sessions of others, each time at another process.
async fn play(
    game: Arc<Mutex<Game>>,
    platform: Arc<TestPlatform>,
    services: [Arc<TestService>; 2],
) {
    while !game.lock().unwrap().over {
        tokio::time::sleep(Duration::from_millis(1 + draw(&platform, 60) as u64)).await;
        let service = &services[draw(&platform, 2)];
        let chosen = {
            let game = game.lock().unwrap();
            let back = draw(&platform, game.sessions.len().clamp(1, 1500));
            let at = game.sessions.len().checked_sub(1 + back);
            at.map(|at| (at, game.sessions[at].0.clone()))
        };
        let now = || platform.monotonic_millis();
        match (draw(&platform, 20), chosen) {
            (0 | 1, _) | (_, None) => {
                let created = service.create_native(user("bob"), None, None).await;
                let created = created.into_iter().map(|grant| (grant, None));
                game.lock().unwrap().sessions.extend(created);
            }
            (2, Some((at, grant))) => {
                let deleted = service.revoke_native(&grant.session.handle.reveal()).await;
                if deleted == Ok(true) {
                    game.lock().unwrap().sessions[at].1 = Some(now());
                }
            }
            (_, Some((at, grant))) => {
                let answer = check(service, &grant.access).await;
                let mut game = game.lock().unwrap();
                let after = game.sessions[at].1.map(|deleted| now() - deleted);
                // Two seconds, and for as long as the database is away, and then it takes a second to notice, ten.
                let was_away = game.away.is_some_and(|away| now() - away <= 2000);
                let limit = if was_away { 10_000 + 2000 } else { 2000 };
                match answer {
                    Some(true) => game.accepted += 1,
                    Some(false) => game.refused += 1,
                    None => game.unavailable += 1,
                }
                if answer == Some(true) && after.is_some_and(|after| after > limit) {
                    let late = format!("{after:?} ms after, away {:?}, now {}", game.away, now());
                    game.late.push(late);
                }
            }
        }
    }
}

/// Whether a token is accepted; none if the service can't say within the deadline of a request.
async fn check(service: &TestService, token: &Token) -> Option<bool> {
    let answer = service.verify_native(&token.value);
    let answer = tokio::time::timeout(Duration::from_secs(4), answer).await;
    Some(matches!(answer.ok()?.ok()?, Verified::Ok(..)))
}

/// 64 clients, two processes, and a database that is paused, killed and restored.
#[tokio::test(start_paused = true)]
async fn rv6_no_token_is_accepted_two_seconds_after_its_deletion() {
    let world = World::new(&FEED);
    let services = [Arc::clone(&world.service), world.instance(&FEED)];
    for service in &services {
        service
            .create_native(user("eve"), None, None)
            .await
            .unwrap();
    }
    world.store.takes(Duration::from_millis(3));
    let (game, platform) = (Arc::new(Mutex::new(Game::default())), &world.platform);
    let mut tasks = JoinSet::new();
    for _ in 0..64 {
        tasks.spawn(play(
            Arc::clone(&game),
            Arc::clone(platform),
            services.clone(),
        ));
    }
    // The platform's clock goes with tokio's, and its tasks run.
    let (of_clock, clock) = (Arc::clone(&game), Arc::clone(platform));
    tasks.spawn(async move {
        while !of_clock.lock().unwrap().over {
            tokio::time::sleep(Duration::from_millis(1)).await;
            clock.advance(Duration::from_millis(1));
        }
    });
    let (of_runner, runner) = (Arc::clone(&game), Arc::clone(platform));
    tasks.spawn(async move {
        while !of_runner.lock().unwrap().over {
            tokio::time::sleep(Duration::from_millis(1)).await;
            runner.run_tasks().await;
        }
    });
    for (state, seconds) in [
        ("", 5),
        ("paused", 4),
        ("", 4),
        ("killed", 3),
        ("", 4),
        ("killed", 14),
        ("", 3),
        ("paused", 15),
        ("", 5),
    ] {
        world.store.hang(state == "paused");
        world
            .store
            .fail(if state == "killed" { &["*"] } else { &[] });
        for _ in 0..seconds * 100 {
            if !state.is_empty() {
                game.lock().unwrap().away = Some(platform.monotonic_millis());
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
    game.lock().unwrap().over = true;
    tasks.join_all().await;
    let game = game.lock().unwrap();
    assert!(
        game.late.is_empty(),
        "{} late: {:?}",
        game.late.len(),
        game.late.first()
    );
    let deleted = game
        .sessions
        .iter()
        .filter(|(_, deleted)| deleted.is_some())
        .count();
    let calls = world.store.calls();
    let of = |operation| calls.iter().filter(|call| **call == operation).count();
    println!(
        "{} accepted, {} refused, {} times unavailable; {deleted} deletions; {} look-ups, {} reads of the feed",
        game.accepted,
        game.refused,
        game.unavailable,
        of("find"),
        of("revocations")
    );
    // There was what to miss, and memory was worth it.
    assert!(game.accepted > 10_000 && game.refused > 2000 && game.unavailable > 50);
    assert!(of("find") < game.accepted as usize);
}
