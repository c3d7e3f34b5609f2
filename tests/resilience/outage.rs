//! The database is down, dies, hangs or takes no writes: 503 in time, nothing lost, nothing taken for a theft.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::FutureExt;
use futures::future::{LocalBoxFuture, join_all};
use session_tests::prelude::*;
use testbed::database::Server;
use testbed::service::{Action, FaultRule, On};

use crate::common::{child_of, data, eventually, read_only, soaking, unavailable};

/// What an answer may take.
const LIMIT: Duration = Duration::from_secs(5);
const CREATE: &str = r#"{"userId":"ada"}"#;

/// A server for one test, with the suite's settings, and a database on it.
pub(crate) async fn own_server(db: Backend) -> (Arc<Server>, Arc<Place>) {
    own_server_with(db, &[]).await
}

/// Like [`own_server`], with more arguments for the server.
pub(crate) async fn own_server_with(
    db: Backend,
    arguments: &'static [&'static str],
) -> (Arc<Server>, Arc<Place>) {
    let start = move || {
        let arguments = [db.flavor().suite_arguments(), arguments].concat();
        let server = Server::start_with(db.flavor(), &arguments).expect("the server starts");
        let place = Place::private(db, &server);
        (Arc::new(server), place)
    };
    tokio::task::spawn_blocking(start).await.expect("no panic")
}

/// Does something to a server that blocks.
pub(crate) async fn on(server: &Arc<Server>, work: fn(&Server)) {
    let server = server.clone();
    let done = tokio::task::spawn_blocking(move || work(&server));
    done.await.expect("the server does as told");
}

pub(crate) fn start_again(server: &Server) {
    server.start_again().expect("it starts again");
}

/// The reply; panics if it took longer than it may.
#[track_caller]
pub(crate) fn timely(request: impl Future<Output = Reply>) -> impl Future<Output = Reply> {
    let from = std::panic::Location::caller();
    async move {
        let started = Instant::now();
        let reply = request.await;
        let took = started.elapsed();
        assert!(took < LIMIT, "{from}: it took {took:?} to say {reply:?}");
        reply
    }
}

#[test_on(servers, alone)]
async fn db1_down_at_start_is_503_and_recovers(db: Backend) {
    let (server, place) = own_server(db).await;
    on(&server, Server::kill).await;
    let service = place.service().real_timers().start().await;
    for _ in 0..2 {
        let creates = (0..8).map(|_| timely(service.post_session(CREATE)));
        join_all(creates).await.iter().for_each(unavailable);
    }
    assert_eq!(service.send("GET", "/health", &[], "").await.status, 200);
    assert_eq!(service.send("GET", "/ready", &[], "").await.status, 503);
    on(&server, start_again).await;
    eventually(5, "it serves", async || {
        service.post_session(CREATE).await.status == 200
    })
    .await;
    service.assert_no_traps().await;
}

/// How long the server hangs. The minute of the requirement is for a soak: two rounds of deadlines show the same, and
/// all other tests that look at the clock on the wall have to wait for this one.
fn hang() -> Duration {
    match soaking() {
        true => Duration::from_secs(60),
        false => Duration::ZERO,
    }
}

#[test_on(servers, alone)]
async fn db3_rv5_a_hanging_server_is_503_in_time(db: Backend) {
    let (server, place) = own_server(db).await;
    // An instance that a burst calls up has no keys yet; with a master key it needs none.
    let master = "the master key of a deployment that may hang";
    session_tests::watch::secret(master);
    let service = place
        .service()
        .real_timers()
        .set("master_key", master)
        .start()
        .await;
    let strict = place.service().real_timers().set("master_key", master);
    let strict = strict.set("access_token_blacklisting", true).start().await;
    service.freeze().await;
    let session = service.create_with_data("ada", &data(0)).await;
    let child = child_of(&service, &session).await;
    strict.expect_good(&session).await;

    on(&server, Server::pause).await;
    let end = Instant::now() + hang();
    let mut rounds = 0;
    while rounds < 2 || Instant::now() < end {
        rounds += 1;
        let text = data(1);
        let requests: [LocalBoxFuture<'_, Reply>; 7] = [
            service.post_session(CREATE).boxed_local(),
            service.refresh(&session.refresh.value).boxed_local(),
            service.refresh(&child.refresh.value).boxed_local(),
            service.verify(&child.access.value).boxed_local(),
            service.data(&session.handle).boxed_local(),
            service.write_data(&session.handle, &text).boxed_local(),
            strict.verify(&session.access.value).boxed_local(),
        ];
        let unaffected = async {
            for _ in 0..20 {
                let started = Instant::now();
                let reply = service.verify(&session.access.value).await;
                let took = started.elapsed();
                assert_eq!(reply.answer(), "OK");
                assert!(took < Duration::from_secs(1), "{took:?}");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        let (replies, ()) = futures::join!(join_all(requests.map(timely)), unaffected);
        replies.iter().for_each(unavailable);
    }
    on(&server, Server::resume).await;
    eventually(5, "it serves", async || {
        strict.verify(&session.access.value).await.status == 200
            && service.data(&session.handle).await.status == 200
    })
    .await;
    // What was sent during the hang may have happened; that is no theft.
    assert_eq!(service.refresh(&child.refresh.value).await.answer(), "OK");
    service.assert_no_traps().await;
}

#[test_on(servers)]
async fn db6_a_read_only_server_is_503_until_it_is_over(db: Backend) {
    let (server, place) = own_server(db).await;
    drop(place.service().start().await.create("owner").await);
    // An administrator writes even then.
    on(&server, |server| {
        for sql in [
            "CREATE USER 'app'@'%' IDENTIFIED BY 'pass word'",
            "GRANT SELECT, INSERT, UPDATE, DELETE ON session.* TO 'app'@'%'",
        ] {
            server.execute_admin(sql).expect("an administrator may");
        }
    })
    .await;
    let place = place.as_user_of(&server, "app", "pass word");
    let service = place.service().real_timers().start().await;
    service.freeze().await;
    let session = service.create_with_data("ada", &data(0)).await;
    let child = child_of(&service, &session).await;

    let set = |server: &Server, value: u8| {
        let sql = format!("SET GLOBAL read_only = {value}");
        server.execute_admin(&sql).expect("an administrator may");
    };
    tokio::task::block_in_place(|| set(&server, 1));
    read_only(&service.post_session(CREATE).await);
    read_only(&service.refresh(&child.refresh.value).await);
    read_only(&service.verify(&child.access.value).await);
    read_only(&service.write_data(&session.handle, &data(1)).await);
    read_only(&service.revoke(&session.handle).await);
    read_only(&service.revoke_all("ada").await);
    read_only(&service.send("GET", "/status", &[], "").await);
    assert_eq!(service.send("GET", "/ready", &[], "").await.status, 200);
    service.expect_good(&session).await;
    assert_eq!(service.refresh(&session.refresh.value).await.answer(), "OK");
    let read = service.data(&session.handle).await;
    assert_eq!(read.part("sessionData"), Some(data(0)));

    tokio::task::block_in_place(|| set(&server, 0));
    eventually(10, "it writes", async || {
        service.post_session(CREATE).await.status == 200
    })
    .await;
    assert_eq!(service.refresh(&child.refresh.value).await.answer(), "OK");
    assert_eq!(service.revoke(&session.handle).await.answer(), "OK");
    service.assert_no_traps().await;
}

#[test_on(servers, alone)]
async fn kr6_with_a_master_key_verification_needs_no_database(db: Backend) {
    let (server, place) = own_server(db).await;
    let master = "the master key of a deployment with 32 bytes or more";
    session_tests::watch::secret(master);
    // Every request meets a new instance.
    let service = place.service().real_timers().set("master_key", master);
    let service = service
        .argument("--max-instance-reuse-count", 1)
        .start()
        .await;
    let now = service.freeze().await;
    let session = service.create("ada").await;
    let other = "the master key of another deployment than this";
    let foreign = db.service().set("master_key", other).start().await;
    let foreign = foreign.create("ada").await;

    on(&server, Server::kill).await;
    unavailable(&timely(service.post_session(CREATE)).await);
    let ready = service.send("GET", "/ready", &[], "");
    assert_eq!(timely(ready).await.status, 200);
    unavailable(&timely(service.send("GET", "/status", &[], "")).await);
    for age in [0, 59, 61, 95, 3599] {
        service.freeze_at(now + age * SECOND).await;
        let reply = timely(service.verify(&session.access.value)).await;
        assert_eq!(reply.answer(), "OK", "{age} s old");
    }
    let reply = timely(service.verify(&foreign.access.value)).await;
    reply.expect(200, TRY_REFRESH_TOKEN);
    service.freeze_at(session.access.expires).await;
    let reply = timely(service.verify(&session.access.value)).await;
    reply.expect(200, TRY_REFRESH_TOKEN);
    service.assert_no_traps().await;
}

#[test_on(everywhere, alone)]
async fn db3_slow_statements_do_not_add_up(db: Backend) {
    let service = db.service().real_timers().one_instance().start().await;
    service.freeze().await;
    let session = service.create_with_data("ada", "0").await;
    let child = child_of(&service, &session).await;
    let other = service.create("bob").await;
    let grandchild = child_of(&service, &child_of(&service, &other).await).await;
    drop(grandchild);
    // So that three connections are there.
    join_all((0..6).map(|_| service.data(&session.handle))).await;

    // None in time, one, two.
    for delay in [3_500, 2_500, 1_400] {
        let slow = FaultRule::new(On::Statement, Action::DelayMs(delay)).for_ever();
        service.faults(&[slow]).await;
        let requests: [LocalBoxFuture<'_, Reply>; 3] = [
            service.refresh(&child.refresh.value).boxed_local(),
            service.revoke(&other.handle).boxed_local(),
            service.revoke_all("carol").boxed_local(),
        ];
        for reply in join_all(requests.map(timely)).await {
            assert!(matches!(reply.status, 200 | 503), "{reply:?}");
        }
        service.database_back().await;
    }
    assert_eq!(service.refresh(&child.refresh.value).await.answer(), "OK");
    service.assert_no_traps().await;
}
