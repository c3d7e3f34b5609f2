//! Large removals among live sessions, beside other requests: how fast they are, what they do to the others, and
//! whether every live session is left alone.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use bench::{Call, is_ok};
use http::Method;
use session_core::domain::maintenance::EXPIRY_MARGIN;

use crate::args::Args;
use crate::filled::{self, FilledService};
use crate::http_client::HttpClient;
use crate::operation::Operation;
use crate::report::{Report, conditions, fine, whole};
use crate::runtime::Runtime;
use crate::tally::Tally;

const PATIENCE: Duration = Duration::from_secs(600);

/// A database that was given many rows at once goes on writing pages for a while.
const CALM_DOWN: Duration = Duration::from_secs(5);

const WARM_UP: Duration = Duration::from_millis(500);

/// How long the others are watched without a removal; no removal takes as long as the second.
const BEFORE: Duration = Duration::from_secs(10);
const LONGEST: Duration = Duration::from_secs(3600);

/// The most that removing expired sessions may multiply the others' p99 by.
const P99_GOAL: f64 = 2.0;

const HEADINGS: [&str; 11] = [
    "removal",
    "live",
    "clients",
    "sessions",
    "seconds",
    "sessions/s",
    "mix/s before",
    "meanwhile",
    "p99 before",
    "meanwhile",
    "errors",
];

/// Measures, prints the table and what of the goals is reached.
pub(crate) fn run(args: &Args, event_loop: &tokio::runtime::Runtime) -> Result<()> {
    let runtime = Runtime::prepare(args.runtime)?;
    let introduction = format!(
        "{} Runtime: {}. Clients do the mix beside each removal. The scheduled component runs again and again, \
         without the hour between two runs, until no expired session is left. MariaDB has a buffer pool of 1 GiB.",
        conditions(),
        runtime.name()
    );
    let server = filled::server()?;
    let mut removals = Vec::new();
    for sessions in args.sessions() {
        let service = FilledService::start(&runtime, event_loop, &server, sessions)?;
        let maintenance = Runtime::maintenance(&service.place, service.system.served.folder())?;
        let scheduled = HttpClient::patient(maintenance.address, PATIENCE);
        for clients in args.clients() {
            let user = (args.expired / 100).max(1);
            service.insert("removed-everywhere", user, "+ 3600000")?;
            let revoke = async || {
                let client = HttpClient::patient(service.system.served.address, PATIENCE);
                let reply = client.send(Call::delete_all("removed-everywhere")).await?;
                ensure!(is_ok(&reply), "the sessions were not deleted");
                Ok(())
            };
            let watching = Removal::watch(&service, "sessions of a user", user, clients, revoke);
            removals.push(event_loop.block_on(watching)?);

            eprintln!("  inserting {} expired sessions", args.expired);
            // The scheduled component leaves rows alone for a while after their expiry.
            let margin = EXPIRY_MARGIN.as_secs();
            service.insert("expired", args.expired, &format!("- {}", 2 * margin))?;
            let remove = async || {
                // One run ends when its time budget is used up; the schedule would bring the next.
                while service.count_expired(margin)? > 0 {
                    let body = r#"{"component":"session-maintenance"}"#.to_owned();
                    let reply = scheduled
                        .send(Call::new(Method::POST, "/tick", body))
                        .await?;
                    let done = reply.starts_with(br#"{"ok":true"#);
                    ensure!(done, "{}", String::from_utf8_lossy(&reply));
                }
                Ok(())
            };
            let watching =
                Removal::watch(&service, "expired sessions", args.expired, clients, remove);
            removals.push(event_loop.block_on(watching)?);
        }
    }
    report(&introduction, &removals).publish(args.write)
}

/// A removal that was measured.
struct Removal {
    what: &'static str,
    count: u64,
    clients: usize,
    /// How many live sessions there were, those that came through the API included.
    sessions: u64,
    duration: Duration,
    /// The live sessions that were put into the table as rows, and those that are still there.
    live: [u64; 2],
    /// What the clients saw before and meanwhile.
    seen: [Tally; 2],
}

impl Removal {
    /// Does the work while that many clients go on with the mix, after they have gone on without it for a while.
    async fn watch(
        service: &FilledService<'_>,
        what: &'static str,
        count: u64,
        clients: usize,
        work: impl AsyncFnOnce() -> Result<()>,
    ) -> Result<Self> {
        thread::sleep(CALM_DOWN);
        let live = service.count_live()?;
        let target = &service.system.target;
        let mix = Operation::Mix;
        let before = target.load(mix, clients, (WARM_UP, BEFORE), async |_| {});
        let before = before.await?;
        let mut outcome = Ok(Duration::ZERO);
        let meanwhile = target.load(mix, clients, (WARM_UP, LONGEST), async |window| {
            let began = Instant::now();
            outcome = work().await.map(|()| began.elapsed());
            window.stop();
        });
        let meanwhile = meanwhile.await?;
        Ok(Self {
            what,
            count,
            clients,
            sessions: service.sessions,
            duration: outcome?,
            live: [live, service.count_live()?],
            seen: [before, meanwhile],
        })
    }
}

fn report(introduction: &str, removals: &[Removal]) -> Report {
    let mut rows = vec![HEADINGS.map(str::to_owned).to_vec()];
    for removal in removals {
        let [before, meanwhile] = &removal.seen;
        let seconds = removal.duration.as_secs_f64();
        rows.push(vec![
            removal.what.to_owned(),
            whole(removal.sessions as f64),
            removal.clients.to_string(),
            whole(removal.count as f64),
            fine(seconds),
            whole(removal.count as f64 / seconds),
            whole(before.throughput()),
            whole(meanwhile.throughput()),
            fine(before.percentile(99.0)),
            fine(meanwhile.percentile(99.0)),
            (before.errors + meanwhile.errors).to_string(),
        ]);
    }
    let mut report = Report::new("Removals", introduction);
    report.table(&rows);
    for removal in removals {
        let [before, meanwhile] = &removal.seen;
        let errors = before.errors + meanwhile.errors;
        let what = format!("{} {}", whole(removal.count as f64), removal.what);
        let [live, left] = removal.live;
        report.verdict(
            live == left && errors == 0,
            &format!("{what}: {left} of {live} live sessions are still there, the clients saw {errors} errors"),
        );
        // The goal for p99 is about what happens without anyone having asked for it.
        if removal.what == "expired sessions" {
            let [p99, without] = [meanwhile, before].map(|tally| tally.percentile(99.0));
            let ratio = p99 / without;
            report.verdict(
                ratio <= P99_GOAL,
                &format!("{what}: p99 {p99:.2} ms, {without:.2} ms without it, {ratio:.2} times as long (at most {P99_GOAL})"),
            );
        }
    }
    report
}
