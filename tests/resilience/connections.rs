//! Connections that die, are stolen, or are too few.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::future::join_all;
use session_tests::prelude::*;

use crate::common::{Answer, busy, child_of, data, eventually};
use crate::outage::own_server;

suite! {
    servers:
        cc9_killed_connections_under_64_clients_hang_nothing,
        db7_a_stale_connection_costs_nobody_anything,
        db8_five_connections_for_200_clients;
}

/// Ends every connection to a database but the caller's own; returns how many.
async fn kill_connections(place: &Place) -> usize {
    let sql = "SELECT id FROM information_schema.processlist WHERE db = DATABASE() AND id <> CONNECTION_ID()";
    let rows = place.tables().query(sql, &[]).await;
    for row in &rows {
        let id = row[0].as_deref().expect("a connection has an id");
        // It may have ended by itself.
        place
            .tables()
            .try_query(&format!("KILL {id}"), &[])
            .await
            .ok();
    }
    rows.len()
}

/// A round of a client's life; panics at any answer that neither the contract nor a lost connection explains.
async fn round(client: &Client, tally: &mut [u64; 2]) {
    let mut count = |answer: Answer| {
        tally[usize::from(answer == Answer::Unavailable)] += 1;
        assert_ne!(answer, Answer::Lost, "no reply at all");
        answer
    };
    let created = client.post_session(r#"{"userId":"ada"}"#).await;
    if count(Answer::of_reply(&created)) != Answer::Ok {
        return;
    }
    let session = Session::created(&created);
    let refreshed = client.refresh(&session.refresh.value).await;
    if count(Answer::of_reply(&refreshed)) == Answer::Ok {
        let child = Session::refreshed(&refreshed);
        let answer = count(Answer::of_reply(&client.verify(&child.access.value).await));
        assert!(
            matches!(answer, Answer::Ok | Answer::Unavailable),
            "{answer:?}"
        );
        let again = client.refresh(&child.refresh.value).await;
        let answer = count(Answer::of_reply(&again));
        assert!(
            matches!(answer, Answer::Ok | Answer::Unavailable),
            "{again:?}"
        );
    }
    let written = client.write_data(&session.handle, &data(1)).await;
    let written = count(Answer::of_reply(&written)) == Answer::Ok;
    let read = client.data(&session.handle).await;
    if count(Answer::of_reply(&read)) == Answer::Ok && written {
        assert_eq!(read.part("sessionData"), Some(data(1)));
    }
    let answer = count(Answer::of_reply(&client.revoke(&session.handle).await));
    assert!(
        matches!(answer, Answer::Ok | Answer::Unavailable),
        "{answer:?}"
    );
}

async fn cc9_killed_connections_under_64_clients_hang_nothing(db: Backend) {
    let _turn = busy().await;
    let service = db.service().start().await;
    service.create("first").await;
    let over = AtomicBool::new(false);
    let clients = (0..64).map(|_| {
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
        let mut killed = 0;
        for _ in 0..16 {
            tokio::time::sleep(Duration::from_millis(250)).await;
            killed += kill_connections(service.place()).await;
        }
        over.store(true, Ordering::Relaxed);
        killed
    };
    let (tallies, killed) = futures::join!(join_all(clients), killer);
    let [answered, unavailable] = tallies
        .iter()
        .fold([0, 0], |sum, tally| [sum[0] + tally[0], sum[1] + tally[1]]);
    println!(
        "{} cc9: {killed} connections killed under 64 clients, {answered} answers, {unavailable} times 503, no hang",
        db.name()
    );
    assert!(killed >= 16, "nothing was killed");
    assert!(answered > 100, "the clients hardly got anything done");
    service.assert_no_traps().await;
    assert_eq!(service.create("last").await.user, "last");
}

async fn db7_a_stale_connection_costs_nobody_anything(db: Backend) {
    let service = db.service().one_instance().start().await;
    service.freeze().await;
    for request in ["create", "refresh", "verify", "data", "write", "delete all"] {
        let user = format!("user of {request}");
        let session = service.create_with_data(&user, &data(0)).await;
        let child = child_of(&service, &session).await;
        assert!(kill_connections(service.place()).await > 0);
        // The server ends them a moment later.
        eventually(5, "the connections are gone", async || {
            let sql = "SELECT COUNT(*) FROM information_schema.processlist WHERE db = DATABASE()";
            service.tables().query(sql, &[]).await[0][0].as_deref() == Some("1")
        })
        .await;
        let reply = match request {
            "create" => {
                service
                    .post_session(format!(r#"{{"userId":"{user}"}}"#))
                    .await
            }
            "refresh" => service.refresh(&child.refresh.value).await,
            "verify" => service.verify(&child.access.value).await,
            "data" => service.data(&session.handle).await,
            "write" => service.write_data(&session.handle, &data(1)).await,
            _ => service.revoke_all(&user).await,
        };
        assert_eq!(Answer::of_reply(&reply), Answer::Ok, "{request}: {reply:?}");
        let sql = "SELECT COUNT(*) FROM refresh_tokens WHERE user_id = ?";
        let count = service.tables().query(sql, &[&user]).await[0][0].clone();
        let expected = match request {
            "create" => "2",
            "delete all" => "0",
            _ => "1",
        };
        assert_eq!(count.as_deref(), Some(expected), "{request}");
    }
    service.assert_no_traps().await;
}

async fn db8_five_connections_for_200_clients(db: Backend) {
    let _turn = busy().await;
    let (server, place) = own_server(db).await;
    // The server's own limit has a minimum of 10 on MariaDB, and an administrator is let in beyond it.
    let sql = [
        "CREATE USER 'app'@'%' IDENTIFIED BY 'pass word' WITH MAX_USER_CONNECTIONS 5",
        "GRANT ALL ON session.* TO 'app'@'%'",
    ];
    tokio::task::block_in_place(|| {
        for sql in sql {
            server.execute_admin(sql).expect("an administrator may");
        }
    });
    let place = place.as_user_of(&server, "app", "pass word");
    let service = place.service().start().await;
    service.create("first").await;
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
    let [answered, unavailable] = tallies
        .iter()
        .fold([0, 0], |sum, tally| [sum[0] + tally[0], sum[1] + tally[1]]);
    println!(
        "{} db8: 200 clients on 5 connections: {answered} answers, {unavailable} times 503, no hang",
        db.name()
    );
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
