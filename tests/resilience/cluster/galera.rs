//! A Galera cluster of three nodes, and processes on different ones. A conflict, a node that lags behind, one that is cut
//! off and one that dies cost a 503, never a wrong answer.

use std::sync::Arc;

use session_tests::prelude::*;
use testbed::database::{Cluster, Server};

use super::{Balancer, all_is_right, settled};
use crate::common::eventually;
use crate::outage::timely;

#[test_on(mariadb)]
async fn cc1_rv2_db6_a_cluster_gives_no_wrong_answer(db: Backend) {
    let start = || Cluster::galera(3, &[]).expect("the cluster starts");
    let cluster = tokio::task::block_in_place(start);
    let nodes = cluster.nodes();
    let place = tokio::task::block_in_place(|| Place::private(db, &nodes[0]));
    let elsewhere = place.as_user_of(&nodes[1], nodes[1].user(), nodes[1].password());
    let setup = |place: &Arc<Place>| place.service().real_timers().set("refresh_reuse_window", 2);
    let pair = [setup(&place).start().await, setup(&elsewhere).start().await];
    let now = pair[0].freeze().await;
    pair[1].freeze_at(now).await;

    all_is_right(&pair).await;
    a_node_that_is_cut_off(&pair, &nodes[1]).await;
    behind_a_balancer(&place, nodes).await;
    a_node_that_dies(&pair, &nodes[2]).await;
    for process in &pair {
        process.assert_no_traps().await;
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
    let balancer = Balancer::start(nodes[1].port()).await;
    let service = place
        .service()
        .real_timers()
        .set("mysql_port", balancer.port);
    let service = service.one_instance().start().await;
    service.create("ada").await;
    isolate(&nodes[1], 1);
    eventually(20, "it notices", async || state(&nodes[1]) == "non-Primary").await;
    balancer.lead_to(nodes[0].port());
    let (_, refused) = settled(async || service.post_session(r#"{"userId":"ada"}"#).await).await;
    assert!(refused <= 1, "{refused} times 503: the connection was kept");
    drop(service);
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
