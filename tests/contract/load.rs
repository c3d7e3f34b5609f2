//! Many clients at once on a server database. How fast it is is for the benchmark to say.

use std::time::{Duration, Instant};

use session_tests::prelude::*;

/// `max_connections` in runtime-config.http.toml: what the whole application may have.
fn connections_of_the_app() -> u64 {
    let file = include_str!("../../runtime-config.http.toml");
    let setting = file
        .lines()
        .find_map(|line| line.strip_prefix("max_connections = "));
    setting
        .and_then(|number| number.parse().ok())
        .expect("it is there")
}

#[test_on(servers)]
async fn sixty_four_clients_get_no_error_and_no_connection_beyond_the_limit(db: Backend) {
    let service = db.service().start().await;
    service.create("first").await;
    let end = Instant::now() + Duration::from_secs(10);
    let clients = (0..64).map(|number| {
        let client = service.another_client();
        tokio::spawn(async move {
            let mut rounds = 0;
            while Instant::now() < end {
                round(&client, &format!("user {number}")).await;
                rounds += 1;
            }
            rounds
        })
    });
    let rounds = futures::future::join_all(clients)
        .await
        .into_iter()
        .map(|client| client.expect("no client saw an error"));
    assert!(
        rounds.sum::<u32>() >= 64,
        "the clients waited more than they worked"
    );
    assert_eq!(service.tables().session_count().await, 1);

    let stats = service.stats().await;
    let most = stats.connections.max_open;
    assert!(
        (1..=connections_of_the_app()).contains(&most),
        "{most} connections at once"
    );
    service.assert_no_traps().await;
}

/// Every endpoint once or more, as a site's backend would call them.
async fn round(client: &Client, user: &str) {
    let session = client.create_with_data(user, "0").await;
    for turn in 1..=3 {
        assert_eq!(client.verify(&session.access.value).await.answer(), "OK");
        assert_eq!(
            client
                .write_data(&session.handle, &turn.to_string())
                .await
                .answer(),
            "OK"
        );
        let read = client.data(&session.handle).await;
        assert_eq!(read.part("sessionData"), Some(turn.to_string()));
    }
    let child = Session::refreshed(&client.refresh(&session.refresh.value).await);
    let confirmed = client.verify(&child.access.value).await;
    assert_eq!(confirmed.answer(), "OK");
    let replaced = confirmed.string("newAccessToken.value");
    assert_eq!(client.verify(&replaced).await.answer(), "OK");
    let grandchild = Session::refreshed(&client.refresh(&child.refresh.value).await);
    assert_eq!(
        client.refresh(&grandchild.refresh.value).await.answer(),
        "OK"
    );
    assert_eq!(client.refresh("x").await.answer(), "UNAUTHORISED");

    let deleted = client.revoke(&session.handle).await;
    assert_eq!(deleted.part("deletedAnyEntry").as_deref(), Some("true"));
    client.create(user).await;
    assert_eq!(client.revoke_all(user).await.answer(), "OK");
}
