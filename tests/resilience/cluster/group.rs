//! MySQL's group replication with a single primary, and processes that reach it through a balancer. The primary dies, hangs,
//! and comes back: a 503 for some seconds, never a wrong answer.

use session_tests::prelude::*;
use testbed::database::{Cluster, Server};

use super::{Balancer, all_is_right, clients_lose_nothing_while, on};
use crate::common::{eventually, read_only};
use crate::outage::{start_again, timely};

/// A read waits for what the group has agreed on: a primary that hung, and was replaced meanwhile, knows of it only then.
const CONSISTENCY: &str = "--group-replication-consistency=BEFORE";

#[test_on(mysql9)]
async fn cc1_rv2_db6_a_group_with_one_primary(db: Backend) {
    let start = || Cluster::group(3, &[CONSISTENCY]).expect("the group starts");
    let group = tokio::task::block_in_place(start);
    let members = group.nodes();
    let place = tokio::task::block_in_place(|| Place::private(db, &members[0]));
    let balancer = Balancer::start(members[0].port()).await;
    let start = || {
        let setup = place.service().real_timers().set("refresh_reuse_window", 2);
        setup.set("mysql_port", balancer.port).start()
    };
    let pair = [start().await, start().await];
    let now = pair[0].freeze().await;
    pair[1].freeze_at(now).await;

    all_is_right(&pair).await;
    a_secondary_takes_no_writes(&place, &members[1]).await;
    clients_lose_nothing_while(&pair, the_primary_dies(members, &balancer)).await;
    a_primary_that_hangs(&pair, members, &balancer).await;
    for process in &pair {
        process.assert_no_traps().await;
    }
}

/// The members as one of them sees them: of each that is reachable, whether it is the primary, and its port.
fn view(member: &Server) -> Vec<(bool, u16)> {
    let sql = "SELECT member_role, member_port FROM performance_schema.replication_group_members \
               WHERE member_state = 'ONLINE'";
    let row = |row: Vec<String>| (row[0] == "PRIMARY", row[1].parse().expect("a port"));
    let rows = on(member, |member| member.query_admin(sql));
    rows.unwrap_or_default().into_iter().map(row).collect()
}

async fn a_secondary_takes_no_writes(place: &Place, secondary: &Server) {
    let place = place.as_user_of(secondary, secondary.user(), secondary.password());
    let service = place.service().real_timers().start().await;
    read_only(&timely(service.post_session(r#"{"userId":"ada"}"#)).await);
}

/// Leads the balancer to the primary that the others elect in place of one of them; panics if they don't.
async fn elected(others: &[&Server], balancer: &Balancer) {
    eventually(40, "another is elected", async || {
        let ports = others.iter().map(|other| other.port());
        let primary = view(others[0])
            .into_iter()
            .find(|(is_primary, _)| *is_primary);
        let port = primary.map(|(_, port)| port);
        let port = port.filter(|port| ports.clone().any(|other| other == *port));
        port.map(|port| balancer.lead_to(port)).is_some()
    })
    .await;
}

async fn the_primary_dies(members: &[Server], balancer: &Balancer) {
    on(&members[0], Server::kill);
    elected(&[&members[1], &members[2]], balancer).await;
    on(&members[0], |member| {
        start_again(member);
        Cluster::join(member).expect("it comes back");
    });
    eventually(40, "it is back", async || view(&members[1]).len() == 3).await;
}

/// Connections to it stay open; the others go on without it, and when it goes on it must not answer from what it knew.
async fn a_primary_that_hangs(pair: &[Service; 2], members: &[Server], balancer: &Balancer) {
    let session = pair[0].create("ada").await;
    let primary = view(&members[0])
        .into_iter()
        .find(|(is_primary, _)| *is_primary);
    let (_, port) = primary.expect("there is a primary");
    let (hung, others): (Vec<_>, Vec<_>) = members.iter().partition(|it| it.port() == port);
    on(hung[0], Server::pause);
    elected(&others, balancer).await;
    // The first process finds the new primary, the second one's connection still leads to the one that hangs.
    eventually(20, "the others go on", async || {
        timely(pair[0].revoke(&session.handle)).await.status == 200
    })
    .await;
    on(hung[0], Server::resume);
    for _ in 0..20 {
        let reply = timely(pair[1].data(&session.handle)).await;
        assert!(
            reply.status == 503 || reply.answer() == "UNAUTHORISED",
            "{reply:?}"
        );
    }
    eventually(20, "it serves", async || {
        pair[1].post_session(r#"{"userId":"ada"}"#).await.status == 200
    })
    .await;
    assert_eq!(pair[1].data(&session.handle).await.answer(), "UNAUTHORISED");
}
