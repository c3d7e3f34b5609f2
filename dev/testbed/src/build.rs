//! Builds what is to be served: the components and dev-host.
//!
//! With `TESTBED_PREBUILT=1` in the environment nothing is built, only looked for: the tests of a run
//! that has built everything first must not each ask cargo again.

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
    thread,
    time::Duration,
};

use anyhow::{Result, anyhow, ensure};

use crate::{process, workspace_root};

/// The target that components are compiled for.
pub const WASM_TARGET: &str = "wasm32-wasip2";

/// The packages of the components. Each has a cargo call of its own: one call for all would unify the
/// features of their dependencies, and with those their imports.
pub const COMPONENTS: [&str; 3] = ["session-http", "session-http-wasi02", "session-maintenance"];

/// The edge, and what the demo and the examples have it stand before.
pub const EDGE: [&str; 5] = [
    "session-edge-gateway",
    "session-edge-middleware",
    "demo-site",
    "example-gateway-site",
    "example-middleware-site",
];

/// wasmtime alone takes six minutes on two cores.
const LIMIT: Duration = Duration::from_secs(30 * 60);

/// What compiles the workspace's native packages.
#[derive(Clone, Copy)]
pub enum Compiler {
    /// rustc.
    Rustc,
    /// clippy's driver in place of rustc, as `cargo clippy` has it; what it warns of is an error. `cargo clippy` only
    /// checks, so that every crate is compiled anew for the tests; this compiles to the end, and the tests run what was
    /// linted. Not for what is shipped: it optimises less.
    Clippy,
}

impl Compiler {
    /// A cargo that has it compile.
    pub fn cargo(self) -> Command {
        let mut command = cargo();
        if let Self::Clippy = self {
            // The variable is how `cargo clippy` hands its arguments on.
            command
                .env("RUSTC_WORKSPACE_WRAPPER", "clippy-driver")
                .env("CLIPPY_ARGS", "-Dwarnings__CLIPPY_HACKERY__");
        }
        command
    }
}

/// Builds the components and dev-host side by side, and returns the path of dev-host. Each of the builds has
/// long stretches that keep one core busy only.
pub fn everything() -> Result<PathBuf> {
    everything_with(Compiler::Rustc)
}

/// The same, with this compiler for dev-host.
pub fn everything_with(compiler: Compiler) -> Result<PathBuf> {
    thread::scope(|scope| {
        let components = scope.spawn(components);
        let host = host_with(compiler);
        components.join().expect("a build does not panic").and(host)
    })
}

/// Builds the components into `target/wasm32-wasip2/release`, where the manifests look for them.
pub fn components() -> Result<()> {
    static DONE: OnceLock<Result<(), String>> = OnceLock::new();
    once(&DONE, || {
        COMPONENTS.iter().try_for_each(|package| component(package))
    })
}

/// Builds the edge and what it stands before, beside what [`components`] builds.
pub fn edge() -> Result<()> {
    static DONE: OnceLock<Result<(), String>> = OnceLock::new();
    once(&DONE, || {
        EDGE.iter().try_for_each(|package| component(package))
    })
}

/// Builds the components of the demo.
pub fn demo() -> Result<()> {
    let packages = ["session-http", "session-edge-gateway", "demo-site"];
    packages.into_iter().try_for_each(component)
}

fn component(package: &str) -> Result<()> {
    let file = component_file(package);
    let target = ["--release", "--target", WASM_TARGET, "-p", package];
    build(cargo(), &target, &file)
}

/// Builds dev-host and returns its path.
pub fn host() -> Result<PathBuf> {
    host_with(Compiler::Rustc)
}

fn host_with(compiler: Compiler) -> Result<PathBuf> {
    static DONE: OnceLock<Result<(), String>> = OnceLock::new();
    let file = target_folder().join("host/dev-host");
    once(&DONE, || {
        build(
            compiler.cargo(),
            &["--profile", "host", "-p", "dev-host"],
            &file,
        )
    })?;
    Ok(file)
}

/// Where the component of `package` lies when it is built.
pub fn component_file(package: &str) -> PathBuf {
    let name = format!("{}.wasm", package.replace('-', "_"));
    target_folder().join(WASM_TARGET).join("release").join(name)
}

/// The cargo that runs this process, or the one on the `PATH`.
pub fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(workspace_root());
    command
}

/// spin.toml names files in this very folder, so a target folder configured elsewhere is not used.
fn target_folder() -> PathBuf {
    workspace_root().join("target")
}

fn build(mut command: Command, arguments: &[&str], result: &Path) -> Result<()> {
    if std::env::var_os("TESTBED_PREBUILT").is_none() {
        command
            .args(["build", "--locked", "--target-dir"])
            .arg(target_folder())
            .args(arguments);
        let status = process::run(command, Some(LIMIT))?;
        ensure!(
            status.success(),
            "cargo build {} failed",
            arguments.join(" ")
        );
    }
    ensure!(result.is_file(), "{} has not been built", result.display());
    Ok(())
}

/// Does `work` once in this process; everyone else waits and gets the same result.
fn once(cell: &OnceLock<Result<(), String>>, work: impl FnOnce() -> Result<()>) -> Result<()> {
    cell.get_or_init(|| work().map_err(|error| format!("{error:#}")))
        .clone()
        .map_err(|message| anyhow!(message))
}
