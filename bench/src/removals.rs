//! Large removals beside other requests: how fast they are, and what they do to the others.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, ensure};
use http::Method;
use session::domain::time::Timestamp;
use session::maintenance::EXPIRY_MARGIN;
use tokio::runtime;

use crate::api;
use crate::connection::{Call, Connection};
use crate::load::{Clients, Work};
use crate::operation::Operation;
use crate::seeded::anonymous_rows;
use crate::storage::Storage;
use crate::table::{Table, fine, whole};
use crate::tally::{Tally, Window};
use crate::target::Target;

/// How many clients send requests meanwhile.
pub(crate) const CLIENTS: usize = 16;

const PATIENCE: Duration = Duration::from_secs(600);
const WARM_UP: Duration = Duration::from_millis(500);

/// A service with sessions to remove.
pub(crate) struct Removals<'a> {
    /// The service.
    pub(crate) target: &'a Arc<Target>,
    /// Its tables.
    pub(crate) storage: &'a Storage<'a>,
    /// The scheduled component's control address.
    pub(crate) maintenance: SocketAddr,
    /// How many sessions have expired. One user has a hundredth as many.
    pub(crate) count: u64,
}

impl Removals<'_> {
    /// Measures both removals.
    pub(crate) fn run(&self, runtime: &runtime::Runtime) -> Result<Table> {
        let headings = [
            "removal",
            "sessions",
            "seconds",
            "sessions/s",
            "mix/s before",
            "meanwhile",
            "p99 before",
            "meanwhile",
            "errors",
        ];
        let mut table = Table::new(&headings, 1);
        table.row(self.revoke_user(runtime)?);
        table.row(self.remove_expired(runtime)?);
        Ok(table)
    }

    fn revoke_user(&self, runtime: &runtime::Runtime) -> Result<Vec<String>> {
        let user = "removed-everywhere";
        let later = now().plus(Duration::from_secs(1000 * 3600)).as_millis();
        let count = (self.count / 100).max(1);
        let rows = anonymous_rows(user, count, 1, later);
        self.storage.insert(&rows, now())?;
        let revoke = async {
            let mut connection = Connection::patient(self.target.address, PATIENCE);
            let reply = connection.send(api::delete_all(user)).await?;
            ensure!(api::is_ok(&reply), "the sessions were not deleted");
            Ok(())
        };
        runtime.block_on(self.beside_others("a user's sessions", count, revoke))
    }

    fn remove_expired(&self, runtime: &runtime::Runtime) -> Result<Vec<String>> {
        // The scheduled component leaves rows alone for a while after their expiry.
        let past = now().minus(2 * EXPIRY_MARGIN).as_millis();
        let rows = anonymous_rows("expired", self.count, 2, past);
        eprintln!("  inserting {} expired sessions", self.count);
        self.storage.insert(&rows, now())?;
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
                if self.storage.count_expired(due)? == 0 {
                    return Ok(());
                }
            }
        };
        runtime.block_on(self.beside_others("expired sessions", self.count, remove))
    }

    /// Does the work while other clients go on, and compares with a while before it.
    async fn beside_others(
        &self,
        name: &str,
        count: u64,
        work: impl Future<Output = Result<()>>,
    ) -> Result<Vec<String>> {
        let calm = tokio::time::sleep(Duration::from_secs(4));
        let before = self.others(async {
            calm.await;
            Ok(())
        });
        let (before, _) = before.await?;
        let (meanwhile, duration) = self.others(work).await.context("the removal failed")?;
        let seconds = duration.as_secs_f64();
        Ok(vec![
            name.to_owned(),
            whole(count as f64),
            fine(seconds),
            whole(count as f64 / seconds),
            whole(before.throughput()),
            whole(meanwhile.throughput()),
            fine(before.percentile(99.0)),
            fine(meanwhile.percentile(99.0)),
            (before.errors() + meanwhile.errors()).to_string(),
        ])
    }

    /// What other clients see while the work is done, and how long that takes.
    async fn others(&self, work: impl Future<Output = Result<()>>) -> Result<(Tally, Duration)> {
        let mix = Work::Operation(Operation::Mix);
        let clients = Clients::prepare(self.target, mix, CLIENTS).await?;
        let window = Window::after(WARM_UP, PATIENCE);
        let load = tokio::spawn(clients.run(window.clone()));
        tokio::time::sleep_until(window.from.into()).await;
        let began = Instant::now();
        let outcome = work.await;
        let duration = began.elapsed();
        window.stop();
        let tally = load.await.expect("the load does not panic");
        outcome.map(|()| (tally, duration))
    }
}

/// The time of day.
pub(crate) fn now() -> Timestamp {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH);
    let millis = since_epoch.unwrap_or_default().as_millis();
    Timestamp::from_millis(u64::try_from(millis).unwrap_or(u64::MAX))
}
