//! A service whose table was filled beforehand.

use anyhow::Result;
use testbed::database::{Flavor, Server};
use testbed::service::Database as Place;
use tokio::runtime;

use crate::api;
use crate::args::Database;
use crate::clock::now;
use crate::connection::Connection;
use crate::measure::System;
use crate::processes::Group;
use crate::runtime::Runtime;
use crate::seeded::{Keys, SeededTable};
use crate::served::Served;
use crate::storage::Storage;
use crate::target::Target;

/// As a production server would have it: the tables fit into memory.
const BUFFER_POOL: &str = "--innodb-buffer-pool-size=1G";

const SQLITE_FILE: &str = "sqlite_db.db";

/// The service, and where its sessions are.
pub(crate) struct SeededService<'a> {
    /// How many were put into its table.
    pub(crate) sessions: u64,
    /// Its database.
    pub(crate) place: Place,
    /// The process.
    pub(crate) served: Served,
    /// Its tables.
    pub(crate) storage: Storage<'a>,
    /// The service under load.
    pub(crate) system: System,
}

/// The server that such services share, if the database has one.
pub(crate) fn server(database: Database) -> Result<Option<Server>> {
    match database {
        Database::MySql => Server::start_with(Flavor::MariaDb, &[BUFFER_POOL]).map(Some),
        Database::Sqlite => Ok(None),
    }
}

impl<'a> SeededService<'a> {
    /// Starts a service on a database of its own and puts that many sessions into it.
    pub(crate) fn start(
        runtime: &Runtime,
        loop_runtime: &runtime::Runtime,
        server: Option<&'a Server>,
        sessions: u64,
    ) -> Result<Self> {
        let name = format!("sessions_{sessions}");
        let place = match server {
            Some(server) => {
                server.create_database(&name)?;
                server.database(&name)
            }
            None => Place::Sqlite,
        };
        let served = runtime.service(&place)?;
        // The first request makes the tables and the keys.
        let mut connection = Connection::new(served.address);
        loop_runtime.block_on(connection.send(api::create(0)))?;
        let storage = match server {
            Some(server) => Storage::MySql(server, name),
            None => Storage::Sqlite(served.folder().join(SQLITE_FILE)),
        };
        eprintln!("  inserting {sessions} sessions");
        let table = SeededTable::new(Keys::read(&storage.keys()?)?, sessions, now());
        storage.insert(&table.rows(), now())?;
        let system = System {
            target: Target::new(served.address, Some(table)),
            server: served.group(),
            database: server.and_then(Server::pid).map(Group::led_by),
        };
        Ok(Self {
            sessions,
            place,
            served,
            storage,
            system,
        })
    }
}
