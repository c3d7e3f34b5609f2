//! Instruction counts of the hot paths: what a request costs the library itself, without runtime and database.
//! They repeat exactly, so that a change of a percent is seen on a busy machine as well.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, bail, ensure};
use testbed::{build, process, workspace_root};

use crate::report::{self, Section};
use crate::table::{Table, whole};

const OPERATIONS: [(&str, &str); 5] = [
    ("verify", "check an access token"),
    ("create", "make a session"),
    ("refresh", "refresh the current token"),
    ("chain", "refresh a child, which confirms it"),
    ("confirm", "check a child's access token, which confirms it"),
];

/// Requests that are counted; the figure is their mean.
const REQUESTS: u64 = 200;

/// Counts, and prints a table.
pub(crate) fn run(write: bool) -> Result<()> {
    let valgrind = process::find_program("valgrind")
        .context("there is no valgrind on the PATH; it is in Debian's package of that name")?;
    let mut cargo = build::cargo();
    cargo.args(["build", "--locked", "--profile", "host", "-p", "bench"]);
    cargo.args(["--bin", "hot_paths"]);
    let status = process::run(cargo, None)?;
    ensure!(status.success(), "failed to build hot_paths: {status}");
    let folder = workspace_root().join("target/callgrind");
    std::fs::create_dir_all(&folder)?;
    let mut table = Table::new(&["operation", "what it does", "instructions a request"], 2);
    for (operation, what) in OPERATIONS {
        let instructions = count(&valgrind, operation, &folder)?;
        ensure!(
            instructions == count(&valgrind, operation, &folder)?,
            "the count of {operation} does not repeat"
        );
        let cells = [operation.to_owned(), what.to_owned()];
        let mean = whole(instructions as f64 / REQUESTS as f64);
        table.row(cells.into_iter().chain([mean]).collect());
    }
    let text = format!(
        "Native instructions, from a request's parts to the reply's bytes, over a store in memory, counted by \
         callgrind; each count was the same twice. SHA-256 is the portable one: callgrind's processor, like \
         WebAssembly, has no instructions for it.\n\n{}",
        table.render()
    );
    println!("{text}");
    eprintln!("callgrind_annotate target/callgrind/OPERATION.out shows where they go");
    if write {
        report::write(Section::Instructions, &text)?;
    }
    Ok(())
}

fn count(valgrind: &Path, operation: &str, folder: &Path) -> Result<u64> {
    let out = folder.join(format!("{operation}.out"));
    let output = Command::new(valgrind)
        .args(["--tool=callgrind", "--toggle-collect=*measured_request*"])
        .arg(format!("--callgrind-out-file={}", out.display()))
        .arg(workspace_root().join("target/host/hot_paths"))
        .args([operation, &REQUESTS.to_string()])
        .output()
        .context("failed to run valgrind")?;
    let log = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        bail!("valgrind failed on {operation}:\n{log}");
    }
    let collected = log.lines().find_map(|line| line.split_once("Collected : "));
    let (_, number) = collected.context("valgrind did not say how many instructions there were")?;
    Ok(number.trim().parse()?)
}
