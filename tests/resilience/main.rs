//! Right under race, attack and failure: every test is named after the row of the requirements that it checks.
//!
//! Faults, pauses and clocks come from the host's control API, kills and hangs from signals. `SEED=N` repeats the
//! random ones; `TESTBED_SOAK_MINUTES=N` plays the games (`model` to `crash`) for so long, with ever new seeds.

use std::process::ExitCode;

mod clean_up;
mod cluster;
mod common;
mod concurrency;
mod connections;
mod crash;
mod deaths;
mod fault_matrix;
mod flood;
mod handbook;
mod history;
mod keys;
mod locks;
mod master_key;
mod model;
mod one_instance;
mod outage;
mod overtaken;
mod restore;
mod rotation;
mod secrets;
mod server_settings;
mod theft;
mod thief;

fn main() -> ExitCode {
    session_tests::watch::on();
    let outcome = session_tests::harness::main(vec![
        ("concurrency", concurrency::cases()),
        ("one_instance", one_instance::cases()),
        ("theft", theft::cases()),
        ("overtaken", overtaken::cases()),
        ("keys", keys::cases()),
        ("master_key", master_key::cases()),
        ("clean_up", clean_up::cases()),
        ("cluster", cluster::cases()),
        ("outage", outage::cases()),
        ("deaths", deaths::cases()),
        ("connections", connections::cases()),
        ("locks", locks::cases()),
        ("server_settings", server_settings::cases()),
        ("restore", restore::cases()),
        ("flood", flood::cases()),
        ("secrets", secrets::cases()),
        ("model", model::cases()),
        ("handbook", handbook::cases()),
        ("history", history::cases()),
        ("fault_matrix", fault_matrix::cases()),
        ("thief", thief::cases()),
        ("rotation", rotation::cases()),
        ("crash", crash::cases()),
    ]);
    println!("{}", session_tests::watch::summary());
    outcome
}
