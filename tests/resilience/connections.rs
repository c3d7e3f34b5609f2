//! Connections that die, are stolen, or are too few.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures::future::join_all;
use mysql_async::{Conn, OptsBuilder};
use session_tests::prelude::*;
use testbed::database::Server;

use crate::common::{Answer, child_of, data, eventually, unavailable};
use crate::outage::{own_server, own_server_with};

/// Ends every connection to a database but the caller's own; returns their ids.
async fn kill_connections(place: &Place) -> Vec<String> {
    let sql = "SELECT id FROM information_schema.processlist WHERE db = DATABASE() AND id <> CONNECTION_ID()";
    let rows = place.tables().query(sql, &[]).await;
    let ids: Vec<String> = rows
        .into_iter()
        .map(|row| row[0].clone().expect("a connection has an id"))
        .collect();
    for id in &ids {
        // It may have ended by itself.
        place
            .tables()
            .try_query(&format!("KILL {id}"), &[])
            .await
            .ok();
    }
    ids
}

/// A round of a client's life; panics at any answer that neither the contract nor a lost connection explains.
async fn round(client: &Client, tally: &mut [u64; 2]) {
    let mut served = |reply: &Reply| {
        let answer = Answer::of_reply(reply);
        assert!(
            matches!(answer, Answer::Ok | Answer::Unavailable),
            "{reply:?}"
        );
        tally[usize::from(answer == Answer::Unavailable)] += 1;
        answer == Answer::Ok
    };
    let created = client.post_session(r#"{"userId":"ada"}"#).await;
    if !served(&created) {
        return;
    }
    let session = Session::created(&created);
    let refreshed = client.refresh(&session.refresh.value).await;
    if served(&refreshed) {
        let child = Session::refreshed(&refreshed);
        served(&client.verify(&child.access.value).await);
        served(&client.refresh(&child.refresh.value).await);
    }
    let written = served(&client.write_data(&session.handle, &data(1)).await);
    let read = client.data(&session.handle).await;
    if served(&read) && written {
        assert_eq!(read.part("sessionData"), Some(data(1)));
    }
    served(&client.revoke(&session.handle).await);
}

#[test_on(servers)]
async fn cc9_killed_connections_under_many_clients_hang_nothing(db: Backend) {
    waves(db, 64, Duration::from_millis(250)).await;
    waves(db, 48, Duration::from_millis(30)).await;
}

/// `max_connections` in runtime-config.http.toml: what the whole application may have.
fn connections_of_the_app() -> u64 {
    let file = include_str!("../../runtime-config.http.toml");
    let file: toml::Table = file.parse().expect("it is TOML");
    let limit = file["outbound_mysql"]["max_connections"].as_integer();
    limit.expect("a number") as u64
}

/// For four seconds all connections are killed again and again under so many clients.
async fn waves(db: Backend, clients: usize, pause: Duration) {
    let service = db.service().real_timers().start().await;
    service.create("first").await;
    let over = AtomicBool::new(false);
    let work = (0..clients).map(|_| {
        let (client, over) = (service.another_client(), &over);
        async move {
            let mut tally = [0; 2];
            while !over.load(Ordering::Relaxed) {
                round(&client, &mut tally).await;
            }
            tally
        }
    });
    let killer = async {
        let (mut killed, begun) = (0, Instant::now());
        while begun.elapsed() < Duration::from_secs(4) {
            tokio::time::sleep(pause).await;
            killed += kill_connections(service.place()).await.len();
        }
        over.store(true, Ordering::Relaxed);
        killed
    };
    let (tallies, killed) = futures::join!(join_all(work), killer);
    let answered: u64 = tallies.iter().map(|[answered, _]| answered).sum();
    assert!(killed >= 16, "nothing was killed");
    assert!(answered > 100, "the clients hardly got anything done");
    let most = service.stats().await.connections.max_open;
    assert!(most <= connections_of_the_app(), "{most} at once");
    service.assert_no_traps().await;
    assert_eq!(service.create("last").await.user, "last");
}

/// The server closes a connection that brings more than `max_allowed_packet`: anybody who may send session data can
/// have connections lost as often as they like.
#[test_on(servers)]
async fn cc9_db10_requests_that_cost_their_connection_are_413_and_hang_nothing(db: Backend) {
    let (_server, place) = own_server_with(db, &["--max-allowed-packet=32K"]).await;
    let service = place.service().real_timers().start().await;
    let large = format!(
        r#"{{"userId":"ada","sessionData":"{}"}}"#,
        "x".repeat(60_000)
    );
    let over = AtomicBool::new(false);
    let clients = (0..32).map(|_| {
        let (client, large, over) = (service.another_client(), &large, &over);
        async move {
            let mut tally = [0_u64; 2];
            while !over.load(Ordering::Relaxed) {
                let reply = client.post_session(r#"{"userId":"ada"}"#).await;
                tally[usize::from(reply.status != 200)] += 1;
                match client.post_session(large.clone()).await {
                    reply if reply.status == 503 => unavailable(&reply),
                    reply => drop(reply.expect_error(413, "too_large_for_database")),
                }
            }
            tally
        }
    });
    let clock = async {
        tokio::time::sleep(Duration::from_secs(8)).await;
        over.store(true, Ordering::Relaxed);
    };
    let (tallies, ()) = futures::join!(join_all(clients), clock);
    let created: u64 = tallies.iter().map(|[created, _]| created).sum();
    assert!(created > 100, "the small ones suffer from the large ones");
    service.expect_logged(&["max_allowed_packet"]).await;
    service.assert_no_traps().await;
    assert_eq!(service.create("last").await.user, "last");
}

#[test_on(servers)]
async fn db7_a_stale_connection_costs_nobody_anything(db: Backend) {
    let service = db.service().real_timers().one_instance().start().await;
    service.freeze().await;
    for request in ["create", "refresh a child", "delete"] {
        let user = format!("user of {request}");
        let session = service.create_with_data(&user, &data(0)).await;
        let child = child_of(&service, &session).await;
        let killed = kill_connections(service.place()).await;
        assert!(!killed.is_empty());
        // The server ends them a moment later.
        let sql = format!(
            "SELECT COUNT(*) FROM information_schema.processlist WHERE id IN ({})",
            killed.join(", ")
        );
        eventually(20, "the connections are gone", async || {
            service.tables().query(&sql, &[]).await[0][0].as_deref() == Some("0")
        })
        .await;
        let before = service.stats().await.connections.opened;
        let body = format!(r#"{{"userId":"{user}"}}"#);
        let reply = match request {
            "create" => service.post_session(body).await,
            "delete" => service.revoke(&session.handle).await,
            _ => service.refresh(&child.refresh.value).await,
        };
        assert_eq!(Answer::of_reply(&reply), Answer::Ok, "{request}: {reply:?}");
        let opened = service.stats().await.connections.opened - before;
        assert_eq!(opened, 1, "{request}");
        if request == "delete" {
            assert_eq!(reply.part("deletedAnyEntry").as_deref(), Some("true"));
        }
        let sql = "SELECT COUNT(*) FROM refresh_tokens WHERE user_id = ?";
        let count = service.tables().query(sql, &[&user]).await[0][0].clone();
        let expected = match request {
            "create" => "2",
            "delete" => "0",
            _ => "1",
        };
        assert_eq!(count.as_deref(), Some(expected), "{request}");
    }
    service.assert_no_traps().await;
}

/// More than the five connections that are there: the user's own limit is reached.
#[test_on(servers)]
async fn db8_five_connections_of_a_user_for_200_clients(db: Backend) {
    let (server, place) = own_server(db).await;
    let service = as_app(&server, &place, "WITH MAX_USER_CONNECTIONS 5").await;
    crowd(&service).await;
}

/// The server's limit is reached, so that it says 1040. Five of its ten connections (MariaDB takes no less) are
/// somebody else's; one beyond them is for administrators.
#[test_on(servers)]
async fn db8_five_connections_of_the_server_for_200_clients(db: Backend) {
    let (server, place) = own_server_with(db, &["--max-connections=10"]).await;
    let service = as_app(&server, &place, "").await;
    let options = OptsBuilder::default()
        .ip_or_hostname(server.host())
        .tcp_port(server.port())
        .user(Some("app"))
        .pass(Some(PASSWORD))
        .prefer_socket(false);
    let others = (0..5).map(|_| Conn::new(options.clone()));
    let others = join_all(others).await;
    assert!(others.iter().all(Result::is_ok), "{others:?}");
    crowd(&service).await;
    let sql = "SHOW GLOBAL STATUS LIKE 'Connection_errors_max_connections'";
    let refused = tokio::task::block_in_place(|| server.query_admin(sql));
    let refused = refused.expect("an administrator may");
    assert_ne!(refused[0][1], "0", "the limit was never reached");
    drop(others);
}

/// The instance read its settings when it began.
#[test_on(servers)]
async fn a_changed_password_needs_no_restart(db: Backend) {
    let (server, place) = own_server(db).await;
    drop(place.service().start().await.create("owner").await);
    let service = as_app(&server, &place, "").await;
    let sql = "ALTER USER 'app'@'%' IDENTIFIED BY 'another word'";
    tokio::task::block_in_place(|| server.execute_admin(sql)).expect("an administrator may");
    kill_connections(&place).await;
    unavailable(&service.post_session(r#"{"userId":"ada"}"#).await);
    service
        .change_variable("mysql_password", "another word")
        .await;
    service.create("ada").await;
    service.assert_no_traps().await;
}

const PASSWORD: &str = "pass word";

/// A service as a user who is no administrator: those are let in beyond the limit.
async fn as_app(server: &Server, place: &Place, limit: &str) -> Service {
    let sql = [
        &*format!("CREATE USER 'app'@'%' IDENTIFIED BY '{PASSWORD}' {limit}"),
        "GRANT ALL ON session.* TO 'app'@'%'",
    ];
    tokio::task::block_in_place(|| {
        for sql in sql {
            server.execute_admin(sql).expect("an administrator may");
        }
    });
    let service = place
        .as_user_of(server, "app", PASSWORD)
        .service()
        .real_timers();
    let service = service.start().await;
    service.create("first").await;
    service
}

/// 200 clients are served or told to come back; afterwards all is as before.
async fn crowd(service: &Service) {
    let clients = (0..200).map(|_| {
        let client = service.another_client();
        async move {
            let mut tally = [0; 2];
            for _ in 0..2 {
                round(&client, &mut tally).await;
            }
            tally
        }
    });
    let tallies = join_all(clients).await;
    let answered: u64 = tallies.iter().map(|[answered, _]| answered).sum();
    // Thirteen instances want three connections each; most requests are told to come back.
    assert!(answered > 0, "nobody was served");
    // Back to the base line: everybody is served again, and the idle instances let go.
    eventually(5, "it serves", async || {
        service.post_session(r#"{"userId":"ada"}"#).await.status == 200
    })
    .await;
    eventually(10, "idle instances let their connections go", async || {
        service.stats().await.connections.open == 0
    })
    .await;
    service.assert_no_traps().await;
}
