//! What runs the components that are measured: Spin where it is installed, else dev-host.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, bail, ensure};
use testbed::service::{Database, variable_in_environment};
use testbed::spin::{self, Found};
use testbed::{build, process, workspace_root};

use crate::system::Served;

/// Components that do nothing, by WASI 0.3 and 0.2, and their folders.
const BARE: [(&str, &str); 2] = [("bench-bare", "bare"), ("bench-bare-wasi02", "bare-wasi02")];

/// What docs/operations.md recommends for production.
const RECOMMENDED: [&str; 4] = [
    "--max-instance-reuse-count",
    "10000",
    "--idle-instance-timeout",
    "60s",
];

/// A runtime for components.
#[derive(Clone, Debug)]
pub(crate) enum Runtime {
    /// Spin, with its version.
    Spin(PathBuf, String),
    /// dev-host, from this repository.
    Host(PathBuf),
}

/// Which runtime was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Wanted {
    /// Spin.
    Spin,
    /// dev-host.
    Host,
}

impl Runtime {
    /// Finds the runtime that is wanted, or the best there is, and builds what it is to run.
    pub(crate) fn prepare(wanted: Option<Wanted>) -> Result<Self> {
        build::components()?;
        for (package, _) in BARE {
            let mut bare = build::cargo();
            bare.args(["build", "--locked", "--release", "--target"])
                .args([build::WASM_TARGET, "-p", package]);
            let status = process::run(bare, None)?;
            ensure!(status.success(), "failed to build {package}: {status}");
        }
        match (wanted, spin::find()) {
            (None | Some(Wanted::Spin), Found::Usable(spin)) => {
                ensure!(spin.has_wasi03, "Spin {} is older than 4.1", spin.version);
                Ok(Self::Spin(spin.path, spin.version))
            }
            (Some(Wanted::Spin), Found::Unusable(why)) => bail!("{why}"),
            (None | Some(Wanted::Host), _) => Ok(Self::Host(build::host()?)),
        }
    }

    /// What tables say.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Spin(_, version) => format!("Spin {version}"),
            Self::Host(_) => "dev-host".to_owned(),
        }
    }

    /// Starts the service on a database, as the runtime does by default.
    pub(crate) fn service(&self, database: &Database) -> Result<Served> {
        self.start("spin.toml", database, &[], &[])
    }

    /// Starts it with the recommended options.
    pub(crate) fn tuned(&self, database: &Database) -> Result<Served> {
        self.start("spin.toml", database, &RECOMMENDED, &[])
    }

    /// Starts the component for WASI 0.2, with a master key.
    pub(crate) fn wasi02(&self, database: &Database) -> Result<Served> {
        let master_key = ("master_key", "a master key for measurements only");
        self.start("spin-wasi02.toml", database, &[], &[master_key])
    }

    /// Starts that component without one.
    pub(crate) fn wasi02_plain(&self, database: &Database) -> Result<Served> {
        self.start("spin-wasi02.toml", database, &[], &[])
    }

    /// Starts the service so that revocations are followed, perhaps with the recommended options.
    pub(crate) fn feed(&self, database: &Database, is_tuned: bool) -> Result<Served> {
        let feed = ("access_token_blacklisting", "feed");
        let options: &[&str] = if is_tuned { &RECOMMENDED } else { &[] };
        self.start("spin.toml", database, options, &[feed])
    }

    /// Starts it for SuperTokens' SDKs.
    pub(crate) fn cdi(&self, database: &Database, algorithm: &str) -> Result<Served> {
        let variables = [("cdi", "true"), ("access_token_algorithm", algorithm)];
        self.start("spin.toml", database, &[], &variables)
    }

    fn start(
        &self,
        manifest: &str,
        database: &Database,
        options: &[&str],
        variables: &[(&str, &str)],
    ) -> Result<Served> {
        Served::start(|address, folder| {
            let root = workspace_root();
            let mut command = self.command(&root.join(manifest), "session-http");
            command
                .arg("--runtime-config-file")
                .arg(root.join("runtime-config.http.toml"))
                .args(options);
            place(&mut command, address, folder);
            set_variables(&mut command, database);
            for (name, value) in variables {
                command.env(variable_in_environment(name), value);
            }
            Ok(command)
        })
    }

    /// Starts dev-host with the scheduled component alone; it listens for `POST /tick` only. Spin has no way to run
    /// a scheduled component at a moment of one's choice.
    pub(crate) fn maintenance(database: &Database, state_dir: &Path) -> Result<Served> {
        let host = build::host()?;
        Served::start(|address, _| {
            let manifest = workspace_root().join("spin.toml");
            let mut command = Self::Host(host).command(&manifest, "session-maintenance");
            command
                .args(["--no-cron", "--listen", "127.0.0.1:0", "--control"])
                .arg(address.to_string())
                .arg("--state-dir")
                .arg(state_dir);
            set_variables(&mut command, database);
            Ok(command)
        })
    }

    /// Starts the bare component.
    pub(crate) fn bare(&self) -> Result<Served> {
        self.start_bare(BARE[0])
    }

    /// Starts that for WASI 0.2.
    pub(crate) fn bare_wasi02(&self) -> Result<Served> {
        self.start_bare(BARE[1])
    }

    fn start_bare(&self, (package, folder): (&str, &str)) -> Result<Served> {
        let manifest = workspace_root().join(format!("dev/bench/{folder}/spin.toml"));
        Served::start(|address, folder| {
            let mut command = self.command(&manifest, package);
            place(&mut command, address, folder);
            Ok(command)
        })
    }

    /// Both programs take the same options; that for a component has only its short form in common.
    fn command(&self, manifest: &Path, component: &str) -> Command {
        let mut command = match self {
            Self::Spin(path, _) => {
                let mut command = Command::new(path);
                command.arg("up");
                command
            }
            Self::Host(path) => Command::new(path),
        };
        // What a developer has set for `up` must not change what is measured.
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("SPIN_") {
                command.env_remove(name);
            }
        }
        command.arg("--from").arg(manifest).args(["-c", component]);
        command
    }
}

fn place(command: &mut Command, address: SocketAddr, folder: &Path) {
    command
        .args(["--listen", &address.to_string(), "--state-dir"])
        .arg(folder);
}

fn set_variables(command: &mut Command, database: &Database) {
    for (name, value) in database.variables() {
        command.env(variable_in_environment(&name), value);
    }
}
