//! `access_token_blacklisting=feed` on two processes: what one deletes the other refuses in time, whatever becomes of the
//! database.

use std::time::{Duration, Instant};

use futures::future::join_all;
use session_tests::prelude::*;
use testbed::database::Server;

use crate::common::{eventually, unavailable};
use crate::outage::{on, own_server, start_again, timely};

/// How long after its deletion a token may be accepted while the database answers.
const BOUND: Duration = Duration::from_secs(2);

/// `revocation_max_staleness` of the game: for so long memory serves while the database is away.
const STALENESS: Duration = Duration::from_secs(3);

/// What becomes of the database right after a deletion.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Outage {
    None,
    Paused,
    Killed,
}

/// What both processes say of these tokens. None may be accepted by a check that was sent after `end`: a busy machine only
/// makes the answer come later.
async fn ask(pair: &[Service; 2], tokens: &[String], end: Option<Instant>) -> Vec<Reply> {
    let checks = tokens
        .iter()
        .flat_map(|token| pair.iter().map(move |service| (service, token)));
    let checks = checks.map(|(service, token)| async move {
        let sent = Instant::now();
        let reply = timely(service.verify(token)).await;
        let late = end.map(|end| sent.saturating_duration_since(end));
        assert!(
            !is_accepted(&reply) || late.is_none_or(|late| late.is_zero()),
            "accepted {late:?} too late"
        );
        reply
    });
    join_all(checks).await
}

fn is_accepted(reply: &Reply) -> bool {
    reply.status == 200 && reply.answer() == "OK"
}

fn is_refused(reply: &Reply) -> bool {
    reply.status == 200 && reply.answer() != "OK"
}

#[test_on(servers, alone)]
async fn rv6_what_one_process_deletes_the_other_refuses_in_time(db: Backend) {
    let (server, place) = own_server(db).await;
    let start = async || {
        let service = place.service().real_timers().one_instance();
        let service = service.set("access_token_blacklisting", "feed");
        let staleness = STALENESS.as_secs();
        service
            .set("revocation_max_staleness", staleness)
            .start()
            .await
    };
    let pair = [start().await, start().await];
    let stays = [pair[0].create("ada").await.access.value];
    for service in &pair {
        eventually(10, "the feed is in memory", async || {
            for _ in 0..2 {
                service.forget_statements().await;
                assert!(is_accepted(&service.verify(&stays[0]).await));
            }
            service.statements().await == 0
        })
        .await;
    }

    for (round, outage) in [Outage::None, Outage::Paused, Outage::Killed]
        .into_iter()
        .enumerate()
    {
        let (deleter, other) = (&pair[round % 2], &pair[1 - round % 2]);
        let one = other.create("bob").await;
        let many = join_all((0..8).map(|_| deleter.create("carol"))).await;
        let sessions = many.iter().chain([&one]);
        let tokens: Vec<_> = sessions.map(|it| it.access.value.clone()).collect();
        assert!(ask(&pair, &tokens, None).await.iter().all(is_accepted));
        assert_eq!(deleter.revoke(&one.handle).await.answer(), "OK");
        assert_eq!(deleter.revoke_all("carol").await.answer(), "OK");
        let end = match outage {
            Outage::None => Instant::now() + BOUND,
            Outage::Paused | Outage::Killed => {
                let is_pause = outage == Outage::Paused;
                on(
                    &server,
                    if is_pause {
                        Server::pause
                    } else {
                        Server::kill
                    },
                )
                .await;
                // From now on no read begins that ends well.
                Instant::now() + STALENESS
            }
        };
        let mut accepted = 0;
        loop {
            let replies = ask(&pair, &tokens, Some(end)).await;
            accepted += replies.iter().filter(|reply| is_accepted(reply)).count();
            for reply in ask(&pair, &stays, None).await {
                match reply.status {
                    200 => assert!(is_accepted(&reply), "nobody deleted it"),
                    _ => unavailable(&reply),
                }
            }
            let is_over: fn(&Reply) -> bool = match outage {
                Outage::None => is_refused,
                Outage::Paused | Outage::Killed => |reply| reply.status == 503,
            };
            if replies.iter().all(is_over) {
                break;
            }
        }
        println!("{outage:?}: {accepted} checks accepted a deleted session's token in time");
        match outage {
            Outage::None => continue,
            Outage::Paused => on(&server, Server::resume).await,
            Outage::Killed => on(&server, start_again).await,
        }
        eventually(10, "both know again", async || {
            let refused = ask(&pair, &tokens, Some(end)).await;
            let accepted = ask(&pair, &stays, None).await;
            refused.iter().all(is_refused) && accepted.iter().all(is_accepted)
        })
        .await;
    }
    for service in &pair {
        service.assert_no_traps().await;
    }
}
