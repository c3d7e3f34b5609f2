//! Systems side by side: the service, the documented system and the bare component, in turn, so that what the
//! machine does meanwhile hits all of them.

use std::collections::BTreeMap;
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result};
use testbed::database::{Flavor, Server};
use testbed::service::Database as Place;

use crate::args::{Args, Database};
use crate::goals;
use crate::load::Work;
use crate::machine;
use crate::measure::{Measured, System, Timing, measure, median};
use crate::operation::Operation;
use crate::peer::Peer;
use crate::processes::Group;
use crate::report::{self, Section};
use crate::runtime::Runtime;
use crate::served::Served;
use crate::side_by_side;
use crate::target::Target;

/// Between windows, so that what one has left behind (log writes, purging) is less of a burden for the next.
const PAUSE: Duration = Duration::from_millis(200);

/// The systems.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Who {
    /// Ours.
    Service,
    /// The documented system.
    Peer,
    /// The component that does nothing.
    Bare,
}

/// What was measured. The bare component stands beside verify.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    /// The database of the service.
    pub(crate) database: Database,
    /// How many clients.
    pub(crate) clients: usize,
    /// Which operation.
    pub(crate) operation: Operation,
    /// Which system.
    pub(crate) who: Who,
}

/// The medians of all rounds.
pub(crate) type Results = BTreeMap<Key, Measured>;

/// Measures, prints the table and what of the goals is reached.
pub(crate) fn run(args: &Args) -> Result<()> {
    let runtime = Runtime::prepare(args.runtime)?;
    let (peer, without_peer) = find_peer(args);
    let mut rounds: BTreeMap<Key, Vec<Measured>> = BTreeMap::new();
    let mut versions = Vec::new();
    for &database in &args.databases {
        let server = match database {
            Database::MySql => Some(Server::start(Flavor::MariaDb)?),
            Database::Sqlite => None,
        };
        if let Some(server) = &server {
            versions.push(format!("MariaDB {}", server.version()?));
        }
        let mut stage = Stage::set(&runtime, peer.as_ref(), server.as_ref())?;
        for round in 0..args.rounds {
            stage.play(args, database, round, &mut rounds)?;
        }
    }
    versions.extend(
        peer.as_ref()
            .map(Peer::node_version)
            .transpose()?
            .map(|v| format!("node {v}")),
    );
    let results: Results = rounds
        .iter()
        .map(|(key, all)| (*key, median(all)))
        .collect();
    let text = format!(
        "On {}; {}. Runtime: {}. Medians of {} rounds of {} s.{}\n\n{}\n{}",
        machine::description(),
        versions.join(", "),
        runtime.name(),
        args.rounds,
        args.window.as_secs_f64(),
        without_peer
            .map(|why| format!(" {why}."))
            .unwrap_or_default(),
        side_by_side::table(&results).render(),
        goals::text(&results),
    );
    println!("{text}");
    if args.write {
        report::write(Section::Comparison, &text)?;
    }
    Ok(())
}

/// The peer, or why its columns are empty.
fn find_peer(args: &Args) -> (Option<Peer>, Option<String>) {
    if !args.peer {
        return (
            None,
            Some("Without the documented system, as asked for".to_owned()),
        );
    }
    if !args.databases.contains(&Database::MySql) {
        return (
            None,
            Some("Without the documented system: it needs MySQL".to_owned()),
        );
    }
    match Peer::prepare() {
        Ok(peer) => (Some(peer), None),
        Err(error) => {
            let why = format!("Without the documented system: {error:#}");
            eprintln!("{why}");
            (None, Some(why))
        }
    }
}

/// The running systems.
struct Stage<'a> {
    runtime: tokio::runtime::Runtime,
    server: Option<&'a Server>,
    players: Vec<Player<'a>>,
}

struct Player<'a> {
    who: Who,
    start: Box<dyn Fn() -> Result<Served> + 'a>,
    served: Served,
    system: System,
}

impl<'a> Stage<'a> {
    fn set(
        runtime: &'a Runtime,
        peer: Option<&'a Peer>,
        server: Option<&'a Server>,
    ) -> Result<Self> {
        let place = |name: &str| -> Result<Place> {
            match server {
                Some(server) => {
                    server.create_database(name)?;
                    Ok(server.database(name))
                }
                None => Ok(Place::Sqlite),
            }
        };
        let database = server.and_then(Server::pid).map(Group::led_by);
        let service = place("service")?;
        let mut players = vec![
            Player::new(
                Who::Service,
                database,
                Box::new(move || runtime.service(&service)),
            )?,
            Player::new(Who::Bare, None, Box::new(|| runtime.bare()))?,
        ];
        if let (Some(peer), Some(_)) = (peer, server) {
            let place = place("peer")?;
            let start = Box::new(move || peer.start(&place));
            players.push(Player::new(Who::Peer, database, start)?);
        }
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .context("failed to start a runtime")?;
        Ok(Self {
            runtime,
            server,
            players,
        })
    }

    /// One round: every operation with every number of clients on every system, in an order that changes.
    fn play(
        &mut self,
        args: &Args,
        database: Database,
        round: usize,
        results: &mut BTreeMap<Key, Vec<Measured>>,
    ) -> Result<()> {
        let timing = Timing::seconds(args.window.as_secs_f64());
        let count = self.players.len();
        for &clients in &args.clients {
            for &operation in &args.operations {
                for turn in 0..count {
                    let player = &mut self.players[(turn + round) % count];
                    let Some(work) = player.work(operation) else {
                        continue;
                    };
                    thread::sleep(PAUSE);
                    let measured = self
                        .runtime
                        .block_on(measure(&player.system, work, clients, timing))
                        .with_context(|| format!("failed to measure {operation}"))?;
                    let key = Key {
                        database,
                        clients,
                        operation,
                        who: player.who,
                    };
                    log(round, &key, &measured);
                    if measured.errors > 0 && player.who == Who::Peer {
                        player.restart(self.server)?;
                    }
                    results.entry(key).or_default().push(measured);
                }
            }
        }
        Ok(())
    }
}

impl<'a> Player<'a> {
    fn new(
        who: Who,
        database: Option<Group>,
        start: Box<dyn Fn() -> Result<Served> + 'a>,
    ) -> Result<Self> {
        let served = start()?;
        let system = System {
            target: Target::new(served.address, None),
            server: served.group(),
            database,
        };
        Ok(Self {
            who,
            start,
            served,
            system,
        })
    }

    /// What an operation means for this system, if it has it.
    fn work(&self, operation: Operation) -> Option<Work> {
        match (self.who, operation) {
            (Who::Peer, Operation::Write) => None,
            (Who::Bare, Operation::Verify) => Some(Work::Bare),
            (Who::Bare, _) => None,
            _ => Some(Work::Operation(operation)),
        }
    }

    /// After errors the peer's connections may wait for each other for ever; the next window should not inherit that.
    fn restart(&mut self, server: Option<&Server>) -> Result<()> {
        eprintln!("  restarting the documented system after errors");
        self.served = (self.start)()?;
        self.system = System {
            target: Target::new(self.served.address, None),
            server: self.served.group(),
            database: server.and_then(Server::pid).map(Group::led_by),
        };
        Ok(())
    }
}

fn log(round: usize, key: &Key, measured: &Measured) {
    eprintln!(
        "  round {} {:<7} {:>2} clients {:<7} {:<7} {:>7.0}/s p99 {:>8.2} ms{}",
        round + 1,
        key.database.name(),
        key.clients,
        key.operation,
        side_by_side::name(key.who),
        measured.throughput,
        measured.p99,
        match &measured.complaint {
            Some(complaint) => format!("  {} errors: {complaint:.200}", measured.errors),
            None => String::new(),
        }
    );
}
