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
use args::{Args, Mode};

fn main() -> ExitCode {
    let args = match Args::parse(lexopt::Parser::from_env()) {
        Ok(args) => args,
        Err(error) => {
            eprintln!("{error}; cargo xtask bench --help lists what there is");
            return ExitCode::from(2);
        }
    };
    match run(&args) {
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
    match args.mode {
        Mode::Help => {
            print!("{}", args::HELP);
            Ok(())
        }
        Mode::Compare => compare::run(args, &event_loop),
        Mode::Growth => growth::run(args, &event_loop),
        Mode::Removals => removals::run(args, &event_loop),
        Mode::Instructions => instructions::run(args.write),
    }
}
