//! What the Rust toolchain must have besides the compiler: the wasm target, rustfmt and clippy.

use std::{
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::{Result, bail, ensure};
use testbed::{
    build::{WASM_TARGET, cargo},
    process, workspace_root,
};

const LIMIT: Duration = Duration::from_secs(600);

/// Makes sure that components can be compiled.
pub(crate) fn ensure_wasm_target() -> Result<()> {
    if has_wasm_target() {
        return Ok(());
    }
    rustup(&["target", "add", WASM_TARGET])
}

/// Makes sure that there is `cargo fmt` and `cargo clippy`.
pub(crate) fn ensure_lints() -> Result<()> {
    for (subcommand, component) in [("fmt", "rustfmt"), ("clippy", "clippy")] {
        let mut command = cargo();
        command
            .args([subcommand, "--version"])
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        if !command.status().is_ok_and(|status| status.success()) {
            rustup(&["component", "add", component])?;
        }
    }
    Ok(())
}

/// The compiler itself is asked, so that a toolchain that did not come from rustup is good, too.
fn has_wasm_target() -> bool {
    let output = Command::new("rustc")
        .current_dir(workspace_root())
        .args(["--print", "target-libdir", "--target", WASM_TARGET])
        .output();
    output.is_ok_and(|output| {
        output.status.success()
            && Path::new(String::from_utf8_lossy(&output.stdout).trim()).is_dir()
    })
}

/// In the workspace's folder, so that it is about the toolchain that rust-toolchain.toml names.
fn rustup(arguments: &[&str]) -> Result<()> {
    let line = format!("rustup {}", arguments.join(" "));
    if process::find_program("rustup").is_none() {
        bail!("the Rust toolchain is incomplete, and there is no rustup to run: {line}");
    }
    eprintln!("Running {line}");
    let mut command = Command::new("rustup");
    command.current_dir(workspace_root()).args(arguments);
    let status = process::run(command, Some(LIMIT))?;
    ensure!(status.success(), "{line} failed");
    Ok(())
}
