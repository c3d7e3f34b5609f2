//! Histories of many clients on several processes with a failing database: there must be an order that respects
//! real time and in which every reply is the one of the contract's table (linearizability, per session).
//!
//! A timeout or a 503 may have happened at any time after it was sent, or never.

mod order;

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use futures::future::join_all;
use order::{Event, Operation};
use session_reference::lineage::Lineage;
use session_tests::prelude::*;
use testbed::service::{Action, FaultRule, On};

use crate::common::{Answer, data, soak};

const PROCESSES: usize = 3;
const CLIENTS: usize = 6;
const SESSIONS: usize = 4;
const STEPS: usize = 9;
const ROUNDS: usize = 10;

/// The events of one session and the tokens that were seen.
#[derive(Default)]
struct Record {
    handle: String,
    tokens: Vec<Session>,
    lineage: Lineage,
    numbers: HashMap<String, usize>,
    events: Vec<Event>,
}

/// What the clients share.
struct Stage<'a> {
    processes: &'a [Service],
    records: Vec<Mutex<Record>>,
    /// Real time, as far as the order of events goes.
    ticks: AtomicU64,
}

#[derive(Default)]
struct Tally {
    histories: u64,
    events: u64,
    unknown: u64,
    thefts: u64,
    searched: u64,
}

#[test_on(everywhere)]
async fn cc1_cc2_cc3_cc7_rv1_every_history_has_an_order(db: Backend) {
    soak(|random| game(db, random)).await;
}

async fn game(db: Backend, mut random: Random) {
    let window = *random.pick(&[0, 10]);
    let place = db.place().await;
    let starting =
        (0..PROCESSES).map(|_| place.service().set("refresh_reuse_window", window).start());
    let processes = join_all(starting).await;
    processes[0].create("first").await;
    let mut tally = Tally::default();
    for _ in 0..ROUNDS {
        round(&processes, &mut random, &mut tally).await;
    }
    for process in &processes {
        process.assert_no_traps().await;
    }
    let Tally {
        histories,
        events,
        unknown,
        thefts,
        searched,
    } = tally;
    println!(
        "{} history: {histories} histories of {events} events by {CLIENTS} clients on {PROCESSES} processes \
         ({unknown} without an answer, {thefts} thefts, reuse window {window} s), all with an order; \
         {searched} states searched",
        db.name()
    );
}

async fn round(processes: &[Service], random: &mut Random, tally: &mut Tally) {
    let creates = (0..SESSIONS).map(|i| processes[i % PROCESSES].create_with_data("ada", "0"));
    let records = join_all(creates)
        .await
        .into_iter()
        .map(Record::of)
        .map(Mutex::new)
        .collect();
    let stage = Stage {
        processes,
        records,
        ticks: AtomicU64::new(0),
    };
    for process in processes {
        process.faults(&random_faults(process, random)).await;
    }
    let clients = (0..CLIENTS).map(|_| client(&stage, Random::seeded(random.bits())));
    join_all(clients).await;
    for process in processes {
        process.database_back().await;
    }
    for record in stage.records {
        let record = record.into_inner().expect("not poisoned");
        tally.histories += 1;
        tally.events += record.events.len() as u64;
        tally.unknown += record
            .events
            .iter()
            .filter(|event| event.answer.is_unknown())
            .count() as u64;
        let is_theft = |event: &&Event| event.answer == Answer::Theft;
        tally.thefts += record.events.iter().filter(is_theft).count() as u64;
        match order::search(&record.events, &record.lineage) {
            Ok(searched) => tally.searched += searched,
            Err(why) => panic!(
                "seed {}: {why}\n{}",
                random.seed(),
                order::transcript(&record.events)
            ),
        }
    }
}

/// Some connections die before or after a statement, some statements wait.
fn random_faults(process: &Service, random: &mut Random) -> Vec<FaultRule> {
    let (before, after) = match process.place().backend() {
        Backend::Sqlite => (Action::error(0, "database is locked"), Action::cut_after()),
        _ => (Action::cut_before(), Action::cut_after()),
    };
    let mut rules = Vec::new();
    for _ in 0..random.below(4) {
        let action = random
            .pick(&[&before, &after, &Action::DelayMs(15)])
            .to_owned()
            .clone();
        let kind = *random.pick(&[On::Statement, On::Execute]);
        let nth = 1 + random.below(25) as u64;
        rules.push(FaultRule {
            times: Some(1 + random.below(3) as u64),
            ..FaultRule::new(kind, action).nth(nth)
        });
    }
    rules
}

async fn client(stage: &Stage<'_>, mut random: Random) {
    for _ in 0..STEPS {
        let process = random.pick(stage.processes);
        let record = &stage.records[random.below(SESSIONS)];
        // Pick and send by what is known of the session now; others do the same meanwhile.
        let (operation, token, handle) = {
            let record = record.lock().expect("not poisoned");
            let back = random.below(4).min(record.tokens.len() - 1);
            let number = record.tokens.len() - 1 - back;
            let operation = match random.below(24) {
                0..=8 => Operation::Refresh(number),
                9..=16 => Operation::Verify(number),
                17..=19 => Operation::Write(random.bits() >> 40),
                20..=22 => Operation::Read,
                _ => Operation::Delete,
            };
            (
                operation,
                record.tokens[number].clone(),
                record.handle.clone(),
            )
        };
        let begin = stage.ticks.fetch_add(1, Ordering::SeqCst);
        let result = match operation {
            Operation::Refresh(_) => {
                try_token(process, "/refresh", "refreshToken", &token.refresh.value).await
            }
            Operation::Verify(_) => {
                try_token(process, "/session", "accessToken", &token.access.value).await
            }
            Operation::Write(value) => {
                let body = format!(
                    r#"{{"sessionHandle":"{handle}","sessionData":{}}}"#,
                    data(value)
                );
                process.try_json("PUT", "/session/data", body).await
            }
            Operation::Read => {
                let path = format!("/session/data?sessionHandle={handle}");
                process.try_send("GET", &path, &[], "").await
            }
            Operation::Delete => {
                let body = format!(r#"{{"sessionHandle":"{handle}"}}"#);
                process.try_json("DELETE", "/session", body).await
            }
        };
        let end = stage.ticks.fetch_add(1, Ordering::SeqCst);
        let mut record = record.lock().expect("not poisoned");
        record.add(operation, begin, end, &result);
    }
}

async fn try_token(
    process: &Service,
    path: &str,
    field: &str,
    token: &str,
) -> Result<Reply, reqwest::Error> {
    let body = format!(r#"{{"{field}":"{token}","idRefreshToken":"id"}}"#);
    process.try_json("PUT", path, body).await
}

impl Record {
    fn of(session: Session) -> Self {
        let mut record = Self {
            handle: session.handle.clone(),
            ..Self::default()
        };
        record.learn(session, None);
        record
    }

    fn learn(&mut self, session: Session, parent: Option<usize>) -> usize {
        if let Some(number) = self.numbers.get(&session.refresh.value) {
            // Whoever raced may get a child's child.
            let mut ancestors = self.lineage.ancestors(*number);
            assert!(
                ancestors.any(|ancestor| Some(ancestor) == parent),
                "a token that comes from another one"
            );
            return *number;
        }
        let number = self.lineage.add(parent);
        self.numbers.insert(session.refresh.value.clone(), number);
        self.tokens.push(session);
        number
    }

    fn add<E>(&mut self, operation: Operation, begin: u64, end: u64, result: &Result<Reply, E>) {
        let answer = Answer::of(result);
        let mut event = Event {
            operation,
            begin,
            end,
            answer,
            detail: None,
        };
        if let (Ok(reply), Answer::Ok) = (result, answer) {
            event.detail = match operation {
                Operation::Refresh(parent) => Some(
                    self.learn(Session::refreshed(reply), Some(parent))
                        .to_string(),
                ),
                Operation::Verify(_) => reply.part("newAccessToken").map(|_| "replaced".to_owned()),
                Operation::Read => reply.part("sessionData"),
                Operation::Delete => reply.part("deletedAnyEntry"),
                Operation::Write(_) => None,
            };
        }
        self.events.push(event);
    }
}
