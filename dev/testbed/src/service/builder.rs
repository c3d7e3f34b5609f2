//! How a service is configured and started: its command line, its environment, and the wait for its addresses.

use std::{
    io::{BufRead, BufReader, Read},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{Arc, Mutex, mpsc},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, anyhow};

use super::{Control, Database, Runtime, ServiceProcess, variable_in_environment};
use crate::{folder::TempFolder, process, workspace_root};

/// A component compiles in a fraction of a second; this is for a machine that is busy.
const START_LIMIT: Duration = Duration::from_secs(60);

/// How many times slower than the real ones a service's timers are: on a busy machine a test that is not about a
/// deadline meets none.
const SLOW_TIMERS: &str = "10";

/// How a service is to be started.
pub struct ServiceBuilder {
    /// Relative to the workspace.
    manifest: Option<PathBuf>,
    /// Relative to the workspace.
    runtime_config: Option<PathBuf>,
    program: Option<PathBuf>,
    /// `None`: as the environment says.
    database: Option<Database>,
    variables: Vec<(String, String)>,
    state_dir: Option<PathBuf>,
    host_arguments: Vec<String>,
    real_timers: bool,
}

impl ServiceBuilder {
    pub(super) fn new() -> Self {
        Self {
            manifest: None,
            runtime_config: None,
            program: None,
            database: Some(Database::Sqlite),
            variables: Vec::new(),
            state_dir: None,
            host_arguments: Vec::new(),
            real_timers: false,
        }
    }

    /// Where sessions are kept; SQLite unless said otherwise.
    #[must_use]
    pub fn database(mut self, database: Database) -> Self {
        self.database = Some(database);
        self
    }

    /// Takes the database and every other variable from this process's `SPIN_VARIABLE_*`. Without this
    /// they are hidden from the service.
    #[must_use]
    pub fn inherit_variables(mut self) -> Self {
        self.database = None;
        self
    }

    /// Sets an application variable. The last value of a name counts.
    #[must_use]
    pub fn variable(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.variables.push((name.into(), value.into()));
        self
    }

    /// The state folder, which then outlives the service; without one it gets a temporary folder.
    #[must_use]
    pub fn state_dir(mut self, path: impl Into<PathBuf>) -> Self {
        self.state_dir = Some(path.into());
        self
    }

    /// One more argument for what serves it. An option and its value are two arguments.
    #[must_use]
    pub fn host_arg(mut self, argument: impl Into<String>) -> Self {
        self.host_arguments.push(argument.into());
        self
    }

    /// Deadlines, and all else that follows the monotonic clock, as on Spin: for tests that are about them. Otherwise
    /// that clock runs ten times slower.
    #[must_use]
    pub fn real_timers(mut self) -> Self {
        self.real_timers = true;
        self
    }

    /// Another application than that of spin.toml: the path of its manifest, from the workspace on.
    #[must_use]
    pub fn manifest(mut self, path: impl Into<PathBuf>) -> Self {
        self.manifest = Some(path.into());
        self
    }

    /// Another runtime configuration than the HTTP component's own: the path of the file, from the workspace on.
    #[must_use]
    pub fn runtime_config(mut self, path: impl Into<PathBuf>) -> Self {
        self.runtime_config = Some(path.into());
        self
    }

    /// Another program in place of dev-host; nothing is built then.
    #[must_use]
    pub fn program(mut self, path: impl Into<PathBuf>) -> Self {
        self.program = Some(path.into());
        self
    }

    /// Builds what is missing, starts the service and waits until it listens. The error of a service that
    /// does not start holds its log.
    pub fn start(self) -> Result<ServiceProcess> {
        let runtime = Runtime::chosen()?;
        let command = match &self.program {
            Some(program) => Command::new(program),
            None => runtime.command(self.manifest.as_deref(), self.runtime_config.as_deref())?,
        };
        let has_control = self.program.is_some() || runtime.has_control();
        let (state_dir, temporary) = match &self.state_dir {
            Some(path) => (path.clone(), None),
            None => {
                let folder = TempFolder::new()?;
                (folder.path().to_path_buf(), Some(folder))
            }
        };
        let program = command.get_program().to_owned();
        let mut child = process::spawn(self.command(command, &state_dir, has_control))
            .with_context(|| format!("failed to start {}", program.display()))?;
        let log = Arc::new(Mutex::new(Vec::new()));
        collect(
            child.stderr.take().expect("its standard error is a pipe"),
            Arc::clone(&log),
        );
        let lines = read_lines(child.stdout.take().expect("its standard output is a pipe"));
        let mut service = ServiceProcess {
            process: Some(child),
            url: String::new(),
            control: None,
            log,
            state_dir,
            _temporary: temporary,
        };
        match wait_for_addresses(&lines, has_control) {
            Ok((url, control)) => {
                service.url = url;
                service.control = control.map(Control::new);
                Ok(service)
            }
            Err(error) => {
                service.kill();
                // The reader of the log may be a moment behind the end of the process.
                thread::sleep(Duration::from_millis(50));
                let log = service.log();
                Err(error.context(format!("the service did not start; its log:\n{log}")))
            }
        }
    }

    fn command(&self, mut command: Command, state_dir: &Path, is_host: bool) -> Command {
        command
            .current_dir(workspace_root())
            .args(["--listen", "127.0.0.1:0", "--state-dir"])
            .arg(state_dir)
            .args(&self.host_arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        if is_host && !self.real_timers {
            command.args(["--slow-timers", SLOW_TIMERS]);
        }
        let database = match &self.database {
            Some(database) => {
                // What a developer has set for `up` must not change what a test sees.
                for (name, _) in std::env::vars_os() {
                    if name.to_string_lossy().starts_with("SPIN_") {
                        command.env_remove(name);
                    }
                }
                database.variables()
            }
            None => Vec::new(),
        };
        // In the environment, not as arguments: everyone on the machine may read those.
        for (name, value) in database.iter().chain(&self.variables) {
            command.env(variable_in_environment(name), value);
        }
        command
    }
}

fn collect(mut from: impl Read + Send + 'static, into: Arc<Mutex<Vec<u8>>>) {
    thread::spawn(move || {
        let mut buffer = [0; 8192];
        while let Ok(length @ 1..) = from.read(&mut buffer) {
            into.lock()
                .expect("no holder of this lock panics")
                .extend_from_slice(&buffer[..length]);
        }
    });
}

/// Reads to the end, so that the service never waits for a full pipe.
fn read_lines(from: impl Read + Send + 'static) -> mpsc::Receiver<String> {
    let (sender, lines) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            // Nobody is interested any more once the addresses are known.
            let _ = sender.send(line);
        }
    });
    lines
}

fn wait_for_addresses(
    lines: &mpsc::Receiver<String>,
    has_control: bool,
) -> Result<(String, Option<String>)> {
    let deadline = Instant::now() + START_LIMIT;
    let (mut url, mut control) = (None, None);
    loop {
        match (&url, &control) {
            (Some(url), None) if !has_control => return Ok((String::clone(url), None)),
            (Some(url), Some(_)) => return Ok((String::clone(url), control)),
            _ => {}
        }
        let line = lines
            .recv_timeout(deadline.saturating_duration_since(Instant::now()))
            .map_err(|error| match error {
                mpsc::RecvTimeoutError::Timeout => {
                    anyhow!("it printed no address within {} s", START_LIMIT.as_secs())
                }
                mpsc::RecvTimeoutError::Disconnected => anyhow!("it ended"),
            })?;
        if let Some(address) = line.strip_prefix("Serving ") {
            url = Some(address.trim_end_matches('/').to_owned());
        } else if let Some(address) = line.strip_prefix("Control ") {
            control = Some(address.trim_end_matches('/').to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt};

    use super::*;

    /// A program that stands in for dev-host.
    fn program(folder: &TempFolder, script: &str) -> PathBuf {
        let path = folder.path().join("host");
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    #[test]
    fn addresses_log_and_variables_pass_through() {
        let folder = TempFolder::new().unwrap();
        let path = program(
            &folder,
            r#"echo "hello $SPIN_VARIABLE_DATABASE $SPIN_VARIABLE_ON_TOKEN_THEFT $*" >&2
               echo Serving http://127.0.0.1:1; echo Control http://127.0.0.1:2; exec sleep 60"#,
        );
        let service = ServiceProcess::builder()
            .program(path)
            .variable("on_token_theft", "revoke_user")
            .host_arg("--no-cron")
            .start()
            .unwrap();
        assert_eq!(service.url(), "http://127.0.0.1:1");
        let deadline = Instant::now() + Duration::from_secs(5);
        while !service.log().ends_with('\n') && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(5));
        }
        let log = service.log();
        assert!(
            log.starts_with("hello sqlite revoke_user --listen "),
            "{log}"
        );
        assert!(log.ends_with(" --no-cron --slow-timers 10\n"), "{log}");

        let state_dir = service.state_dir().to_path_buf();
        assert!(state_dir.is_dir());
        drop(service);
        assert!(!state_dir.exists());
    }

    #[test]
    fn a_service_that_ends_at_once_says_why() {
        let folder = TempFolder::new().unwrap();
        let path = program(&folder, "echo no such manifest >&2; exit 2");
        let Err(error) = ServiceProcess::builder().program(path).start() else {
            panic!("it started");
        };
        let message = format!("{error:#}");
        assert!(message.contains("no such manifest"), "{message}");
        assert!(message.ends_with("it ended"), "{message}");
    }
}
