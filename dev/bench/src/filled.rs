//! A service whose table was filled beforehand, on a private MariaDB.

use anyhow::{Context as _, Result};
use testbed::database::{Flavor, Server};
use testbed::service::Database;

use crate::load::Target;
use crate::runtime::Runtime;
use crate::system::{System, Who};

/// As a production server would have it: the tables fit into memory.
const BUFFER_POOL: &str = "--innodb-buffer-pool-size=1G";

/// What the names of the users of the rows begin with, and no others.
const LIVE: &str = "filled";

/// How many rows one statement inserts: a server has two minutes for each.
const AT_ONCE: u64 = 1_000_000;

/// Sessions whose tokens are known: spread over the whole table by their keys, which are hashes.
const KNOWN: u64 = 20_000;

/// The service, and where its sessions are.
pub(crate) struct FilledService<'a> {
    /// The service under load.
    pub(crate) system: System<'a>,
    /// How many sessions were put into its table.
    pub(crate) sessions: u64,
    /// Its database.
    pub(crate) place: Database,
    server: &'a Server,
    name: String,
}

/// The server that such services share.
pub(crate) fn server() -> Result<Server> {
    Server::start_with(Flavor::MariaDb, &[BUFFER_POOL])
}

impl<'a> FilledService<'a> {
    /// Starts a service on a database of its own and puts that many sessions into it: some through its API, to be
    /// used, the others as rows.
    pub(crate) fn start(
        runtime: &'a Runtime,
        event_loop: &tokio::runtime::Runtime,
        server: &'a Server,
        sessions: u64,
    ) -> Result<Self> {
        let name = format!("sessions_{sessions}");
        server.create_database(&name)?;
        let place = server.database(&name);
        let start_place = place.clone();
        let start = Box::new(move || runtime.service(&start_place));
        let mut system = System::new(Who::Service, Some(server), start)?;
        eprintln!("  inserting {sessions} sessions");
        let known = system.target.sessions(KNOWN.min(sessions) as usize);
        let mut known = event_loop.block_on(known)?;
        known.truncate(sessions as usize);
        let others = sessions - known.len() as u64;
        system.target = Target::new(system.served.address, system.who.protocol(), known);
        let service = Self {
            system,
            sessions,
            place,
            server,
            name,
        };
        service.insert(LIVE, others, "+ 3600000")?;
        Ok(service)
    }

    /// Inserts sessions of one user, or of many if the name is [`LIVE`], that expire that many seconds from now.
    pub(crate) fn insert(&self, user: &str, count: u64, expiry: &str) -> Result<()> {
        let starts = (1..=count).step_by(AT_ONCE as usize);
        let ranges = starts.map(|first| (first, count.min(first + AT_ONCE - 1)));
        for range in ranges {
            self.insert_range(user, range, expiry)?;
        }
        Ok(())
    }

    fn insert_range(&self, user: &str, (first, last): (u64, u64), expiry: &str) -> Result<()> {
        let name = &self.name;
        // In the order of the primary key a large table is filled without jumping about.
        self.server.execute_admin(&format!(
            "INSERT INTO `{name}`.`refresh_tokens` (`session_handle_hash_1`, `user_id`, `refresh_token_hash_2`, \
             `session_info`, `expires_at`, `jwt_user_payload`, `generation`, `created_at`) \
             SELECT SHA2(CONCAT('{user}', `seq`), 256) AS `handle`, \
             IF('{user}' = '{LIVE}', CONCAT('{LIVE}-', `seq` DIV 10), '{user}'), \
             SHA2(CONCAT('token of {user}', `seq`), 256), '{{\"cart\":[1,2,3]}}', \
             (UNIX_TIMESTAMP() {expiry}) * 1000, '{{\"role\":\"member\"}}', 0, UNIX_TIMESTAMP() * 1000 \
             FROM `{name}`.`seq_{first}_to_{last}` ORDER BY `handle`"
        ))
    }

    /// How many pages the server has written since it began.
    pub(crate) fn pages_written(&self) -> Result<f64> {
        let status = "SHOW GLOBAL STATUS LIKE 'Innodb_pages_written'";
        let rows = self.server.query_admin(status)?;
        let count = rows.first().and_then(|row| row.get(1));
        Ok(count.context("no such counter")?.parse()?)
    }

    /// How many sessions expired that many seconds ago.
    pub(crate) fn count_expired(&self, seconds: u64) -> Result<u64> {
        self.count(&format!(
            "`expires_at` < (UNIX_TIMESTAMP() - {seconds}) * 1000"
        ))
    }

    /// How many of the sessions that were inserted as rows, and are to stay, there are.
    pub(crate) fn count_live(&self) -> Result<u64> {
        self.count(&format!("`user_id` LIKE '{LIVE}-%'"))
    }

    fn count(&self, condition: &str) -> Result<u64> {
        let name = &self.name;
        let rows = self.server.query_admin(&format!(
            "SELECT COUNT(*) FROM `{name}`.`refresh_tokens` WHERE {condition}"
        ))?;
        let count = rows.first().and_then(|row| row.first());
        Ok(count.context("no count came back")?.parse()?)
    }
}
