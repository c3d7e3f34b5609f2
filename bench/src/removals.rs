//! Large removals among live sessions, beside other requests: how fast they are, what they do to the others, and
//! whether every live session is left alone.

use std::net::SocketAddr;
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use http::Method;
use session::maintenance::EXPIRY_MARGIN;
use tokio::runtime;

use crate::api;
use crate::args::{Args, Database};
use crate::clock::now;
use crate::connection::{Call, Connection};
use crate::machine;
use crate::meanwhile::Beside;
use crate::removal::{HEADINGS, Kind, Removal};
use crate::report::{self, Section};
use crate::runtime::Runtime;
use crate::seeded::anonymous_rows;
use crate::seeded_service::{self, SeededService};
use crate::table::Table;

const PATIENCE: Duration = Duration::from_secs(600);

/// A database that was given many rows at once goes on writing pages for a while.
const SETTLE: Duration = Duration::from_secs(5);

/// Measures, prints the table and what of the goals is reached.
pub(crate) fn run(args: &Args) -> Result<()> {
    let runtime = Runtime::prepare(args.runtime)?;
    let mut table = Table::new(&HEADINGS, 2);
    let mut verdicts = String::new();
    for &database in &args.databases {
        on(args, database, &runtime, &mut table, &mut verdicts)?;
    }
    let text = format!(
        "On {}. Runtime: {}. Clients do the mix beside each removal. The scheduled component runs again and again, \
         without the hour between two runs, until no expired session is left. MariaDB has a buffer pool of \
         1 GiB.\n\n{}\n{verdicts}",
        machine::description(),
        runtime.name(),
        table.render()
    );
    println!("{text}");
    if args.write {
        report::write(Section::Removals, &text)?;
    }
    Ok(())
}

fn on(
    args: &Args,
    database: Database,
    runtime: &Runtime,
    table: &mut Table,
    verdicts: &mut String,
) -> Result<()> {
    let server = seeded_service::server(database)?;
    let loop_runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("failed to start a runtime")?;
    for &sessions in &args.sessions {
        let service = SeededService::start(runtime, &loop_runtime, server.as_ref(), sessions)?;
        let maintenance = Runtime::maintenance(&service.place, service.served.folder())?;
        for &clients in &args.clients {
            let removals = Removals {
                service: &service,
                maintenance: maintenance.address,
                clients,
                expired: args.expired,
            };
            for removal in [
                removals.revoke_user(&loop_runtime)?,
                removals.remove_expired(&loop_runtime)?,
            ] {
                table.row(removal.row(database));
                *verdicts += &removal.verdict(database);
            }
        }
    }
    Ok(())
}

/// A service with sessions to remove.
struct Removals<'a> {
    service: &'a SeededService<'a>,
    /// The scheduled component's control address.
    maintenance: SocketAddr,
    /// How many send requests meanwhile.
    clients: usize,
    /// How many sessions have expired. One user has a hundredth as many.
    expired: u64,
}

impl Removals<'_> {
    fn revoke_user(&self, runtime: &runtime::Runtime) -> Result<Removal> {
        let user = "removed-everywhere";
        let later = now().plus(Duration::from_secs(1000 * 3600)).as_millis();
        let count = (self.expired / 100).max(1);
        let rows = anonymous_rows(user, count, 1, later);
        self.service.storage.insert(&rows, now())?;
        let revoke = async {
            let address = self.service.served.address;
            let mut connection = Connection::patient(address, PATIENCE);
            let reply = connection.send(api::delete_all(user)).await?;
            ensure!(api::is_ok(&reply), "the sessions were not deleted");
            Ok(())
        };
        self.measure(runtime, Kind::User, count, revoke)
    }

    fn remove_expired(&self, runtime: &runtime::Runtime) -> Result<Removal> {
        let storage = &self.service.storage;
        // The scheduled component leaves rows alone for a while after their expiry.
        let past = now().minus(2 * EXPIRY_MARGIN).as_millis();
        let rows = anonymous_rows("expired", self.expired, 2, past);
        eprintln!("  inserting {} expired sessions", self.expired);
        storage.insert(&rows, now())?;
        let remove = async {
            let mut connection = Connection::patient(self.maintenance, PATIENCE);
            // One run ends when its time budget is used up; the schedule would bring the next.
            loop {
                let body = r#"{"component":"session-maintenance"}"#;
                let call = Call::json(Method::POST, "/tick", body);
                let reply = connection.send(call).await?;
                let done = reply.starts_with(br#"{"ok":true"#);
                ensure!(done, "{}", String::from_utf8_lossy(&reply));
                let due = now().minus(EXPIRY_MARGIN);
                let left = storage.count_expired(due)?;
                eprintln!("  {left} expired sessions are left");
                if left == 0 {
                    return Ok(());
                }
            }
        };
        self.measure(runtime, Kind::Expired, self.expired, remove)
    }

    fn measure(
        &self,
        runtime: &runtime::Runtime,
        kind: Kind,
        count: u64,
        work: impl Future<Output = Result<()>>,
    ) -> Result<Removal> {
        thread::sleep(SETTLE);
        let target = &self.service.system.target;
        let beside = runtime.block_on(Beside::others(target, self.clients, work))?;
        Ok(Removal {
            kind,
            count,
            clients: self.clients,
            live_before: self.service.sessions,
            live_after: self.service.storage.count_seeded()?,
            beside,
        })
    }
}
