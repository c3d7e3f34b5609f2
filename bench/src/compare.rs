//! Systems side by side: the service, the documented system and the bare component, in turn, so that what the
//! machine does meanwhile hits all of them.

use std::collections::BTreeMap;
use std::fs;

use anyhow::Result;
use testbed::build;
use testbed::database::{Flavor, Server};

use crate::args::{Args, Database};
use crate::cold_start::ColdStart;
use crate::goals::{self, Facts};
use crate::machine;
use crate::measure::{Measured, median};
use crate::operation::Operation;
use crate::peer::Peer;
use crate::report::{self, Section};
use crate::runtime::Runtime;
use crate::side_by_side;
use crate::stage::Stage;

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

/// What there is so far.
#[derive(Debug, Default)]
pub(crate) struct Record {
    /// Every round.
    rounds: BTreeMap<Key, Vec<Measured>>,
    /// Windows of the peer that could not be measured.
    left_out: Vec<String>,
    /// What the systems run on.
    versions: Vec<String>,
    /// What a start takes on MariaDB.
    cold_start: Option<ColdStart>,
}

/// Measures, prints the table and what of the goals is reached. After a failure it prints what there is.
pub(crate) fn run(args: &Args) -> Result<()> {
    let runtime = Runtime::prepare(args.runtime)?;
    let (peer, without_peer) = find_peer(args);
    let mut record = Record::default();
    let outcome = record.fill(args, &runtime, peer.as_ref());
    let mut notes: Vec<String> = without_peer.into_iter().collect();
    if !record.left_out.is_empty() {
        let windows = record.left_out.join(", ");
        notes.push(format!(
            "Left out, because the documented system failed before: {windows}"
        ));
    }
    if outcome.is_err() {
        notes.push("**Incomplete**: the measurement failed".to_owned());
    }
    let text = record.text(args, &runtime, &notes);
    println!("{text}");
    outcome?;
    if args.write {
        report::write(Section::Comparison, &text)?;
    }
    Ok(())
}

impl Record {
    fn fill(&mut self, args: &Args, runtime: &Runtime, peer: Option<&Peer>) -> Result<()> {
        if let Some(peer) = peer {
            self.versions.push(format!("node {}", peer.node_version()?));
        }
        for &database in &args.databases {
            let server = match database {
                Database::MySql => Some(Server::start(Flavor::MariaDb)?),
                Database::Sqlite => None,
            };
            if let Some(server) = &server {
                self.versions.push(format!("MariaDB {}", server.version()?));
                self.cold_start = Some(ColdStart::measure(runtime, server)?);
            }
            let mut stage = Stage::set(runtime, peer, server.as_ref())?;
            for round in 0..args.rounds {
                stage.play(args, database, round, self)?;
            }
        }
        Ok(())
    }

    /// Notes what a window saw.
    pub(crate) fn add(&mut self, key: Key, measured: Measured) {
        self.rounds.entry(key).or_default().push(measured);
    }

    /// Notes a window of the peer that there is nothing of, and warns.
    pub(crate) fn leave_out(&mut self, round: usize, key: &Key, error: &anyhow::Error) {
        let (operation, clients, round) = (key.operation, key.clients, round + 1);
        let window = format!("{operation} with {clients} clients in round {round}");
        eprintln!("  leaving out {window}: {error:#}");
        self.left_out.push(window);
    }

    fn text(&self, args: &Args, runtime: &Runtime, notes: &[String]) -> String {
        let medians = self.rounds.iter().map(|(key, all)| (*key, median(all)));
        let results: Results = medians.collect();
        let component = fs::metadata(build::component_file("session-http"));
        let facts = Facts {
            component: component.ok().map(|file| file.len()),
            cold_start: self.cold_start,
        };
        let notes: String = notes.iter().map(|note| format!(" {note}.")).collect();
        format!(
            "On {}; {}. Runtime: {}. Medians of {} rounds of {} s.{notes}\n\n{}\n{}",
            machine::description(),
            self.versions.join(", "),
            runtime.name(),
            args.rounds,
            args.window.as_secs_f64(),
            side_by_side::table(&results).render(),
            goals::text(&results, &facts),
        )
    }
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
