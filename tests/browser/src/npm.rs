//! Scripts from npm, for pages: the front-end library, and what finds mistakes of accessibility.

use std::{
    fs,
    path::PathBuf,
    process::Command,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use testbed::{process, workspace_root};

/// The versions that are tested with.
const PACKAGES: [&str; 3] = [
    "supertokens-website@20.1.6",
    "axe-core@4.14.1",
    "esbuild@0.25.12",
];

const ENTRY: &str = "import library from 'supertokens-website'; window.supertokens = library;\n";

const LIMIT: Duration = Duration::from_secs(300);

/// supertokens-website as a script that makes `window.supertokens`.
///
/// # Errors
/// If there is no npm, or it can't reach its registry.
pub fn front_end_library() -> Result<String> {
    Ok(fs::read_to_string(installed()?.join("library.js"))?)
}

/// axe-core, which makes `window.axe`.
///
/// # Errors
/// If there is no npm, or it can't reach its registry.
pub fn axe() -> Result<String> {
    let file = installed()?.join("node_modules/axe-core/axe.min.js");
    Ok(fs::read_to_string(file)?)
}

/// The folder in target/npm with the packages, installed once, and the library made into one script.
fn installed() -> Result<PathBuf> {
    // Tests run side by side; the second one waits here for what the first one installs.
    static INSTALLING: Mutex<()> = Mutex::new(());
    let _turn = INSTALLING.lock().unwrap_or_else(PoisonError::into_inner);
    let folder = workspace_root().join("target/npm").join(PACKAGES.join("+"));
    // Written last.
    let bundle = folder.join("library.js");
    if !bundle.is_file() {
        ensure!(
            process::find_program("npm").is_some(),
            "tests in a browser need npm, which is not here"
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
        succeed(install).context("npm can't install them; is there a network?")?;
        fs::write(folder.join("entry.js"), ENTRY)?;
        let mut bundler = Command::new(folder.join("node_modules/.bin/esbuild"));
        bundler
            .current_dir(&folder)
            .args(["entry.js", "--bundle", "--format=iife"]);
        bundler.arg(format!("--outfile={}", bundle.display()));
        succeed(bundler)?;
    }
    Ok(folder)
}

fn succeed(command: Command) -> Result<()> {
    let status = process::run(command, Some(LIMIT))?;
    ensure!(status.success(), "{status}");
    Ok(())
}
