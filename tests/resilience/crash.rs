//! The crash journal: the service and its database are killed while clients work. What a client was told is there
//! afterwards, and nothing that nobody asked for.

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use session_tests::prelude::*;
use testbed::database::Server;

use crate::common::{Answer, data, soak};
use crate::outage::{on, own_server, start_again};

const CLIENTS: usize = 8;
const CRASHES: usize = 6;

/// What is killed. SQLite has no server, so there it is always the service.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Crash {
    Service,
    Server,
    Both,
}

#[derive(Default)]
struct Tally {
    requests: u64,
    unknown: u64,
    sessions: u64,
    checks: u64,
}

/// What a client was told of one of its sessions, and what it asked last without an answer.
struct Entry {
    session: Session,
    data: u64,
    asked_data: Option<u64>,
    deleted: bool,
    asked_delete: bool,
}

#[test_on(everywhere)]
async fn db2_du1_db11_what_was_acknowledged_survives_every_crash(db: Backend) {
    soak(|random| game(db, random)).await;
}

async fn game(db: Backend, mut random: Random) {
    let (server, place) = match db {
        Backend::Sqlite => (None, db.place().await),
        _ => {
            let (server, place) = own_server(db).await;
            (Some(server), place)
        }
    };
    let mut service = place.service().start().await;
    let mut journals: Vec<Vec<Entry>> = (0..CLIENTS).map(|_| Vec::new()).collect();
    let mut tally = Tally::default();
    let mut crashes = Vec::new();
    let first = random.below(3);
    for number in 0..CRASHES {
        let after = Duration::from_millis(150 + random.below(500) as u64);
        let crash = match (&server, (first + number) % 3) {
            (None, _) | (_, 0) => Crash::Service,
            (_, 1) => Crash::Server,
            _ => Crash::Both,
        };
        crashes.push(crash);
        let dying = server.as_ref().filter(|_| crash != Crash::Service);
        let work = journals.iter_mut().map(|journal| {
            let random = Random::seeded(random.bits());
            write_until_lost(service.another_client(), journal, random)
        });
        let death = async {
            tokio::time::sleep(after).await;
            let of_server = async {
                if let Some(server) = dying {
                    on(server, Server::kill).await;
                }
            };
            let of_service = async {
                if crash != Crash::Server {
                    kill_process(&service).await;
                }
            };
            futures::join!(of_server, of_service);
        };
        let (tallies, ()) = futures::join!(join_all(work), death);
        for of_client in tallies {
            tally.requests += of_client.requests;
            tally.unknown += of_client.unknown;
            tally.sessions += of_client.sessions;
        }
        if let Some(server) = dying {
            on(server, start_again).await;
        }
        if crash != Crash::Server {
            service = place.service().start().await;
        }
        wait_until_it_serves(&service).await;
        for journal in &mut journals {
            check(&service, journal, &mut tally).await;
        }
    }
    if db == Backend::Sqlite {
        let verdict = place.tables().query("PRAGMA integrity_check", &[]).await;
        assert_eq!(verdict, [[Some("ok".to_owned())]]);
    }
    let Tally {
        requests,
        unknown,
        sessions,
        checks,
    } = tally;
    let count = |wanted: Crash| crashes.iter().filter(|crash| **crash == wanted).count();
    println!(
        "{} crash: {} kills of the service, {} of the server, {} of both at once, {requests} requests ({unknown} \
         without an answer) on {sessions} sessions, {checks} checks: nothing acknowledged was lost",
        db.name(),
        count(Crash::Service),
        count(Crash::Server),
        count(Crash::Both),
    );
    drop(service);
    drop(server.map(Arc::into_inner));
}

async fn kill_process(service: &Service) {
    let pid = service.pid();
    let killed = tokio::process::Command::new("kill")
        .args(["-9", &pid.to_string()])
        .status()
        .await;
    assert!(killed.expect("kill is everywhere").success());
}

async fn wait_until_it_serves(service: &Service) {
    crate::common::eventually(20, "it serves", async || {
        service.post_session(r#"{"userId":"probe"}"#).await.status == 200
    })
    .await;
}

/// Works on sessions of its own until an answer is missing.
async fn write_until_lost(client: Client, journal: &mut Vec<Entry>, mut random: Random) -> Tally {
    let mut tally = Tally::default();
    loop {
        tally.requests += 1;
        let live: Vec<usize> = (0..journal.len())
            .filter(|i| !journal[*i].deleted)
            .collect();
        let entry = match live.is_empty() || random.one_in(6) {
            true => None,
            false => Some(*random.pick(&live)),
        };
        let Some(entry) = entry else {
            let body = format!(r#"{{"userId":"ada","sessionData":{}}}"#, data(0));
            let result = client.try_json("POST", "/session", body).await;
            match Answer::of(&result) {
                Answer::Ok => {
                    tally.sessions += 1;
                    journal.push(Entry {
                        session: Session::created(&result.expect("it is OK")),
                        data: 0,
                        asked_data: None,
                        deleted: false,
                        asked_delete: false,
                    });
                }
                answer if answer.is_unknown() => {
                    tally.unknown += 1;
                    return tally;
                }
                answer => panic!("a create: {answer:?}"),
            }
            continue;
        };
        let entry = &mut journal[entry];
        let handle = entry.session.handle.clone();
        let answer = match random.below(8) {
            0..=2 => {
                let value = random.bits() >> 40;
                entry.asked_data = Some(value);
                let body = format!(
                    r#"{{"sessionHandle":"{handle}","sessionData":{}}}"#,
                    data(value)
                );
                let answer = Answer::of(&client.try_json("PUT", "/session/data", body).await);
                if answer == Answer::Ok {
                    entry.data = value;
                    entry.asked_data = None;
                }
                answer
            }
            3..=4 => {
                let token = &entry.session.refresh.value;
                let body = format!(r#"{{"refreshToken":"{token}","idRefreshToken":"id"}}"#);
                let result = client.try_json("PUT", "/refresh", body).await;
                let answer = Answer::of(&result);
                if answer == Answer::Ok {
                    entry.session = Session::refreshed(&result.expect("it is OK"));
                }
                answer
            }
            5..=6 => {
                let token = &entry.session.access.value;
                let body = format!(r#"{{"accessToken":"{token}","idRefreshToken":"id"}}"#);
                Answer::of(&client.try_json("PUT", "/session", body).await)
            }
            _ => {
                entry.asked_delete = true;
                let body = format!(r#"{{"sessionHandle":"{handle}"}}"#);
                let answer = Answer::of(&client.try_json("DELETE", "/session", body).await);
                entry.deleted = answer == Answer::Ok;
                answer
            }
        };
        match answer {
            Answer::Ok => {}
            answer if answer.is_unknown() => {
                tally.unknown += 1;
                return tally;
            }
            answer => panic!("of a live session: {answer:?}"),
        }
    }
}

/// Compares what was told with what is there, and notes which of the open questions came true.
async fn check(service: &Service, journal: &mut Vec<Entry>, tally: &mut Tally) {
    for entry in journal.iter_mut() {
        tally.checks += 1;
        let read = service.data(&entry.session.handle).await;
        let gone = Answer::of_reply(&read) == Answer::Unauthorised;
        if entry.deleted || (entry.asked_delete && gone) {
            assert!(gone, "a deleted session is back: {read:?}");
            let reply = service.refresh(&entry.session.refresh.value).await;
            assert_eq!(Answer::of_reply(&reply), Answer::Unauthorised);
            entry.deleted = true;
            continue;
        }
        entry.asked_delete = false;
        let found = read.part("sessionData");
        let asked = entry.asked_data.take();
        match asked {
            Some(asked) if found == Some(data(asked)) => entry.data = asked,
            _ => assert_eq!(
                found,
                Some(data(entry.data)),
                "an acknowledged write is gone"
            ),
        }
        // The tokens that the client holds are as good as before, whatever it asked last.
        let reply = service.refresh(&entry.session.refresh.value).await;
        assert_eq!(Answer::of_reply(&reply), Answer::Ok, "{reply:?}");
        entry.session = Session::refreshed(&reply);
    }
    // What is over needs no more checks.
    journal.retain(|entry| !entry.deleted);
    journal.truncate(6);
}
