//! `cargo xtask up`: builds what is missing and serves the API until Ctrl-C.

use std::{
    ffi::OsString,
    io::{BufRead, BufReader},
    process::{Child, ChildStdout, Command, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use testbed::{
    build,
    database::{Flavor, Server},
    process,
    service::variable_in_environment,
    spin::{self, Found, HTTP_RUNTIME_CONFIG, Spin},
    workspace_root,
};

use crate::{
    args::{Runtime, Up},
    curl, mistyped, toolchain,
};

const DATABASE: &str = "session";

/// The HTTP component: all of the application that Spin can run without the cron trigger's plugin.
const HTTP_COMPONENT: &str = "session-http";

/// Serves until Ctrl-C, which is success, or until the runtime ends, which is not.
pub(crate) fn run(options: &Up) -> Result<()> {
    let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    for warning in mistyped::warnings(names) {
        eprintln!("warning: {warning}");
    }
    let chosen = choose_runtime(options)?;
    toolchain::ensure_wasm_target()?;
    let database = DatabaseSettings::prepare(options.mysql)?;
    match chosen {
        Chosen::Spin(_) => build::components()?,
        Chosen::Host { .. } => drop(build::everything()?),
    }
    let (mut command, notes) = chosen.command(options)?;
    command
        .current_dir(workspace_root())
        .envs(
            database
                .environment
                .iter()
                .map(|(name, value)| (name, value)),
        )
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    let mut child = process::spawn(command).context("failed to start the runtime")?;
    let announce = |url: &str| {
        println!("\nRuntime   {}", chosen.description());
        for note in &notes {
            println!("          {note}");
        }
        println!("Database  {}", database.description);
        println!("Address   {url}\n");
        for route in curl::ROUTES {
            println!("  {route}");
        }
        println!("\nTo try, in another shell (create, verify, refresh):\n");
        for line in curl::lines(url) {
            println!("{line}");
        }
        println!("\nCtrl-C ends it.");
    };
    let result = serve(&mut child, announce, |line| println!("{line}"));
    process::end_group(&mut child, Duration::from_secs(5));
    result
}

/// Announces the address once it is known, shows what else the runtime prints, and waits for the end.
pub(crate) fn serve(child: &mut Child, announce: impl Fn(&str), show: impl Fn(&str)) -> Result<()> {
    let lines = lines(child.stdout.take().context("standard output is a pipe")?);
    let mut announced = false;
    loop {
        match lines.recv_timeout(Duration::from_millis(50)) {
            Ok(line) => {
                let address = line
                    .strip_prefix("Serving ")
                    .map(|url| url.trim_end_matches('/'));
                match address {
                    Some(url) if !announced => {
                        announced = true;
                        announce(url);
                    }
                    _ => show(&line),
                }
            }
            Err(mpsc::RecvTimeoutError::Timeout) => {}
            Err(mpsc::RecvTimeoutError::Disconnected) => thread::sleep(Duration::from_millis(50)),
        }
        if process::interrupted() {
            return Ok(());
        }
        if let Some(status) = child.try_wait()? {
            bail!("the runtime ended: {status}");
        }
    }
}

fn lines(stdout: ChildStdout) -> mpsc::Receiver<String> {
    let (sender, lines) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                break;
            }
        }
    });
    lines
}

/// The runtime and why it is this one.
enum Chosen {
    Spin(Spin),
    Host { why: String },
}

fn choose_runtime(options: &Up) -> Result<Chosen> {
    let host = |why: &str| Chosen::Host {
        why: why.to_owned(),
    };
    let chosen = match (options.runtime, spin::find()) {
        (Some(Runtime::Host), _) => host("as asked for"),
        (_, Found::Usable(spin)) => Chosen::Spin(spin),
        (Some(Runtime::Spin), Found::Unusable(why)) => bail!("{why}"),
        (None, Found::Unusable(why)) => host(&why),
    };
    ensure!(
        options.control.is_none() || matches!(chosen, Chosen::Host { .. }),
        "only the host has a control API: add --runtime host"
    );
    Ok(chosen)
}

impl Chosen {
    fn description(&self) -> String {
        match self {
            Self::Spin(Spin { path, version, .. }) => {
                format!("Spin {version} ({})", path.display())
            }
            Self::Host { why } => format!("dev-host, from dev/host/ ({why})"),
        }
    }

    /// The command to run, and what the user should know about it.
    fn command(&self, options: &Up) -> Result<(Command, Vec<String>)> {
        let (root, mut notes) = (workspace_root(), Vec::new());
        let mut command = match self {
            Self::Spin(spin) => {
                let mut command = Command::new(&spin.path);
                command.args(["up", "--from"]);
                command.arg(root.join(spin.manifest()));
                if !spin.has_wasi03 {
                    notes.push("with the component for Spin before 4.1".to_owned());
                }
                if !spin.has_cron_plugin() {
                    command.args(["-c", HTTP_COMPONENT]);
                    if spin.has_wasi03 {
                        command.arg("--runtime-config-file");
                        command.arg(root.join(HTTP_RUNTIME_CONFIG));
                    }
                    notes.push(format!(
                        "without the scheduled component: spin plugins install {} adds its trigger",
                        spin::CRON_PLUGIN
                    ));
                }
                // With two triggers, an option of one of them is an error for the other.
                if let Some(listen) = options.listen {
                    command.env("SPIN_HTTP_LISTEN_ADDR", listen.to_string());
                }
                command
            }
            Self::Host { .. } => {
                let mut command = Command::new(build::host()?);
                command.arg("--from").arg(root.join("spin.toml"));
                if let Some(listen) = options.listen {
                    command.arg("--listen").arg(listen.to_string());
                }
                if let Some(control) = options.control {
                    command.arg("--control").arg(control.to_string());
                }
                command
            }
        };
        if let Some(folder) = &options.state_dir {
            // Relative to where the user is, not to the workspace.
            let folder = std::path::absolute(folder).context("failed to find the state folder")?;
            command.arg("--state-dir").arg(folder);
        }
        Ok((command, notes))
    }
}

/// Where sessions go, and what the application has to be told for that.
struct DatabaseSettings {
    description: String,
    environment: Vec<(String, String)>,
    /// Ends, and is removed, when serving ends.
    _server: Option<Server>,
}

impl DatabaseSettings {
    fn prepare(mysql: bool) -> Result<Self> {
        let given = given_server(std::env::vars_os().map(|(name, _)| name));
        let chosen = std::env::var(variable_in_environment("database")).ok();
        if mysql && !given {
            return Self::private();
        }
        let mysql = mysql || chosen.as_deref() == Some("mysql");
        let variable = |name: &str, default: &str| {
            std::env::var(variable_in_environment(name)).unwrap_or_else(|_| default.to_owned())
        };
        Ok(if mysql {
            Self {
                description: format!(
                    "MySQL at {}:{}, database {} (from SPIN_VARIABLE_MYSQL_*)",
                    variable("mysql_host", "localhost"),
                    variable("mysql_port", "3306"),
                    variable("mysql_database", "?"),
                ),
                environment: vec![(variable_in_environment("database"), "mysql".to_owned())],
                _server: None,
            }
        } else {
            Self {
                description: "SQLite, a file in the state folder".to_owned(),
                environment: Vec::new(),
                _server: None,
            }
        })
    }

    fn private() -> Result<Self> {
        eprintln!("Starting a private MariaDB");
        let server = Server::start(Flavor::MariaDb)?;
        server.create_database(DATABASE)?;
        let environment = server
            .database(DATABASE)
            .variables()
            .into_iter()
            .map(|(name, value)| (variable_in_environment(&name), value))
            .collect();
        Ok(Self {
            description: format!(
                "MariaDB {}, private, on port {}; its data goes when it ends",
                server.version()?,
                server.port()
            ),
            environment,
            _server: Some(server),
        })
    }
}

/// Whether the environment names a MySQL server to use.
fn given_server(mut names: impl Iterator<Item = OsString>) -> bool {
    let given = [
        "mysql_host",
        "mysql_port",
        "mysql_user",
        "mysql_password",
        "mysql_database",
    ]
    .map(variable_in_environment);
    names.any(|name| given.iter().any(|given| name == given.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_given_when_any_of_its_variables_is_set() {
        let given = |names: &[&str]| given_server(names.iter().map(OsString::from));
        assert!(given(&["PATH", "SPIN_VARIABLE_MYSQL_HOST"]));
        assert!(given(&["SPIN_VARIABLE_MYSQL_DATABASE"]));
        assert!(!given(&[
            "PATH",
            "SPIN_VARIABLE_MYSQL_CONNECTION_LIMIT",
            "SPIN_VARIABLE_DATABASE"
        ]));
    }
}
