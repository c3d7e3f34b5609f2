//! `cargo xtask bench`: builds the application and hands over to the load generator.

use std::ffi::OsString;

use anyhow::{Result, ensure};
use testbed::{build, process};

use crate::toolchain;

/// Builds everything first, so that nothing is compiled while something is measured.
pub(crate) fn run(arguments: &[OsString]) -> Result<()> {
    if !arguments
        .iter()
        .any(|word| word == "--help" || word == "-h")
    {
        toolchain::ensure_wasm_target()?;
        build::everything()?;
    }
    let mut command = build::cargo();
    command
        // The host's profile is an optimised one, and most dependencies are compiled in it already.
        .args(["run", "--locked", "--profile", "host", "-p", "bench", "--"])
        .args(arguments)
        .env("TESTBED_PREBUILT", "1");
    let status = process::run(command, None)?;
    ensure!(status.success(), "the measurement failed: {status}");
    Ok(())
}
