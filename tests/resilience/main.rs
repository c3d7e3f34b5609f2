//! Right under race, attack and failure: every test is named after the row of the requirements that it checks.
//!
//! Faults, pauses and clocks come from the host's control API, kills and hangs from signals. `SEED=N` repeats the
//! random ones; `TESTBED_SOAK_MINUTES=N` plays the games for so long, with ever new seeds.

use std::process::ExitCode;

mod clean_up;
mod cluster;
mod common;
mod concurrency;
mod connections;
mod crash;
mod fault_matrix;
mod feed;
mod flood;
mod handbook;
mod history;
mod keys;
mod locks;
mod master_key;
mod model;
mod one_instance;
mod outage;
mod rotation;
mod secrets;
mod server_settings;
mod sqlite_file;
mod theft;

fn main() -> ExitCode {
    session_tests::watch::on();
    let outcome = session_tests::harness::main();
    println!("{}", session_tests::watch::summary());
    outcome
}
