//! The application, served by a process of its own: dev-host, or Spin.
//!
//! How one is started is in `builder`; what can be done to it through its control API, in `control`.

mod builder;
mod control;
mod database;
mod runtime;

use std::{
    path::{Path, PathBuf},
    process::Child,
    sync::{Arc, Mutex},
    thread,
};

pub use builder::ServiceBuilder;
pub use control::Control;
pub use database::{Database, variable_in_environment};
pub use dev_host_control::{
    Action, Clock, Connections, FaultRule, FaultState, On, ServerError, StatementCount, Stats,
    Tick, Turns,
};
pub use runtime::{RUNTIME, Runtime};

use crate::{folder::TempFolder, process};

/// A running service. Dropping it kills it and removes its temporary state folder.
pub struct ServiceProcess {
    process: Option<Child>,
    url: String,
    control: Option<Control>,
    log: Arc<Mutex<Vec<u8>>>,
    state_dir: PathBuf,
    /// Dropped after the process has been killed.
    _temporary: Option<TempFolder>,
}

impl ServiceProcess {
    /// A service on SQLite with the default settings, to be changed.
    pub fn builder() -> ServiceBuilder {
        ServiceBuilder::new()
    }

    /// Where it listens: `http://127.0.0.1:PORT`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The client of its control API, if it has one.
    pub fn control(&self) -> Option<&Control> {
        self.control.as_ref()
    }

    /// Its state folder.
    pub fn state_dir(&self) -> &Path {
        &self.state_dir
    }

    /// Everything that it has written to standard error so far, the components' output included.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&self.log.lock().expect("no holder of this lock panics"))
            .into_owned()
    }

    /// Its process id, if it has not been killed.
    pub fn pid(&self) -> Option<u32> {
        self.process.as_ref().map(Child::id)
    }

    /// Kills it (SIGKILL); requests under way end without an answer.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.process.take() {
            process::kill_group(&mut child);
        }
    }

    /// Suspends it (SIGSTOP).
    pub fn pause(&self) {
        if let Some(child) = &self.process {
            process::pause(child);
        }
    }

    /// Lets a suspended service go on.
    pub fn resume(&self) {
        if let Some(child) = &self.process {
            process::resume(child);
        }
    }
}

impl Drop for ServiceProcess {
    fn drop(&mut self) {
        self.kill();
        if thread::panicking() {
            // The test that fails prints what it saw; this is what the service saw.
            eprintln!(
                "--- log of {} ---\n{}--- end of log ---",
                self.url,
                self.log()
            );
        }
    }
}
