//! The systems of a comparison, running, and what is measured on them in turn.

use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result};
use testbed::database::Server;
use testbed::service::Database as Place;

use crate::args::{Args, Database};
use crate::compare::{Key, Record, Who};
use crate::load::Work;
use crate::measure::{Measured, System, Timing, measure};
use crate::operation::Operation;
use crate::peer::Peer;
use crate::processes::Group;
use crate::runtime::Runtime;
use crate::served::Served;
use crate::side_by_side;
use crate::target::Target;

/// Between windows, so that what one has left behind (log writes, purging) is less of a burden for the next.
const PAUSE: Duration = Duration::from_millis(200);

/// The running systems.
pub(crate) struct Stage<'a> {
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
    /// Starts them all, on databases of their own.
    pub(crate) fn set(
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
    pub(crate) fn play(
        &mut self,
        args: &Args,
        database: Database,
        round: usize,
        record: &mut Record,
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
                    let who = player.who;
                    let key = Key {
                        database,
                        clients,
                        operation,
                        who,
                    };
                    thread::sleep(PAUSE);
                    let measuring = measure(&player.system, work, clients, timing);
                    match self.runtime.block_on(measuring) {
                        Ok(measured) => {
                            log(round, &key, &measured);
                            if measured.errors > 0 && who == Who::Peer {
                                player.restart(self.server)?;
                            }
                            record.add(key, measured);
                        }
                        Err(error) if who == Who::Peer => {
                            record.leave_out(round, &key, &error);
                            player.restart(self.server)?;
                        }
                        Err(error) => {
                            return Err(error.context(format!("failed to measure {operation}")));
                        }
                    }
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
