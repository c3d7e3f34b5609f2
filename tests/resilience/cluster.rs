//! A Galera cluster of three nodes, and processes on different ones. A conflict, a node that lags behind, one that is cut
//! off and one that dies cost a 503, never a wrong answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};

use futures::future::join_all;
use session_tests::prelude::*;
use testbed::database::{Cluster, Server};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};

use crate::common::{Answer, busy, child_of, eventually};
use crate::outage::timely;

/// The answer of a request that is repeated while it is a 503, and how often it was.
async fn settled(mut request: impl AsyncFnMut() -> Reply) -> (Reply, u32) {
    for refused in 0..50 {
        let reply = timely(request()).await;
        if Answer::of_reply(&reply) != Answer::Unavailable {
            return (reply, refused);
        }
    }
    panic!("always 503");
}

#[test_on(mariadb)]
async fn cc1_rv2_db6_a_cluster_gives_no_wrong_answer(db: Backend) {
    let _turn = busy().await;
    let start = || Cluster::start(3, &[]).expect("the cluster starts");
    let cluster = tokio::task::block_in_place(start);
    let nodes = cluster.nodes();
    let place = tokio::task::block_in_place(|| Place::private(db, &nodes[0]));
    let elsewhere = place.as_user_of(&nodes[1], nodes[1].user(), nodes[1].password());
    let setup = |place: &Arc<Place>| place.service().real_timers().set("refresh_reuse_window", 2);
    let pair = [setup(&place).start().await, setup(&elsewhere).start().await];
    let now = pair[0].freeze().await;
    pair[1].freeze_at(now).await;

    made_once(&pair).await;
    one_delete_deletes(&pair).await;
    one_child_wins(&pair).await;
    children_agree(&pair).await;
    an_honest_client_goes_from_node_to_node(&pair).await;
    one_new_key(&pair).await;
    a_node_that_is_cut_off(&pair, &nodes[1]).await;
    behind_a_balancer(&place, nodes).await;
    a_node_that_dies(&pair, &nodes[2]).await;
    for process in &pair {
        process.assert_no_traps().await;
    }
}

/// Tables and keys, by both at the same time.
async fn made_once(pair: &[Service; 2]) {
    let creates = (0..8).map(async |i| {
        let (reply, _) =
            settled(async || pair[i % 2].post_session(r#"{"userId":"ada"}"#).await).await;
        Session::created(&reply)
    });
    let sessions = join_all(creates).await;
    assert_eq!(pair[0].tables().key_rows().await.len(), 2);
    for session in &sessions {
        for process in pair {
            let (reply, _) = settled(async || process.verify(&session.access.value).await).await;
            assert_eq!(reply.answer(), "OK");
        }
    }
}

async fn one_delete_deletes(pair: &[Service; 2]) {
    for round in 0..100 {
        let session = pair[round % 2].create("ada").await;
        let deletes = (0..6).map(|i| timely(pair[i % 2].revoke(&session.handle)));
        let replies = join_all(deletes).await;
        let unknown = replies.iter().filter(|reply| reply.status == 503).count();
        let said = |text: &str| {
            let said = |reply: &&Reply| reply.part("deletedAnyEntry").as_deref() == Some(text);
            replies.iter().filter(said).count()
        };
        assert_eq!(said("true") + said("false") + unknown, 6, "{replies:?}");
        assert!(
            said("true") == 1 || (said("true") == 0 && unknown > 0),
            "{replies:?}"
        );
        let (read, _) = settled(async || pair[1].data(&session.handle).await).await;
        assert_eq!(read.answer(), "UNAUTHORISED");
    }
}

async fn one_child_wins(pair: &[Service; 2]) {
    for _ in 0..40 {
        let session = pair[0].create("ada").await;
        let children = [
            child_of(&pair[0], &session).await,
            child_of(&pair[0], &session).await,
        ];
        pair[1].freeze_at(pair[0].now()).await;
        let confirmations = (0..2)
            .map(async |i| settled(async || pair[i].verify(&children[i].access.value).await).await);
        let outcomes = join_all(confirmations).await;
        let mut answers: Vec<_> = outcomes.iter().map(|(reply, _)| reply.answer()).collect();
        answers.sort_unstable();
        assert_eq!(answers, ["OK", "TRY_REFRESH_TOKEN"]);
    }
}

async fn children_agree(pair: &[Service; 2]) {
    for _ in 0..20 {
        let session = pair[0].create("ada").await;
        let refreshes = (0..8).map(async |i| {
            let (reply, _) =
                settled(async || pair[i % 2].refresh(&session.refresh.value).await).await;
            Session::refreshed(&reply).refresh.value
        });
        let children = join_all(refreshes).await;
        assert!(children.iter().all(|child| *child == children[0]));
    }
}

/// As behind a balancer: each request meets the node that did not serve the one before.
async fn an_honest_client_goes_from_node_to_node(pair: &[Service; 2]) {
    let client = async |number: usize| {
        let mut session = pair[number % 2].create("ada").await;
        for step in number..number + 8 {
            let [this, other] = [&pair[step % 2], &pair[(step + 1) % 2]];
            let (reply, _) = settled(async || other.refresh(&session.refresh.value).await).await;
            session = Session::refreshed(&reply);
            let (reply, _) = settled(async || this.verify(&session.access.value).await).await;
            assert_eq!(reply.answer(), "OK");
            let text = step.to_string();
            let (reply, _) = settled(async || this.write_data(&session.handle, &text).await).await;
            assert_eq!(reply.answer(), "OK");
            let (reply, _) = settled(async || other.data(&session.handle).await).await;
            assert_eq!(reply.part("sessionData"), Some(text));
        }
    };
    join_all((0..50).map(client)).await;
}

async fn one_new_key(pair: &[Service; 2]) {
    for round in 1..=3 {
        pair[0].advance(24 * HOUR).await;
        pair[1].freeze_at(pair[0].now()).await;
        let ticks = pair.iter().map(|process| process.tick_unchecked());
        join_all(ticks).await;
        let (reply, _) = settled(async || pair[1].post_session(r#"{"userId":"ada"}"#).await).await;
        Session::created(&reply);
        let published = pair[0].tables().signing_keys().await;
        let newest = published.last().expect("there are keys");
        assert_eq!(
            newest.generation(),
            1 + round,
            "one new key for each interval"
        );
    }
}

fn isolate(node: &Server, isolated: u8) {
    let sql = format!("SET GLOBAL wsrep_provider_options = 'gmcast.isolate={isolated}'");
    tokio::task::block_in_place(|| node.execute_admin(&sql)).expect("an administrator may");
}

fn state(node: &Server) -> String {
    let sql = "SHOW STATUS LIKE 'wsrep_cluster_status'";
    tokio::task::block_in_place(|| node.query_admin(sql))
        .map_or_else(|_| "unknown".to_owned(), |rows| rows[0][1].clone())
}

/// It knows no more who is in the cluster, and must not answer from what it last heard.
async fn a_node_that_is_cut_off(pair: &[Service; 2], node: &Server) {
    let session = pair[1].create("ada").await;
    isolate(node, 1);
    eventually(20, "it notices", async || state(node) == "non-Primary").await;
    eventually(20, "the others go on", async || {
        pair[0].revoke(&session.handle).await.status == 200
    })
    .await;
    for _ in 0..5 {
        for reply in [
            timely(pair[1].data(&session.handle)).await,
            timely(pair[1].refresh(&session.refresh.value)).await,
            timely(pair[1].revoke(&session.handle)).await,
            timely(pair[1].post_session(r#"{"userId":"ada"}"#)).await,
        ] {
            assert_eq!(reply.status, 503, "{reply:?}");
        }
    }
    isolate(node, 0);
    eventually(30, "it is back", async || {
        pair[1].data(&session.handle).await.status == 200
    })
    .await;
    assert_eq!(pair[1].data(&session.handle).await.answer(), "UNAUTHORISED");
}

/// New connections lead to a healthy node; the kept ones still lead to the one that is not.
async fn behind_a_balancer(place: &Arc<Place>, nodes: &[Server]) {
    let healthy = Arc::new(AtomicU16::new(nodes[1].port()));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let port = listener.local_addr().expect("it is bound").port();
    let target = healthy.clone();
    let balancer = tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let to = target.load(Ordering::Relaxed);
            tokio::spawn(async move {
                if let Ok(mut server) = TcpStream::connect(("127.0.0.1", to)).await {
                    copy_bidirectional(&mut client, &mut server).await.ok();
                }
            });
        }
    });
    let service = place.service().real_timers().set("mysql_port", port);
    let service = service.one_instance().start().await;
    service.create("ada").await;
    isolate(&nodes[1], 1);
    eventually(20, "it notices", async || state(&nodes[1]) == "non-Primary").await;
    healthy.store(nodes[0].port(), Ordering::Relaxed);
    let (_, refused) = settled(async || service.post_session(r#"{"userId":"ada"}"#).await).await;
    assert!(refused <= 1, "{refused} times 503: the connection was kept");
    drop(service);
    balancer.abort();
    isolate(&nodes[1], 0);
    eventually(30, "it is back", async || state(&nodes[1]) == "Primary").await;
}

async fn a_node_that_dies(pair: &[Service; 2], node: &Server) {
    let session = pair[0].create("ada").await;
    tokio::task::block_in_place(|| node.kill());
    for process in pair {
        eventually(20, "the others go on", async || {
            process.post_session(r#"{"userId":"ada"}"#).await.status == 200
        })
        .await;
    }
    assert_eq!(pair[1].refresh(&session.refresh.value).await.answer(), "OK");
}
