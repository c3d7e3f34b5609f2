//! `cargo xtask demo`: a site behind the edge, to steal a session from.

use std::{
    net::{Ipv4Addr, SocketAddr},
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::{Context, Result};
use testbed::{
    build,
    folder::TempFolder,
    process,
    spin::{self, Found},
    workspace_root,
};

use crate::{args::Demo, toolchain, up};

/// Serves until Ctrl-C. Its sessions go with it.
pub(crate) fn run(options: &Demo) -> Result<()> {
    toolchain::ensure_wasm_target()?;
    let default = SocketAddr::from((Ipv4Addr::LOCALHOST, 3000));
    let listen = options.listen.unwrap_or(default);
    let folder = TempFolder::new()?;
    build::demo()?;
    let mut command = match spin::find() {
        Found::Usable(spin) if spin.has_wasi03 => {
            let mut command = Command::new(spin.path);
            command.arg("up");
            command
        }
        _ => Command::new(build::host()?),
    };
    command
        .current_dir(workspace_root())
        .args([
            "--from",
            "examples/demo/spin.toml",
            "--listen",
            &listen.to_string(),
        ])
        .arg("--state-dir")
        .arg(folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    let mut child = process::spawn(command).context("failed to start the runtime")?;
    let result = up::serve(&mut child, |_| {
        let address = match listen.ip().is_loopback() {
            true => format!("http://localhost:{}", listen.port()),
            false => format!("http://{listen} (stealing works on http://localhost only)"),
        };
        println!("\nThe demo is at {address}\n");
        println!(
            "Sign in as Ada there, and copy her cookies to another browser: a second window, with the"
        );
        println!("address 127.0.0.1, whose cookies are its own. Ctrl-C ends it.");
    });
    process::end_group(&mut child, Duration::from_secs(5));
    result
}
