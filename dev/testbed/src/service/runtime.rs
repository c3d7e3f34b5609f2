//! What serves the application, as `TESTBED_RUNTIME` says: `host` (if it says nothing), `host-wasi02` or `spin`.

use std::{path::Path, process::Command, sync::LazyLock};

use anyhow::{Result, bail};

use crate::{
    build,
    spin::{self, Found, HTTP_RUNTIME_CONFIG, Spin},
    workspace_root,
};

/// The variable that names it.
pub const RUNTIME: &str = "TESTBED_RUNTIME";

/// What serves the application.
#[derive(Clone, Debug, PartialEq)]
pub enum Runtime {
    /// dev-host, with the HTTP component for WASI 0.3.
    Host,
    /// dev-host, with that for WASI 0.2.
    HostWasi02,
    /// The Spin on the `PATH`, with the component that is for it.
    Spin(Spin),
}

impl Runtime {
    /// The one that the environment names.
    ///
    /// # Errors
    /// If it names none, or there is no Spin.
    pub fn chosen() -> Result<Self> {
        static CHOSEN: LazyLock<Result<Runtime, String>> = LazyLock::new(|| {
            let name = std::env::var(RUNTIME).unwrap_or_default();
            match (&*name, spin::find()) {
                ("" | "host", _) => Ok(Runtime::Host),
                ("host-wasi02", _) => Ok(Runtime::HostWasi02),
                ("spin", Found::Usable(spin)) => Ok(Runtime::Spin(spin)),
                ("spin", Found::Unusable(why)) => Err(why),
                _ => Err(format!(
                    "{RUNTIME}: {name:?} is none of host, host-wasi02, spin"
                )),
            }
        });
        match &*CHOSEN {
            Ok(runtime) => Ok(runtime.clone()),
            Err(why) => bail!("{why}"),
        }
    }

    /// Whether an instance serves one request only, and its calls to a database block.
    pub fn is_wasi02(&self) -> bool {
        match self {
            Self::Host => false,
            Self::HostWasi02 => true,
            Self::Spin(spin) => !spin.has_wasi03,
        }
    }

    /// Whether a control API is there: clock, faults, counters, scheduled runs on demand.
    pub fn has_control(&self) -> bool {
        !matches!(self, Self::Spin(_))
    }

    /// Builds what it needs, and begins its command line, for the service or the application with another manifest,
    /// with its own runtime configuration or another.
    pub(super) fn command(
        &self,
        manifest: Option<&Path>,
        runtime_config: Option<&Path>,
    ) -> Result<Command> {
        let root = workspace_root();
        let own = match self {
            Self::Host => "spin.toml",
            Self::HostWasi02 => "spin-wasi02.toml",
            Self::Spin(spin) => spin.manifest(),
        };
        let mut command = match self {
            Self::Host | Self::HostWasi02 => Command::new(build::everything()?),
            Self::Spin(spin) => {
                build::components()?;
                let mut command = Command::new(&spin.path);
                command.args(["up", "-c", "session-http"]);
                command
            }
        };
        let manifest = manifest.unwrap_or(Path::new(own));
        command.arg("--from").arg(root.join(manifest));
        if self.has_control() {
            command.args(["--no-cron", "--control", "127.0.0.1:0"]);
        }
        let own = Path::new(HTTP_RUNTIME_CONFIG);
        let own = (self.has_control() || !self.is_wasi02()).then_some(own);
        if let Some(file) = runtime_config.or(own) {
            command.arg("--runtime-config-file").arg(root.join(file));
        }
        Ok(command)
    }
}
