//! Measures the service: under load beside the documented system and beside a component that does nothing, with
//! growing tables, beside large removals, and in instructions. `cargo xtask bench` builds everything and runs it.
//!
//! bench/RESULTS.md holds the last results.

mod api;
mod args;
mod clock;
mod cold_start;
mod compare;
mod connection;
mod goals;
mod growth;
mod instructions;
mod load;
mod machine;
mod meanwhile;
mod measure;
mod operation;
mod peer;
mod processes;
mod random;
mod removal;
mod removals;
mod report;
mod runtime;
mod seeded;
mod seeded_service;
mod served;
mod side_by_side;
mod stage;
mod storage;
mod table;
mod tally;
mod target;
mod workload;

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
    match args.mode {
        Mode::Help => {
            print!("{}", args::HELP);
            Ok(())
        }
        Mode::Compare => compare::run(args),
        Mode::Growth => growth::run(args),
        Mode::Removals => removals::run(args),
        Mode::Instructions => instructions::run(args.write),
    }
}
