//! Measures the service: under load beside the documented system and beside a component that does nothing, with
//! growing tables, beside large removals, and in instructions. `cargo xtask bench` builds everything and runs it.
//!
//! dev/bench/RESULTS.md holds the last results.

mod args;
mod compare;
mod filled;
mod goals;
mod growth;
mod http_client;
mod instructions;
mod load;
mod measure;
mod operation;
mod peer;
mod processes;
mod removals;
mod report;
mod runtime;
mod system;
mod tally;

use std::process::ExitCode;

use anyhow::Result;
use args::Args;
use clap::Parser as _;

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> Result<()> {
    let event_loop = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    match args {
        Args { growth: true, .. } => growth::run(args, &event_loop),
        Args { removals: true, .. } => removals::run(args, &event_loop),
        Args {
            instructions: true, ..
        } => instructions::run(args.write),
        _ => compare::run(args, &event_loop),
    }
}
