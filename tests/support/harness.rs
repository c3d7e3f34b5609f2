//! The test programs' `main`: every case once per chosen database, and the listing says exactly
//! which.
//!
//! `TESTBED_DATABASES` (`sqlite,mariadb,mysql9`; by default the first two) chooses. A database that
//! was not chosen has no tests at all, rather than tests that pass without having run. On a runtime that
//! lacks what a test needs ([`testbed::service::Runtime`]) the test is listed as ignored, with the reason.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::process::ExitCode;
use std::sync::{LazyLock, Mutex};

use libtest_mimic::{Arguments, Completion, Trial};
use testbed::service::Runtime;
use tokio::sync::{RwLock, mpsc};
use tokio::task_local;

use crate::backend::Backend;
use crate::service;

/// One runtime for all tests, so that clients and their connections can be shared between them.
static RUNTIME: LazyLock<tokio::runtime::Runtime> =
    LazyLock::new(|| tokio::runtime::Runtime::new().expect("the test program can start a runtime"));

/// A test on one database.
pub type Body = fn(Backend) -> Pin<Box<dyn Future<Output = ()>>>;

/// A behaviour, and the databases on which it is checked: what [`test_on`](session_tests_attribute::test_on) registers.
#[expect(missing_docs, reason = "the attribute fills them in")]
pub struct Case {
    pub module: &'static str,
    pub name: &'static str,
    pub on: fn(Backend) -> bool,
    pub alone: bool,
    pub body: Body,
}

impl Case {
    /// The first module below the program's root; the program itself where there is none.
    fn module(&self) -> &'static str {
        self.module.split("::").nth(1).unwrap_or(self.module)
    }
}

inventory::collect!(Case);

task_local! {
    /// Told why the test of this task ends before its end.
    static LEFT_OUT: mpsc::UnboundedSender<&'static str>;
}

/// Ends the test that runs, as one that can't be had here: it is listed as left out, with this reason.
pub async fn left_out(why: &'static str) -> ! {
    let told = LEFT_OUT.try_with(|sender| sender.send(why));
    assert!(matches!(told, Ok(Ok(()))), "{why}, in a task of its own");
    // The harness drops the test here.
    match std::future::pending::<Infallible>().await {}
}

/// Why tests were left out, and of which modules.
static REASONS: Mutex<BTreeMap<&str, Vec<&str>>> = Mutex::new(BTreeMap::new());

/// Held by each test that runs, and in writing by one that must be alone.
static RUNNING: RwLock<()> = RwLock::const_new(());

async fn outcome(case: &'static Case, backend: Backend) -> Completion {
    let _running = match case.alone {
        true => (Some(RUNNING.write().await), None),
        false => (None, Some(RUNNING.read().await)),
    };
    let (sender, mut reasons) = mpsc::unbounded_channel();
    let test = LEFT_OUT.scope(sender, (case.body)(backend));
    tokio::select! {
        biased;
        () = test => Completion::Completed,
        Some(why) = reasons.recv() => {
            let mut all = REASONS.lock().expect("no holder panics");
            all.entry(why).or_default().push(case.module());
            Completion::ignored_with(why)
        }
    }
}

/// Says which classes of tests were left out.
fn print_left_out(ran: u64) {
    let all = REASONS.lock().expect("no holder panics");
    let count: usize = all.values().map(Vec::len).sum();
    if count == 0 {
        return;
    }
    println!("{ran} tests ran; {count} were left out, since what they do can't be had here:");
    for (why, modules) in all.iter() {
        let names: BTreeSet<_> = modules.iter().copied().collect();
        let names = names.into_iter().collect::<Vec<_>>().join(", ");
        println!("{:>5}  {why}: {names}", modules.len());
    }
}

/// Runs all cases as `database::module::behaviour` and stops the shared services.
pub fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(4);
    let backends = match Backend::chosen() {
        Ok(backends) => backends,
        Err(message) => {
            eprintln!("error: {message}");
            return ExitCode::from(2);
        }
    };
    let runtime = match Runtime::chosen() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: {error:#}");
            return ExitCode::from(2);
        }
    };
    if !arguments.list {
        testbed::build::components().expect("the components build");
        if runtime.has_control() {
            testbed::build::host().expect("the development host builds");
        }
    }
    let mut cases: Vec<_> = inventory::iter::<Case>.into_iter().collect();
    cases.sort_by_key(|case| (case.module, case.name));
    // SQLite's come first: what only they do takes long. Those that must be alone come last, where nobody waits behind them.
    let mut chosen: Vec<_> = backends
        .iter()
        .flat_map(|&backend| cases.iter().map(move |&case| (backend, case)))
        .filter(|&(backend, case)| (case.on)(backend))
        .collect();
    chosen.sort_by_key(|(_, case)| case.alone);
    let trial = |(backend, case): (Backend, &'static Case)| {
        let name = format!("{}::{}::{}", backend.name(), case.module(), case.name);
        Trial::ignorable_test(name, move || Ok(RUNTIME.block_on(outcome(case, backend))))
    };
    let trials = chosen.into_iter().map(trial).collect();
    let conclusion = libtest_mimic::run(&arguments, trials);
    service::stop_shared();
    print_left_out(conclusion.num_passed + conclusion.num_failed);
    conclusion.exit_code()
}
