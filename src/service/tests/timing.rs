//! DB3: while the database hangs, every caller has an answer within five seconds.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::{TestService, World, user};
use crate::Grant;

#[derive(Clone, Copy, Debug)]
enum Request {
    Create,
    Verify,
    VerifyChild,
    VerifyUnknown,
    Refresh,
    ReadData,
    Revoke,
}

const ALL: [Request; 7] = [
    Request::Create,
    Request::Verify,
    Request::VerifyChild,
    Request::VerifyUnknown,
    Request::Refresh,
    Request::ReadData,
    Request::Revoke,
];

/// Sends it and tells how long the answer took.
async fn send(service: Arc<TestService>, request: Request, grants: [Grant; 2]) -> Duration {
    let began = Instant::now();
    let [first, child] = grants;
    let handle = first.session.handle.reveal();
    // Another key's name in an otherwise good token: generation 2.
    let other = first.access.value.replacen("IjEi", "IjIi", 1);
    match request {
        Request::Create => drop(service.create_native(user("bob"), None, None).await),
        Request::Verify => drop(service.verify_native(&first.access.value).await),
        Request::VerifyChild => drop(service.verify_native(&child.access.value).await),
        Request::VerifyUnknown => drop(service.verify_native(&other).await),
        Request::Refresh => drop(service.refresh_native(&child.refresh.value).await),
        Request::ReadData => drop(service.read_data_native(&handle).await),
        Request::Revoke => drop(service.revoke_native(&handle).await),
    }
    began.elapsed()
}

async fn all_at_once(world: &World, service: &Arc<TestService>, grants: &[Grant; 2]) {
    world.store.hang(true);
    let mut tasks = tokio::task::JoinSet::new();
    for request in ALL.iter().cycle().take(21) {
        let (service, grants, request) = (Arc::clone(service), grants.clone(), *request);
        tasks.spawn(async move { (request, send(service, request, grants).await) });
    }
    for (request, took) in tasks.join_all().await {
        assert!(took < Duration::from_secs(5), "{request:?} took {took:?}");
    }
    world.store.hang(false);
}

fn grants(world: &World) -> [Grant; 2] {
    let first = world.create();
    let child = world.child(&first.refresh);
    [first, child]
}

#[tokio::test(start_paused = true)]
async fn with_keys_of_any_age() {
    for age in [0, 59, 60, 89, 90, 600, 100_000] {
        let world = World::new(&[]);
        let grants = grants(&world);
        world.wait(age);
        all_at_once(&world, &world.service, &grants).await;
        all_at_once(&world, &world.service, &grants).await;
    }
}

#[tokio::test(start_paused = true)]
async fn without_keys() {
    for settings in [
        &[][..],
        &[("master_key", "a master key of at least 32 bytes")],
    ] {
        let world = World::new(settings);
        let grants = grants(&world);
        let started = world.instance(settings);
        all_at_once(&world, &started, &grants).await;
        all_at_once(&world, &started, &grants).await;
    }
}

/// Verifications that need no database are not held up, but for the first that finds its keys overdue.
#[tokio::test(start_paused = true)]
async fn verifications_go_on() {
    let world = World::new(&[]);
    let [first, child] = grants(&world);
    world.wait(70);
    world.store.hang(true);
    for _ in 0..10 {
        let grants = [first.clone(), child.clone()];
        let took = send(Arc::clone(&world.service), Request::Verify, grants).await;
        assert_eq!(took, Duration::ZERO);
        world.wait(1);
    }
}

/// With a master key not even one waits: its keys are at hand.
#[tokio::test(start_paused = true)]
async fn kr6_verifications_with_a_master_key_never_wait() {
    let world = World::new(&[("master_key", "a master key of at least 32 bytes")]);
    let grants = grants(&world);
    world.store.hang(true);
    for age in [0, 61, 91, 1000] {
        world.wait(age);
        let (service, grants) = (Arc::clone(&world.service), grants.clone());
        let took = send(service, Request::Verify, grants).await;
        assert_eq!(took, Duration::ZERO, "{age} s later");
    }
}
