//! More than is good: bodies, garbage, clients.

use std::time::{Duration, Instant};

use futures::future::join_all;
use session_tests::prelude::*;
use session_tests::raw_http::RawConnection;
use testbed::service::{Action, FaultRule, On};

use crate::common::{Answer, eventually};

/// The most memory that a process had, in megabytes.
fn peak_memory(service: &Service) -> u64 {
    let status =
        std::fs::read_to_string(format!("/proc/{}/status", service.pid())).expect("it runs");
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM:"))
        .expect("Linux says so");
    let kilobytes = line
        .split_whitespace()
        .nth(1)
        .and_then(|text| text.parse::<u64>().ok());
    kilobytes.expect("a number") / 1024
}

#[test_on(everywhere)]
async fn ds1_bodies_of_20_mb_leave_the_memory_flat(db: Backend) {
    let service = db.service().start().await;
    let body = format!(
        r#"{{"userId":"ada","sessionData":"{}"}}"#,
        "x".repeat(60_000)
    );
    join_all((0..16).map(|_| service.post_session(body.clone()))).await;
    let before = peak_memory(&service);
    let floods = (0..16).map(|number| {
        let address = service.address().to_owned();
        async move {
            let mut connection = RawConnection::open(&address).await;
            // Announced, chunked, and announced as less than what comes.
            let length = match number % 3 {
                0 => "content-length: 20000000",
                1 => "transfer-encoding: chunked",
                _ => "content-length: 262145",
            };
            let head = format!("POST /session HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n{length}\r\n\r\n");
            connection.write(head.as_bytes()).await;
            let chunk = match number % 3 {
                1 => format!("10000\r\n{}\r\n", "[".repeat(0x10000)),
                _ => "[".repeat(0x10000),
            };
            let mut sent = 0;
            while sent < 20_000_000 && connection.write(chunk.as_bytes()).await {
                sent += chunk.len();
            }
            connection.read_reply().await
        }
    });
    let replies = join_all(floods).await;
    let refused = replies
        .iter()
        .filter(|reply| reply.starts_with("HTTP/1.1 413 "))
        .count();
    // A reply may be lost to the reset of a connection that still had bytes under way.
    assert!(refused > 0, "{replies:?}");
    assert!(
        replies
            .iter()
            .all(|reply| reply.is_empty() || reply.starts_with("HTTP/1.1 413 ")),
        "{replies:?}"
    );
    let grown = peak_memory(&service) - before;
    assert!(grown < 64, "{grown} MB more, for 16 bodies of 20 MB");
    assert_eq!(service.create("ada").await.user, "ada");
    service.assert_no_traps().await;
}

#[test_on(everywhere)]
async fn in4_a_million_brackets_are_400_without_a_trap(db: Backend) {
    let service = db.service().start().await;
    for depth in [100, 30_000, 65_000, 1_000_000] {
        for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
            let value = format!("{}0{}", open.repeat(depth), close.repeat(depth));
            let body = format!(r#"{{"userId":"ada","sessionData":{value}}}"#);
            let Ok(reply) = service.try_json("POST", "/session", body).await else {
                // A body over the limit is cut off, and its sender may meet that before the reply.
                assert!(depth > 65_000, "no reply at depth {depth}");
                continue;
            };
            match reply.status {
                200 => {
                    let session = Session::created(&reply);
                    let read = service.data(&session.handle).await;
                    let stored = service
                        .tables()
                        .session(&session.handle)
                        .await
                        .expect("live");
                    assert_eq!(stored.session_info.as_deref(), Some(&*value));
                    assert!(read.text().contains(&value), "not exact at depth {depth}");
                }
                400 | 413 => {}
                _ => panic!("{depth}: {reply:?}"),
            }
        }
    }
    service.assert_no_traps().await;
}

#[test_on(everywhere)]
async fn ds2_10000_bad_tokens_ask_the_database_next_to_nothing(db: Backend) {
    let service = db.service().one_instance().start().await;
    let session = service.create("ada").await;
    let good = Jwt::parse(&session.access.value);
    let mut random = Random::new();
    let mut bad = |number: usize| match number % 5 {
        0 => good.clone().sign(&random.bits().to_be_bytes()),
        1 => {
            let header = format!(r#"{{"alg":"HS256","typ":"JWT","kid":"{}"}}"#, 2 + number);
            good.clone().header(&header).sign(&[1; 32])
        }
        2 => good.clone().claim("exp", 1).sign(&[1; 32]),
        3 => format!("{}x", session.refresh.value),
        _ => random.text(200),
    };
    let tokens: Vec<String> = (0..10_000).map(&mut bad).collect();
    service.forget_statements().await;
    let started = Instant::now();
    for chunk in tokens.chunks(48) {
        let client = &*service;
        let replies = chunk.iter().enumerate().map(|(i, token)| async move {
            match i % 2 {
                0 => (client.verify(token).await, "TRY_REFRESH_TOKEN"),
                _ => (client.refresh(token).await, "UNAUTHORISED"),
            }
        });
        for (reply, expected) in join_all(replies).await {
            assert_eq!(reply.answer(), expected, "{reply:?}");
        }
    }
    let seconds = started.elapsed().as_secs();
    let statements = service.statements().await;
    // The keys are looked at once in 5 s, by each instance that there is.
    let instances = service.stats().await.instances.max(1);
    let allowed = (seconds / 5 + 2) * 3 * instances;
    assert!(
        statements <= allowed,
        "{statements} statements in {seconds} s, {instances} instances"
    );
    service.assert_no_traps().await;
}

#[test_on(everywhere, alone)]
async fn ds3_beyond_every_limit_there_are_503s_and_then_recovery(db: Backend) {
    let service = db.service().real_timers().start().await;
    let session = service.create("ada").await;
    let slow = FaultRule::new(On::Statement, Action::DelayMs(1_000)).for_ever();
    service.faults(&[slow]).await;
    let clients = (0..300).map(|number| {
        let client = service.another_client();
        let token = &session.refresh.value;
        async move {
            let started = Instant::now();
            let answer = match number % 2 {
                0 => Answer::of_reply(&client.refresh(token).await),
                _ => Answer::of_reply(&client.post_session(r#"{"userId":"bob"}"#).await),
            };
            (answer, started.elapsed())
        }
    });
    let answers = join_all(clients).await;
    let count = |wanted: Answer| {
        answers
            .iter()
            .filter(|(answer, _)| *answer == wanted)
            .count()
    };
    let (served, refused) = (count(Answer::Ok), count(Answer::Unavailable));
    assert_eq!(served + refused, answers.len(), "{answers:?}");
    assert!(refused > 0, "that was not beyond every limit");
    // Three deadlines may follow each other in a queue; nobody waits without end.
    let longest = answers
        .iter()
        .map(|(_, took)| *took)
        .max()
        .expect("there are some");
    assert!(longest < Duration::from_secs(15), "{longest:?}");
    service.database_back().await;
    eventually(5, "it serves", async || {
        let replies = (0..8).map(|_| service.refresh(&session.refresh.value));
        join_all(replies)
            .await
            .iter()
            .all(|reply| reply.status == 200)
    })
    .await;
    service.assert_no_traps().await;
}
