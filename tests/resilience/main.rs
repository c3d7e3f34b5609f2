//! Right under race, attack and failure: every test is named after the row of the requirements that it checks.
//!
//! Faults, pauses and clocks come from the host's control API, kills and hangs from signals. `SEED=N` repeats the
//! random ones; `TESTBED_SOAK_MINUTES=N` plays the games (`model` to `crash`) for so long, with ever new seeds.

use std::process::ExitCode;

mod common;
mod concurrency;
mod outage;

fn main() -> ExitCode {
    session_tests::watch::on();
    let outcome = session_tests::harness::main(vec![
        ("concurrency", concurrency::cases()),
        ("outage", outage::cases()),
    ]);
    let (replies, lines) = session_tests::watch::looked_at();
    println!("canary scan: {replies} replies and {lines} log lines, no secret in any");
    outcome
}
