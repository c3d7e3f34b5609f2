//! Databases of several servers, and what holds on each of them: whichever server a process talks to, and whatever happens
//! to one, an answer is right or a 503.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};
use std::time::Duration;

use futures::future::{join, join_all};
use session_tests::prelude::*;
use testbed::database::Server;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::common::{Answer, child_of};
use crate::outage::timely;

mod galera;
mod group;
mod spider;

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

/// The answer of a request that is repeated until it is none of 503.
async fn patiently(mut request: impl AsyncFnMut() -> Reply) -> Reply {
    loop {
        let reply = timely(request()).await;
        if Answer::of_reply(&reply) != Answer::Unavailable {
            return reply;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Does something to a server that blocks.
fn on<T>(server: &Server, work: impl FnOnce(&Server) -> T) -> T {
    tokio::task::block_in_place(|| work(server))
}

/// Leads new connections to one of several servers; kept ones stay where they are.
struct Balancer {
    port: u16,
    target: Arc<AtomicU16>,
    task: JoinHandle<()>,
}

impl Balancer {
    async fn start(to: u16) -> Self {
        let target = Arc::new(AtomicU16::new(to));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("it is bound").port();
        let to = target.clone();
        let task = tokio::spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                let to = to.load(Ordering::Relaxed);
                tokio::spawn(async move {
                    if let Ok(mut server) = TcpStream::connect(("127.0.0.1", to)).await {
                        copy_bidirectional(&mut client, &mut server).await.ok();
                    }
                });
            }
        });
        Self { port, target, task }
    }

    fn lead_to(&self, port: u16) {
        self.target.store(port, Ordering::Relaxed);
    }
}

impl Drop for Balancer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Sixteen clients repeat what is a 503: whatever was acknowledged is there, and none is taken for a thief.
async fn clients_lose_nothing_while(pair: &[Service; 2], chaos: impl Future<Output = ()>) {
    let over = AtomicBool::new(false);
    let client = async |number: usize| {
        let create = async || pair[number % 2].post_session(r#"{"userId":"ada"}"#).await;
        let mut session = Session::created(&patiently(create).await);
        let mut step = number;
        while !over.load(Ordering::Relaxed) {
            step += 1;
            let [this, other] = [&pair[step % 2], &pair[(step + 1) % 2]];
            let reply = patiently(async || other.refresh(&session.refresh.value).await).await;
            session = Session::refreshed(&reply);
            let reply = patiently(async || this.verify(&session.access.value).await).await;
            assert_eq!(reply.answer(), "OK");
            let text = step.to_string();
            let reply = patiently(async || this.write_data(&session.handle, &text).await).await;
            assert_eq!(reply.answer(), "OK");
            let reply = patiently(async || other.data(&session.handle).await).await;
            assert_eq!(reply.part("sessionData"), Some(text));
        }
        patiently(async || pair[0].revoke(&session.handle).await).await;
        let reply = patiently(async || pair[1].data(&session.handle).await).await;
        assert_eq!(reply.answer(), "UNAUTHORISED");
        step - number
    };
    let chaos = async {
        chaos.await;
        over.store(true, Ordering::Relaxed);
    };
    let (steps, ()) = join(join_all((0..16).map(client)), chaos).await;
    assert!(steps.iter().all(|steps| *steps > 0), "{steps:?}");
}

/// What holds while all servers are well, for two processes whose clocks stand at the same time.
async fn all_is_right(pair: &[Service; 2]) {
    made_once(pair).await;
    one_delete_deletes(pair).await;
    one_child_wins(pair).await;
    children_agree(pair).await;
    an_honest_client_goes_from_process_to_process(pair).await;
    one_new_key(pair).await;
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

/// As behind a balancer: each request meets the process that did not serve the one before.
async fn an_honest_client_goes_from_process_to_process(pair: &[Service; 2]) {
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
