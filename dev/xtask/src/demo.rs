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
    // Spin lists its routes, by an address that is the attacker's.
    let result = up::serve(&mut child, |_| println!("\n{}", words(listen)), |_| {});
    process::end_group(&mut child, Duration::from_secs(5));
    result
}

/// What the terminal says: one address, since the demo's page opens the other one.
fn words(listen: SocketAddr) -> String {
    let (ip, port) = (listen.ip(), listen.port());
    let (address, note) = match ip.is_loopback() || ip.is_unspecified() {
        true => (format!("http://localhost:{port}"), ""),
        false => (
            format!("http://{listen}"),
            " Stealing works on localhost only.",
        ),
    };
    format!("The demo is at {address}\nSign in as Ada there.{note} Ctrl-C ends it.\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_terminal_shows_one_address() {
        for (listen, address) in [
            ("127.0.0.1:3000", "http://localhost:3000\n"),
            ("[::]:80", "http://localhost:80\n"),
            ("192.0.2.1:4000", "http://192.0.2.1:4000\n"),
        ] {
            let words = words(listen.parse().expect("it is an address"));
            assert!(words.contains(address), "{words}");
            assert!(!words.contains("127.0.0.1"), "{words}");
            assert_eq!(words.matches("://").count(), 1, "{words}");
        }
    }
}
