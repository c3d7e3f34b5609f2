//! The test programs' `main`: every case once per chosen database, and the listing says exactly
//! which.
//!
//! `TESTBED_DATABASES` (`sqlite,mariadb,mysql9`; by default the first two) chooses. A database that
//! was not chosen has no tests at all, rather than tests that pass without having run.

use std::future::Future;
use std::pin::Pin;
use std::process::ExitCode;
use std::sync::LazyLock;

use libtest_mimic::{Arguments, Trial};
use tokio::runtime::Runtime;

use crate::backend::Backend;
use crate::service;

/// One runtime for all tests, so that clients and their connections can be shared between them.
static RUNTIME: LazyLock<Runtime> =
    LazyLock::new(|| Runtime::new().expect("the test program can start a runtime"));

type Body = fn(Backend) -> Pin<Box<dyn Future<Output = ()>>>;

/// A behaviour, and the databases on which it is checked.
pub struct Case {
    name: &'static str,
    body: Body,
    on: fn(Backend) -> bool,
}

impl Case {
    /// A behaviour that holds where `on` says so.
    pub const fn new(name: &'static str, on: fn(Backend) -> bool, body: Body) -> Self {
        Self { name, body, on }
    }
}

/// Lists a module's tests: `everywhere`, only on `servers` (MariaDB and MySQL), only on `sqlite` or
/// only on `mariadb`. A test function that is in no list is a warning about dead code.
#[macro_export]
macro_rules! suite {
    ($($group:ident: $($name:ident),+;)+) => {
        /// The tests of this module.
        pub(crate) fn cases() -> Vec<$crate::harness::Case> {
            vec![$($(
                $crate::harness::Case::new(
                    stringify!($name),
                    $crate::backend::Backend::$group,
                    |backend| Box::pin($name(backend)),
                )
            ),+),+]
        }
    };
}

/// Runs the modules' cases as `database::module::behaviour` and stops the shared services.
pub fn main(modules: Vec<(&'static str, Vec<Case>)>) -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(4);
    let backends = match Backend::chosen() {
        Ok(backends) => backends,
        Err(message) => {
            eprintln!("error: {message}");
            return ExitCode::from(2);
        }
    };
    if !arguments.list {
        testbed::build::components().expect("the components build");
        testbed::build::host().expect("the development host builds");
    }
    let mut trials = Vec::new();
    for backend in backends {
        for (module, cases) in &modules {
            for case in cases.iter().filter(|case| (case.on)(backend)) {
                let name = format!("{}::{module}::{}", backend.name(), case.name);
                let body = case.body;
                trials.push(Trial::test(name, move || {
                    RUNTIME.block_on(body(backend));
                    Ok(())
                }));
            }
        }
    }
    let conclusion = libtest_mimic::run(&arguments, trials);
    service::stop_shared();
    conclusion.exit_code()
}
