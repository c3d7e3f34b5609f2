//! Steps of a longer run, each with a heading, a deadline and its duration; and the steps that `check` and
//! `test` have in common.

use std::{
    ffi::OsStr,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use testbed::{
    build::{COMPONENTS, Compiler, EDGE, WASM_TARGET, cargo},
    process, workspace_root,
};

use crate::toolchain;

/// The packages that are native and quick to compile; dev-host is native, too, but compiles wasmtime.
const NATIVE: [&str; 13] = [
    "session-api",
    "session-core",
    "session-edge",
    "session-service",
    "session-store",
    "browser-tests",
    "example-site",
    "fuzz-entry",
    "testbed",
    "xtask",
    "session-tests",
    "session-tests-attribute",
    "bench",
];

/// Components that only the benchmark, and dev-host's tests, serve.
const TOOL_COMPONENTS: [&str; 3] = ["bench-bare", "bench-bare-wasi02", "dev-host-guest"];

const MINUTE: Duration = Duration::from_secs(60);

/// What has been run so far.
pub(crate) struct Steps {
    started: Instant,
    done: Vec<(String, Duration)>,
}

impl Steps {
    /// Nothing yet.
    pub(crate) fn new() -> Self {
        Self {
            started: Instant::now(),
            done: Vec::new(),
        }
    }

    /// Runs one step. Its error names the step; the steps after it are the caller's to leave out.
    pub(crate) fn step<T>(
        &mut self,
        title: impl Into<String>,
        work: impl FnOnce() -> Result<T>,
    ) -> Result<T> {
        let title = title.into();
        if process::interrupted() {
            bail!("interrupted");
        }
        eprintln!("\n=== {title}");
        let started = Instant::now();
        let result = work();
        let duration = started.elapsed();
        if let Err(error) = result {
            eprintln!("--- {title}: failed after {}", seconds(duration));
            return Err(error.context(format!("failed in step \"{title}\"")));
        }
        eprintln!("--- {title}: {}", seconds(duration));
        self.done.push((title, duration));
        result
    }

    /// One step that is one command.
    pub(crate) fn command(
        &mut self,
        title: impl Into<String>,
        limit: Duration,
        command: Command,
    ) -> Result<()> {
        self.step(title, || succeed(command, limit))
    }

    /// One line per step and the total.
    pub(crate) fn print_summary(&self) {
        println!("\nAll steps passed:");
        for (title, duration) in &self.done {
            println!("  {:>8}  {title}", seconds(*duration));
        }
        println!("  {:>8}  in all", seconds(self.started.elapsed()));
    }
}

/// Runs a command that has to succeed.
pub(crate) fn succeed(command: Command, limit: Duration) -> Result<()> {
    let program = Path::new(command.get_program())
        .file_name()
        .unwrap_or_default();
    let words = std::iter::once(program).chain(command.get_args());
    let line = words
        .map(OsStr::to_string_lossy)
        .collect::<Vec<_>>()
        .join(" ");
    let status =
        process::run(command, Some(limit)).with_context(|| format!("failed to run {line}"))?;
    if !status.success() {
        bail!("{line}: {status}");
    }
    Ok(())
}

/// A cargo command with these arguments.
pub(crate) fn cargo_with(arguments: &[&str]) -> Command {
    let mut command = cargo();
    command.args(arguments);
    command
}

/// `cargo xtask check`.
pub(crate) fn check() -> Result<()> {
    let mut steps = Steps::new();
    toolchain::ensure_lints()?;
    toolchain::ensure_wasm_target()?;
    formatting(&mut steps)?;
    native_lints(&mut steps)?;
    wasm_lints(&mut steps)?;
    unit_tests(&mut steps, Compiler::Rustc)?;
    steps.print_summary();
    Ok(())
}

/// The formatting of every package.
pub(crate) fn formatting(steps: &mut Steps) -> Result<()> {
    steps.command(
        "formatting",
        MINUTE,
        cargo_with(&["fmt", "--all", "--check"]),
    )
}

/// clippy for the native packages other than dev-host.
pub(crate) fn native_lints(steps: &mut Steps) -> Result<()> {
    let mut command = cargo_with(&["clippy", "--locked", "--all-targets"]);
    command.args(native_packages());
    command.args(["--", "-D", "warnings"]);
    steps.command("lints, native", 10 * MINUTE, command)
}

/// clippy for the components, in one call for those of each WASI.
pub(crate) fn wasm_lints(steps: &mut Steps) -> Result<()> {
    steps.step("lints, wasm", || {
        let all = COMPONENTS.iter().chain(&EDGE).chain(&TOOL_COMPONENTS);
        let (wasi02, wasi03): (Vec<&str>, Vec<&str>) =
            all.partition(|package| package.ends_with("-wasi02"));
        [wasi03, wasi02].iter().try_for_each(|packages| {
            let mut command = cargo_with(&["clippy", "--locked", "--release"]);
            command.args(["--target", WASM_TARGET]);
            command.args(packages.iter().flat_map(|package| ["-p", package]));
            command.args(["--", "-D", "warnings"]);
            succeed(command, 10 * MINUTE)
        })
    })
}

/// The tests that need nothing from outside.
pub(crate) fn unit_tests(steps: &mut Steps, compiler: Compiler) -> Result<()> {
    let parsers = tests_in("dev/fuzz/entry/tests")?;
    let mut command = native_tests(compiler, &["--lib", "--bins"]);
    command.args(parsers);
    steps.command("unit tests", 15 * MINUTE, command)
}

/// What names all test programs of a folder to cargo, so that a new one is not left out.
pub(crate) fn tests_in(folder: &str) -> Result<Vec<String>> {
    let mut arguments = Vec::new();
    for entry in std::fs::read_dir(workspace_root().join(folder))? {
        let path = entry?.path();
        if path.extension() == Some(OsStr::new("rs"))
            && let Some(name) = path.file_stem()
        {
            arguments.extend(["--test".to_owned(), name.to_string_lossy().into_owned()]);
        }
    }
    Ok(arguments)
}

/// A cargo call that runs these tests of the native packages. All of them are named whichever is meant: cargo compiles a
/// dependency anew for other features, and which features it has depends on the packages that are named.
pub(crate) fn native_tests(compiler: Compiler, targets: &[&str]) -> Command {
    let mut command = compiler.cargo();
    command.args(["test", "--locked", "--no-fail-fast"]);
    command.args(native_packages()).args(targets);
    command
}

fn native_packages() -> impl Iterator<Item = &'static str> {
    NATIVE.into_iter().flat_map(|package| ["-p", package])
}

/// For people: `7.1 s`, `2 min 5 s`.
fn seconds(duration: Duration) -> String {
    let seconds = duration.as_secs();
    if seconds < 60 {
        format!("{:.1} s", duration.as_secs_f64())
    } else {
        format!("{} min {} s", seconds / 60, seconds % 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_readable() {
        assert_eq!(seconds(Duration::from_millis(7_140)), "7.1 s");
        assert_eq!(seconds(Duration::from_millis(59_900)), "59.9 s");
        assert_eq!(seconds(Duration::from_secs(125)), "2 min 5 s");
    }

    #[test]
    fn a_failed_step_is_named() {
        let mut steps = Steps::new();
        let mut command = Command::new("sh");
        command.args(["-c", "exit 3"]);
        let error = steps
            .command("the third step", MINUTE, command)
            .unwrap_err();
        let text = format!("{error:#}");
        assert_eq!(
            text,
            "failed in step \"the third step\": sh -c exit 3: exit status: 3"
        );
        assert!(steps.done.is_empty());
    }
}
