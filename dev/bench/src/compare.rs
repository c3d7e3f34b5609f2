//! Systems side by side: the service, the documented system and the bare component, in turn, so that what the
//! machine does meanwhile hits all of them.

use std::collections::BTreeMap;
use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;
use bench::{Call, Protocol};
use testbed::build;
use testbed::database::{Flavor, Server};
use testbed::service;

use crate::args::{Args, Database};
use crate::goals::{self, Key, Results};
use crate::http_client::HttpClient;
use crate::measure::{Measured, measure, median, median_of};
use crate::peer::Peer;
use crate::report::{Report, conditions, fine, whole};
use crate::runtime::Runtime;
use crate::system::{System, Who};

/// Between windows, so that what one has left behind (log writes, purging) is less of a burden for the next.
pub(crate) const PAUSE: Duration = Duration::from_millis(200);

/// The most that the HTTP component may take, in megabytes, and its first request after a start, in milliseconds.
const COMPONENT: f64 = 1.6;
const FIRST_REQUEST: f64 = 100.0;

const STARTS: usize = 5;

/// The share of all cores that other processes may take in a window before its figures say more of them.
const QUIET: f64 = 0.05;

const HEADINGS: [&str; 14] = [
    "database",
    "clients",
    "operation",
    "system",
    "requests/s",
    "p50",
    "p99",
    "errors",
    "CPU",
    "database CPU",
    "memory MiB",
    "x peer",
    "x bare",
    "others %",
];

/// What there is so far.
#[derive(Default)]
struct Record {
    rounds: BTreeMap<Key, Vec<Measured>>,
    /// What the systems run on, and what is missing.
    notes: Vec<String>,
    /// From a start until the service listens, and from then until its first reply, in milliseconds.
    cold_start: Option<[f64; 2]>,
}

/// Measures, prints the table and what of the goals is reached. After a failure it prints what there is.
pub(crate) fn run(args: &Args, event_loop: &tokio::runtime::Runtime) -> Result<()> {
    let runtime = Runtime::prepare(args.runtime)?;
    let conditions = conditions();
    let mut record = Record::default();
    let outcome = record.fill(args, &runtime, event_loop);
    if outcome.is_err() {
        let incomplete = "**Incomplete**: the measurement failed";
        record.notes.push(incomplete.to_owned());
    }
    let introduction = format!(
        "{conditions} Runtime: {}. Medians of {} rounds of {} s. {}.",
        runtime.name(),
        args.rounds(),
        args.window.as_secs_f64(),
        record.notes.join(". ")
    );
    record
        .report(&introduction)
        .publish(args.write && outcome.is_ok())?;
    outcome
}

impl Record {
    fn fill(
        &mut self,
        args: &Args,
        runtime: &Runtime,
        event_loop: &tokio::runtime::Runtime,
    ) -> Result<()> {
        let peer = match !args.no_peer && args.databases().contains(&Database::MySql) {
            true => Peer::prepare(),
            false => Err(anyhow::anyhow!("it was not asked for")),
        };
        match &peer {
            Ok(peer) => self.notes.push(format!("Node {}", peer.node_version()?)),
            Err(why) => self
                .notes
                .push(format!("Without the documented system: {why:#}")),
        }
        for database in args.databases() {
            let server = match database {
                Database::MySql => Some(Server::start(Flavor::MariaDb)?),
                Database::Sqlite => None,
            };
            if let Some(server) = &server {
                self.notes.push(format!("MariaDB {}", server.version()?));
                self.cold_start = Some(cold_start(runtime, server, event_loop)?);
            }
            let mut systems = start(runtime, peer.as_ref().ok(), server.as_ref())?;
            for round in 0..args.rounds() {
                self.round(args, database, round, &mut systems, event_loop)?;
            }
        }
        Ok(())
    }

    /// Every operation with every number of clients on every system, in an order that changes.
    fn round(
        &mut self,
        args: &Args,
        database: Database,
        round: usize,
        systems: &mut [System<'_>],
        event_loop: &tokio::runtime::Runtime,
    ) -> Result<()> {
        let count = systems.len();
        for clients in args.clients() {
            for operation in args.operations() {
                for turn in 0..count {
                    let system = &mut systems[(turn + round) % count];
                    let who = system.who;
                    if !who.has(operation) {
                        continue;
                    }
                    thread::sleep(PAUSE);
                    let key = Key {
                        database,
                        clients,
                        operation,
                        who,
                    };
                    let measuring = measure(system, operation, clients, args.window);
                    let measured = event_loop.block_on(measuring);
                    let failed = !measured.as_ref().is_ok_and(|m| m.errors == 0);
                    match measured {
                        Ok(measured) => {
                            log(round, &key, &measured);
                            self.rounds.entry(key).or_default().push(measured);
                        }
                        Err(error) if who == Who::Peer => self.notes.push(format!(
                            "Left out, because the peer failed: {operation} with {clients} clients in round {} ({error:.100})",
                            round + 1
                        )),
                        Err(error) => {
                            return Err(error.context(format!("failed to measure {operation}")));
                        }
                    }
                    // After errors its connections may wait for each other for ever.
                    if failed && who == Who::Peer {
                        system.restart()?;
                    }
                }
            }
        }
        Ok(())
    }

    fn report(&self, introduction: &str) -> Report {
        let medians = self.rounds.iter().map(|(key, all)| (*key, median(all)));
        let results: Results = medians.collect();
        let mut rows = vec![HEADINGS.map(str::to_owned).to_vec()];
        rows.extend(
            results
                .iter()
                .map(|(key, measured)| row(&results, *key, measured)),
        );
        let mut report = Report::new("Side by side", introduction);
        let windows = || self.rounds.values().flatten();
        let busy = windows().filter(|window| window.others > QUIET).count();
        let all = windows().count();
        report.verdict(
            busy == 0,
            &format!("a quiet machine: in {busy} of {all} windows other processes took more than {} % of the CPU", QUIET * 100.0),
        );
        report.table(&rows);
        goals::judge(&results, &mut report);
        if let Ok(file) = fs::metadata(build::component_file("session-http")) {
            let size = file.len() as f64 / 1e6;
            report.verdict(
                size < COMPONENT,
                &format!("the HTTP component: {size:.2} MB (under {COMPONENT})"),
            );
        }
        if let Some([listening, first]) = self.cold_start {
            report.verdict(
                first < FIRST_REQUEST,
                &format!("cold start (MariaDB): the first request takes {first:.1} ms (under {FIRST_REQUEST}), listening begins after {listening:.0} ms"),
            );
        }
        report
    }
}

/// All systems, on databases of their own.
fn start<'a>(
    runtime: &'a Runtime,
    peer: Option<&'a Peer>,
    server: Option<&'a Server>,
) -> Result<Vec<System<'a>>> {
    let place = |name: &str| -> Result<service::Database> {
        let Some(server) = server else {
            return Ok(service::Database::Sqlite);
        };
        server.create_database(name)?;
        Ok(server.database(name))
    };
    let [ours, tuned] = [place("service")?, place("tuned")?];
    let [older, plain, feed] = [place("wasi02")?, place("plain")?, place("feed")?];
    let service = Box::new(move || runtime.service(&ours));
    let mut systems = vec![System::new(Who::Service, server, service)?];
    if let Runtime::Spin(..) = runtime {
        let tuned = Box::new(move || runtime.tuned(&tuned));
        systems.push(System::new(Who::Tuned, server, tuned)?);
    }
    let wasi02 = Box::new(move || runtime.wasi02(&older));
    systems.push(System::new(Who::Wasi02, server, wasi02)?);
    if server.is_some() {
        let plain = Box::new(move || runtime.wasi02_plain(&plain));
        systems.push(System::new(Who::Wasi02Plain, server, plain)?);
        let followed = feed.clone();
        let feed = Box::new(move || runtime.feed(&feed, false));
        systems.push(System::new(Who::Feed, server, feed)?);
        if let Runtime::Spin(..) = runtime {
            let tuned = Box::new(move || runtime.feed(&followed, true));
            systems.push(System::new(Who::TunedFeed, server, tuned)?);
        }
        for (who, algorithm) in [(Who::CdiEdDsa, "EdDSA"), (Who::CdiEs256, "ES256")] {
            let place = place(algorithm)?;
            let cdi = Box::new(move || runtime.cdi(&place, algorithm));
            systems.push(System::new(who, server, cdi)?);
        }
    }
    systems.push(System::new(Who::Bare, None, Box::new(|| runtime.bare()))?);
    let older = Box::new(|| runtime.bare_wasi02());
    systems.push(System::new(Who::BareWasi02, None, older)?);
    if let (Some(peer), Some(_)) = (peer, server) {
        let theirs = place("peer")?;
        let start = Box::new(move || peer.start(&theirs));
        systems.push(System::new(Who::Peer, server, start)?);
    }
    Ok(systems)
}

/// What a service that was just started needs until it listens, and for its first request: an instance, a connection
/// to the database, the settings and the keys. Medians of several starts.
fn cold_start(
    runtime: &Runtime,
    server: &Server,
    event_loop: &tokio::runtime::Runtime,
) -> Result<[f64; 2]> {
    server.create_database("cold_start")?;
    let place = server.database("cold_start");
    let start = || -> Result<[f64; 2]> {
        let began = Instant::now();
        let served = runtime.service(&place)?;
        let listening = began.elapsed();
        let client = HttpClient::new(served.address);
        event_loop.block_on(client.send(Call::create(Protocol::Native, 0)))?;
        let first = began.elapsed() - listening;
        Ok([listening, first].map(|time| time.as_secs_f64() * 1000.0))
    };
    // The very first request makes the tables and the keys.
    start()?;
    let starts = (0..STARTS).map(|_| start()).collect::<Result<Vec<_>>>()?;
    Ok([0, 1].map(|part| median_of(starts.iter().map(|times| times[part]))))
}

fn row(results: &Results, key: Key, measured: &Measured) -> Vec<String> {
    let ratio = |other| {
        let other = goals::beside(results, key, other).filter(|_| key.who.is_service());
        fine(other.map(|other| measured.throughput / other.throughput))
    };
    let (database, operation) = match key.who {
        who if who.is_bare() => ("–", "–".to_owned()),
        _ => (key.database.name(), key.operation.to_string()),
    };
    let database_cpu = Some(measured.database_cpu).filter(|_| database == "MariaDB");
    vec![
        database.to_owned(),
        key.clients.to_string(),
        operation.to_owned(),
        key.who.name().to_owned(),
        whole(measured.throughput),
        fine(measured.p50),
        fine(measured.p99),
        measured.errors.to_string(),
        format!("{:.3}", measured.cpu),
        database_cpu.map_or_else(|| "–".to_owned(), |cpu| format!("{cpu:.3}")),
        whole(measured.memory as f64 / f64::from(1 << 20)),
        ratio(Who::Peer),
        ratio(key.who.bare()),
        whole(measured.others * 100.0),
    ]
}

fn log(round: usize, key: &Key, measured: &Measured) {
    eprintln!(
        "  round {} {:<7} {:>2} clients {:<7} {:<14} {:>7.0}/s p99 {:>8.2} ms {:.200}",
        round + 1,
        key.database.name(),
        key.clients,
        key.operation,
        key.who.name(),
        measured.throughput,
        measured.p99,
        measured.complaint.as_deref().unwrap_or_default()
    );
}
