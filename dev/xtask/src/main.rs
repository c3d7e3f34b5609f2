//! `cargo xtask`: run, test, check and measure the application.
//!
//! This file decides which command runs and what the exit code is: 0 for success, 1 for a failure, 2 for
//! wrong arguments, 130 after Ctrl-C.

mod args;
mod bench;
#[cfg(test)]
mod compliance;
mod convert_config;
mod curl;
mod demo;
mod generate;
mod mistyped;
mod scale;
mod steps;
mod test;
mod tick;
mod toolchain;
mod up;
#[cfg(test)]
mod walls;

use std::{
    process::ExitCode,
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use anyhow::Result;
use args::{Command, Xtask};
use clap::Parser as _;
use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGTERM},
    iterator::Signals,
};

fn main() -> ExitCode {
    let arguments = Xtask::parse();
    match watch_for_interruption().and_then(|()| run(arguments.command)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) if testbed::process::interrupted() => {
            eprintln!("interrupted");
            ExitCode::from(130)
        }
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<()> {
    match command {
        Command::Up(options) => up::run(&options),
        Command::Demo(options) => demo::run(&options),
        Command::Test(options) => test::run(&options),
        Command::Check => steps::check(),
        Command::Tick(options) => tick::run(&options),
        Command::Generate => generate::run(),
        Command::Bench { arguments } => bench::run(&arguments),
        Command::ConvertConfig { file } => convert_config::run(&file),
    }
}

/// The first signal ends what is running, and this program then returns through its normal way out, which
/// stops servers and removes folders. A second one ends it at once; what it started dies with it.
fn watch_for_interruption() -> Result<()> {
    static SECOND: AtomicBool = AtomicBool::new(false);
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP])?;
    thread::spawn(move || {
        for _ in signals.forever() {
            if SECOND.swap(true, Ordering::SeqCst) {
                std::process::exit(130);
            }
            testbed::process::interrupt();
        }
    });
    Ok(())
}
