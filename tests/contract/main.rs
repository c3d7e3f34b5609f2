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
    session_tests::harness::main()
}
