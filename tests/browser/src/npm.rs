//! The front-end library from npm, made into one script.

use std::{
    fs,
    process::Command,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use testbed::{process, workspace_root};

/// The versions that the edge is tested with.
const PACKAGES: [&str; 2] = ["supertokens-website@20.1.6", "esbuild@0.25.12"];

const ENTRY: &str = "import library from 'supertokens-website'; window.supertokens = library;\n";

const LIMIT: Duration = Duration::from_secs(300);

/// The library as a script that makes `window.supertokens`. It is installed once, into target/npm.
///
/// # Errors
/// If there is no npm, or it can't reach its registry.
pub fn script() -> Result<String> {
    // Tests run side by side; the second one waits here for what the first one installs.
    static INSTALLING: Mutex<()> = Mutex::new(());
    let _turn = INSTALLING.lock().unwrap_or_else(PoisonError::into_inner);
    let folder = workspace_root().join("target/npm");
    let bundle = folder.join(format!("{}.js", PACKAGES.join("+")));
    if !bundle.is_file() {
        ensure!(
            process::find_program("npm").is_some(),
            "the test of the front-end library needs npm, which is not here"
        );
        fs::create_dir_all(&folder)?;
        let mut install = Command::new("npm");
        install
            .current_dir(&folder)
            .args([
                "install",
                "--no-save",
                "--no-audit",
                "--no-fund",
                "--prefix",
                ".",
            ])
            .args(PACKAGES);
        succeed(install).context("npm can't install the front-end library; is there a network?")?;
        fs::write(folder.join("entry.js"), ENTRY)?;
        let mut bundler = Command::new(folder.join("node_modules/.bin/esbuild"));
        bundler
            .current_dir(&folder)
            .args(["entry.js", "--bundle", "--format=iife"]);
        bundler.arg(format!("--outfile={}", bundle.display()));
        succeed(bundler)?;
    }
    Ok(fs::read_to_string(bundle)?)
}

fn succeed(command: Command) -> Result<()> {
    let status = process::run(command, Some(LIMIT))?;
    ensure!(status.success(), "{status}");
    Ok(())
}
