//! Private database servers: each has a folder, a port on 127.0.0.1 and a life of its own.
//!
//! How a server of each flavor is installed, initialised and called is in `engine` and `mysql9`.

mod admin;
mod cluster;
mod engine;
mod flavor;
mod mysql9;
mod port;
mod shared;

use std::{
    collections::hash_map::RandomState,
    fs,
    hash::BuildHasher,
    process::Child,
    sync::{Mutex, MutexGuard},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use engine::Engine;
use serde::{Deserialize, Serialize};

use crate::{folder::TempFolder, process, service};

pub use cluster::Cluster;
pub use flavor::Flavor;
pub use shared::shared;

/// Starting takes one to three seconds; this is for a machine that is busy.
const START_LIMIT: Duration = Duration::from_secs(90);
const STOP_PATIENCE: Duration = Duration::from_secs(30);

/// Where a server listens and how to log in.
#[derive(Clone, Serialize, Deserialize)]
struct Address {
    host: String,
    port: u16,
    user: String,
    password: String,
}

/// A running (or, for a while, stopped) database server. Dropping it ends the server and removes its folder.
pub struct Server {
    flavor: Flavor,
    address: Address,
    /// `None` for a server that another process started.
    own: Option<Own>,
}

/// What only the starter of a server has.
struct Own {
    process: Mutex<Option<Child>>,
    engine: Engine,
    arguments: Vec<String>,
    folder: TempFolder,
}

impl Server {
    /// Starts a server with the settings of a fresh installation, except for its sizes.
    pub fn start(flavor: Flavor) -> Result<Self> {
        Self::start_with(flavor, &[])
    }

    /// Starts a server with more arguments for mariadbd or mysqld.
    pub fn start_with(flavor: Flavor, arguments: &[&str]) -> Result<Self> {
        // The characters that have a meaning in a URL are there on purpose.
        let password = format!("p@ss:w/o#rd%?{:x}", RandomState::new().hash_one(0));
        Self::start_as(flavor, arguments, password, true)
    }

    /// `first`: on data of its own; else it gets the data, users included, from the cluster that it joins.
    fn start_as(flavor: Flavor, arguments: &[&str], password: String, first: bool) -> Result<Self> {
        let engine = Engine::find(flavor)?;
        let folder = engine.new_data_folder()?;
        fs::write(
            folder.path().join(engine::INIT_FILE),
            engine::init_sql(&password),
        )
        .context("failed to write the server's first statements")?;
        let mut server = Self {
            flavor,
            address: Address {
                host: "127.0.0.1".to_owned(),
                port: 0,
                user: "root".to_owned(),
                password,
            },
            own: Some(Own {
                process: Mutex::new(None),
                engine,
                arguments: arguments
                    .iter()
                    .map(|&argument| argument.to_owned())
                    .collect(),
                folder,
            }),
        };
        // A port is free only until someone else takes it.
        let mut attempts = 0;
        loop {
            attempts += 1;
            server.address.port = port::free_port()?;
            match server.launch(first) {
                Ok(()) => return Ok(server),
                Err(error) if attempts < 3 && server.log().contains("already in use") => {
                    eprintln!("trying another port: {error:#}");
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// The flavor it was started as.
    pub fn flavor(&self) -> Flavor {
        self.flavor
    }

    /// The address to connect to, always an IPv4 loopback address.
    pub fn host(&self) -> &str {
        &self.address.host
    }

    /// The TCP port; it stays the same when the server is stopped and started again.
    pub fn port(&self) -> u16 {
        self.address.port
    }

    /// A user that may do everything.
    pub fn user(&self) -> &str {
        &self.address.user
    }

    /// That user's password. It holds characters that must be encoded in a URL.
    pub fn password(&self) -> &str {
        &self.address.password
    }

    /// Host, port, user and password as JSON: the value for [`Flavor::address_variable`].
    pub fn address_json(&self) -> String {
        serde_json::to_string(&self.address).expect("strings and a number can be written as JSON")
    }

    /// The version that the server reports.
    pub fn version(&self) -> Result<String> {
        let rows = self.query_admin("SELECT VERSION()")?;
        rows.into_iter()
            .flatten()
            .next()
            .context("the server has no version")
    }

    /// Runs one statement as root, without a database selected.
    pub fn execute_admin(&self, sql: &str) -> Result<()> {
        self.query_admin(sql).map(drop)
    }

    /// Runs one query as root. Values come as text; SQL's NULL comes as `NULL`.
    pub fn query_admin(&self, sql: &str) -> Result<Vec<Vec<String>>> {
        admin::query(&self.address, sql)
    }

    /// Creates an empty database with the server's default character set.
    pub fn create_database(&self, name: &str) -> Result<()> {
        self.execute_admin(&format!("CREATE DATABASE `{}`", name.replace('`', "``")))
    }

    /// How a service reaches the database `name` here, as root.
    pub fn database(&self, name: &str) -> service::Database {
        service::Database::MySql {
            host: self.address.host.clone(),
            port: self.address.port,
            user: self.address.user.clone(),
            password: self.address.password.clone(),
            name: name.to_owned(),
        }
    }

    /// Creates a database that nobody else uses and returns how a service reaches it.
    pub fn fresh_database(&self) -> Result<service::Database> {
        let name = format!("session_{:x}", RandomState::new().hash_one(0));
        self.create_database(&name)?;
        Ok(self.database(&name))
    }

    /// Its process id, if it is running; it leads a process group of its own.
    ///
    /// # Panics
    /// On a server that another process started; so do the methods below.
    pub fn pid(&self) -> Option<u32> {
        self.process().as_ref().map(Child::id)
    }

    /// Kills the server (SIGKILL), as a crash or a power cut would.
    ///
    /// # Panics
    /// On a server that another process started; so do the other methods that control the process.
    pub fn kill(&self) {
        if let Some(mut child) = self.process().take() {
            process::kill_group(&mut child);
        }
    }

    /// Shuts the server down in an orderly way.
    pub fn stop(&self) {
        if let Some(mut child) = self.process().take() {
            process::stop(&mut child, STOP_PATIENCE);
        }
    }

    /// Starts a killed or stopped server on its old port and data, and waits until it answers.
    pub fn start_again(&self) -> Result<()> {
        if self.process().is_some() {
            bail!("the server is still running");
        }
        self.launch(false)
    }

    /// Suspends the server (SIGSTOP): connections stay open, and nothing is answered.
    pub fn pause(&self) {
        if let Some(child) = &*self.process() {
            process::pause(child);
        }
    }

    /// Lets a suspended server go on.
    pub fn resume(&self) {
        if let Some(child) = &*self.process() {
            process::resume(child);
        }
    }

    /// What the server has logged, over all its starts.
    pub fn log(&self) -> String {
        let own = self.own();
        let bytes = fs::read(own.folder.path().join(engine::LOG_FILE)).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    fn own(&self) -> &Own {
        self.own.as_ref().expect(
            "a shared server of another process can't be controlled: start one with Server::start",
        )
    }

    fn process(&self) -> MutexGuard<'_, Option<Child>> {
        self.own()
            .process
            .lock()
            .expect("no holder of this lock panics")
    }

    fn launch(&self, first: bool) -> Result<()> {
        let own = self.own();
        let command = own.engine.server_command(
            own.folder.path(),
            self.address.port,
            first,
            &own.arguments,
        )?;
        let name = self.flavor.name();
        let child = process::spawn(command).with_context(|| format!("failed to start {name}"))?;
        *self.process() = Some(child);
        let failure = match self.wait_until_ready() {
            Ok(()) => return Ok(()),
            Err(failure) => failure,
        };
        self.kill();
        let log = self.log();
        let tail: Vec<&str> = log.lines().rev().take(15).collect();
        let tail: Vec<&str> = tail.into_iter().rev().collect();
        Err(failure.context(format!(
            "{name} did not start; its log ends:\n{}",
            tail.join("\n")
        )))
    }

    fn wait_until_ready(&self) -> Result<()> {
        let deadline = Instant::now() + START_LIMIT;
        loop {
            // Asked before the connection: another server on this port must not be taken for ours.
            if let Some(child) = &mut *self.process()
                && let Some(status) = child.try_wait()?
            {
                bail!("it ended with {status}");
            }
            match self.query_admin("SELECT 1") {
                Ok(_) => return Ok(()),
                Err(error) if Instant::now() > deadline => {
                    return Err(error.context("it does not answer"));
                }
                Err(_) if process::interrupted() => bail!("interrupted"),
                Err(_) => thread::sleep(Duration::from_millis(20)),
            }
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.own.is_some() {
            // Nobody wants the data any more, so there is no reason to wait for an orderly end.
            self.kill();
        }
    }
}
