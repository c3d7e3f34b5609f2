//! The contract, promise by promise: one module for each endpoint, then one for each subject.
//!
//! Tests whose names begin with an id (`tf2_…`) check that requirement against attack or failure.

use std::process::ExitCode;

mod cdi;
mod common_rules;
mod configuration;
mod create;
mod data;
mod deploy;
mod documents;
mod expiry;
mod forged_claims;
mod forgery;
mod http;
mod input;
mod interop;
mod key_file;
mod key_set;
mod keys;
mod leak;
mod load;
mod maintenance;
mod openapi;
mod refresh;
mod reuse_window;
mod revoke;
mod rotation;
mod sequences;
mod statements;
mod storage;
mod supply;
mod theft;
mod tokens;
mod verify;

fn main() -> ExitCode {
    session_tests::harness::main(vec![
        ("create", create::cases()),
        ("verify", verify::cases()),
        ("refresh", refresh::cases()),
        ("revoke", revoke::cases()),
        ("data", data::cases()),
        ("common_rules", common_rules::cases()),
        ("http", http::cases()),
        ("input", input::cases()),
        ("configuration", configuration::cases()),
        ("tokens", tokens::cases()),
        ("forgery", forgery::cases()),
        ("forged_claims", forged_claims::cases()),
        ("leak", leak::cases()),
        ("rotation", rotation::cases()),
        ("reuse_window", reuse_window::cases()),
        ("theft", theft::cases()),
        ("sequences", sequences::cases()),
        ("keys", keys::cases()),
        ("key_file", key_file::cases()),
        ("expiry", expiry::cases()),
        ("storage", storage::cases()),
        ("statements", statements::cases()),
        ("interop", interop::cases()),
        ("cdi", cdi::cases()),
        ("key_set", key_set::cases()),
        ("openapi", openapi::cases()),
        ("load", load::cases()),
        ("maintenance", maintenance::cases()),
        ("supply", supply::cases()),
        ("documents", documents::cases()),
        ("deploy", deploy::cases()),
    ])
}
