//! A service process with settings, and its caller. Its clock, counters and faults are in `control`.

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::AtomicI64;
use std::time::{Duration, Instant};

use testbed::service::Runtime;
use tokio::sync::Mutex;

use crate::backend::{Backend, Place};
use crate::client::Client;
use crate::harness::left_out;
use crate::tables::Tables;
use crate::watch;

/// A service that is to be started.
pub struct Setup {
    backend: Backend,
    place: Option<Arc<Place>>,
    variables: Vec<(String, String)>,
    arguments: Vec<String>,
    runtime_config: Option<&'static str>,
    real_timers: bool,
    /// Whether an instance has to serve request after request.
    lives_on: bool,
}

impl Setup {
    pub(crate) fn new(backend: Backend) -> Self {
        Self {
            backend,
            place: None,
            // So that the canary scan sees all that can be logged.
            variables: vec![("log_level".to_owned(), "debug".to_owned())],
            arguments: Vec::new(),
            runtime_config: None,
            real_timers: false,
            lives_on: false,
        }
    }

    pub(crate) fn on(place: &Arc<Place>) -> Self {
        Self {
            place: Some(place.clone()),
            ..Self::new(place.backend())
        }
    }

    /// With a value for a variable of the application.
    pub fn set(mut self, variable: &str, value: impl ToString) -> Self {
        self.variables
            .push((variable.to_owned(), value.to_string()));
        self
    }

    /// With values for several variables.
    pub fn set_all(self, settings: &[(&str, &str)]) -> Self {
        let set = |setup: Self, (name, value): &(&str, &str)| setup.set(name, value);
        settings.iter().fold(self, set)
    }

    /// With another option for the host.
    pub fn argument(mut self, option: &str, value: impl ToString) -> Self {
        self.arguments
            .extend([option.to_owned(), value.to_string()]);
        self
    }

    /// With another file of the workspace as its runtime configuration.
    pub fn runtime_config(mut self, path: &'static str) -> Self {
        self.runtime_config = Some(path);
        self
    }

    /// With deadlines and pauses as long as on Spin; otherwise they are ten times as long.
    pub fn real_timers(mut self) -> Self {
        self.real_timers = true;
        self
    }

    /// Only where instances serve request after request: elsewhere so many requests take too long.
    pub fn of_many_requests(mut self) -> Self {
        self.lives_on = true;
        self
    }

    /// In one component instance for good, so that nothing is loaded a second time for a reason that
    /// the test did not cause.
    pub fn one_instance(mut self) -> Self {
        self.lives_on = true;
        self.argument("--max-instance-reuse-count", 1_000_000)
            .argument("--max-instance-concurrent-reuse-count", 1_000)
            .argument("--idle-instance-timeout", 3_600)
    }

    /// Starts it and waits until it listens.
    pub async fn start(self) -> Service {
        let runtime = Runtime::chosen().expect("the runtime was found");
        if self.lives_on && runtime.is_wasi02() {
            left_out("needs an instance that lives on").await;
        }
        if self.arguments.iter().any(|argument| argument == "--from") && !runtime.has_control() {
            left_out("brings a manifest of its own").await;
        }
        let place = match self.place {
            Some(place) => place,
            None => self.backend.place().await,
        };
        let mut builder = testbed::service::ServiceProcess::builder()
            .database(place.database())
            .state_dir(place.state_folder());
        for (name, value) in &self.variables {
            builder = builder.variable(name, value);
        }
        for argument in &self.arguments {
            builder = builder.host_arg(argument);
        }
        if let Some(path) = self.runtime_config {
            builder = builder.runtime_config(path);
        }
        if self.real_timers {
            builder = builder.real_timers();
        }
        let started = tokio::task::spawn_blocking(move || builder.start());
        let process = started
            .await
            .expect("starting does not panic")
            .expect("the service starts");
        let client = Client::new(process.url());
        Service {
            process,
            client,
            place,
            frozen_at: AtomicI64::new(0),
        }
    }
}

/// A running service process. It ends with this value.
pub struct Service {
    pub(crate) process: testbed::service::ServiceProcess,
    client: Client,
    place: Arc<Place>,
    /// Where its clock stands, if it does.
    pub(crate) frozen_at: AtomicI64,
}

impl Deref for Service {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

impl Service {
    /// Whether its instances keep keys from one request to the next.
    pub fn keeps_keys(&self) -> bool {
        Runtime::chosen().is_ok_and(|runtime| !runtime.is_wasi02())
    }

    /// The database that it uses.
    pub fn place(&self) -> &Arc<Place> {
        &self.place
    }

    /// The tables that it uses.
    pub fn tables(&self) -> &Tables {
        self.place.tables()
    }

    /// What the service and its host logged so far.
    pub fn log(&self) -> String {
        self.process.log()
    }

    /// Waits for a line of the log that has all these parts: the log may be a moment behind a reply.
    pub async fn expect_logged(&self, parts: &[&str]) {
        let complete = |line: &str| parts.iter().all(|part| line.contains(part));
        let deadline = Instant::now() + Duration::from_secs(5);
        while !self.log().lines().any(complete) {
            assert!(
                Instant::now() < deadline,
                "no line has all of {parts:?}: {}",
                self.log()
            );
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// The process that runs it.
    pub fn process(&mut self) -> &mut testbed::service::ServiceProcess {
        &mut self.process
    }

    /// The id of the process that runs it.
    pub fn pid(&self) -> u32 {
        self.process.pid().expect("it has not been killed")
    }

    /// A caller that shares no connection with the others.
    pub fn another_client(&self) -> Client {
        Client::new(self.process.url())
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        watch::log(&self.process.log());
    }
}

/// The service with default settings on a kind of database, started at the first call.
pub(crate) async fn shared_service(backend: Backend) -> Arc<Service> {
    let mut shared = SHARED[backend as usize].lock().await;
    match &*shared {
        Some(service) => service.clone(),
        None => {
            let service = Arc::new(backend.service().start().await);
            *shared = Some(service.clone());
            service
        }
    }
}

static SHARED: [Mutex<Option<Arc<Service>>>; 3] = [const { Mutex::const_new(None) }; 3];

pub(crate) fn stop_shared() {
    for shared in &SHARED {
        shared.blocking_lock().take();
    }
}
