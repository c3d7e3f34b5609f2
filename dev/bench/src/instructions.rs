//! Instruction counts of the hot paths: what a request costs the library itself, without runtime and database.
//! They repeat exactly, so that a change of a percent is seen on a busy machine as well.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, bail, ensure};
use testbed::{build, process, workspace_root};

use crate::report::{self, Report, whole};

const OPERATIONS: [(&str, &str); 7] = [
    (
        "start",
        "check an access token in a new instance, with a master key",
    ),
    ("verify", "check an access token"),
    ("create", "make a session"),
    ("refresh", "refresh the current token"),
    (
        "bound",
        "refresh the current token of a session that a browser has bound",
    ),
    ("chain", "refresh a child, which confirms it"),
    ("confirm", "check a child's access token, which confirms it"),
];

const HEADINGS: [&str; 3] = ["operation", "what it does", "instructions a request"];

const INTRODUCTION: &str = "\
Native instructions, from a request's parts to the reply's bytes, over a store in memory, counted by callgrind; each \
count was the same twice. SHA-256 is the portable one: callgrind's processor, like WebAssembly, has no instructions \
for it.";

/// Requests that are counted; the figure is their mean.
const REQUESTS: u64 = 200;

/// A change of this share is pointed out.
const NOTABLE: f64 = 0.1;

/// Counts, prints a table, and compares with the results that are kept.
pub(crate) fn run(write: bool) -> Result<()> {
    let valgrind = process::find_program("valgrind")
        .context("there is no valgrind on the PATH; it is in Debian's package of that name")?;
    let mut cargo = build::cargo();
    // As the components are compiled, but with the names that callgrind looks for.
    cargo.args(["build", "--locked", "--release", "-p", "bench"]);
    cargo.args([
        "--bin",
        "hot_paths",
        "--config",
        "profile.release.strip=false",
    ]);
    let status = process::run(cargo, None)?;
    ensure!(status.success(), "failed to build hot_paths: {status}");
    let folder = workspace_root().join("target/callgrind");
    std::fs::create_dir_all(&folder)?;
    let mut rows = vec![HEADINGS.map(str::to_owned).to_vec()];
    let last = report::read("Instructions").unwrap_or_default();
    let mut changes = String::new();
    for (operation, what) in OPERATIONS {
        let instructions = count(&valgrind, operation, &folder)?;
        ensure!(
            instructions == count(&valgrind, operation, &folder)?,
            "the count of {operation} does not repeat"
        );
        let mean = (instructions as f64 / REQUESTS as f64).round();
        rows.push(vec![operation.to_owned(), what.to_owned(), whole(mean)]);
        if let Some(before) = recorded(&last, operation) {
            changes += &change(operation, before, mean);
        }
    }
    let mut report = Report::new("Instructions", INTRODUCTION);
    report.table(&rows);
    report.publish(write)?;
    if !changes.is_empty() {
        println!("Compared with dev/bench/RESULTS.md:\n\n{changes}");
    }
    eprintln!("callgrind_annotate target/callgrind/OPERATION.out shows where they go");
    Ok(())
}

fn count(valgrind: &Path, operation: &str, folder: &Path) -> Result<u64> {
    let out = folder.join(format!("{operation}.out"));
    let output = Command::new(valgrind)
        .args(["--tool=callgrind", "--toggle-collect=*measured_request*"])
        .arg(format!("--callgrind-out-file={}", out.display()))
        .arg(workspace_root().join("target/release/hot_paths"))
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

/// The count of an operation in the text of the section.
fn recorded(text: &str, operation: &str) -> Option<f64> {
    text.lines().find_map(|line| {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        match cells[..] {
            ["", name, _, count, ""] if name == operation => count.replace(',', "").parse().ok(),
            _ => None,
        }
    })
}

fn change(operation: &str, before: f64, now: f64) -> String {
    let share = now / before - 1.0;
    let word = match share {
        _ if share >= NOTABLE => "**more**",
        _ if share <= -NOTABLE => "less",
        _ => "within 10 %",
    };
    format!(
        "- {word}: {operation} {:+.1} % ({}, before {})\n",
        100.0 * share,
        whole(now),
        whole(before)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_compared_with_those_that_were_written() {
        let row = ["verify", "check an access token", "50,000"];
        let mut report = Report::new("Instructions", "Counted.");
        report.table(&[HEADINGS, row].map(|row| row.map(str::to_owned).to_vec()));
        let text = report.text();
        assert_eq!(recorded(text, "verify"), Some(50_000.0));
        assert_eq!(recorded(text, "create"), None);
        assert_eq!(recorded("", "verify"), None);
        assert_eq!(
            change("verify", 50_000.0, 55_000.0),
            "- **more**: verify +10.0 % (55,000, before 50,000)\n"
        );
        assert!(change("verify", 50_000.0, 54_900.0).starts_with("- within 10 %: verify +9.8 %"));
        assert!(change("verify", 50_000.0, 40_000.0).starts_with("- less: verify -20.0 %"));
    }
}
