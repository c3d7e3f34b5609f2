//! The contract, promise by promise: one module for each endpoint, then one for each subject.
//!
//! Tests whose names begin with an id (`tf2_…`) check that requirement against attack or failure.

use std::process::ExitCode;

mod before;
mod cdi;
mod configuration;
mod deploy;
mod device;
mod documents;
mod endpoints;
mod expiry;
mod forgery;
mod http;
mod input;
mod key_file;
mod key_set;
mod leak;
mod maintenance;
mod openapi;
mod revoke;
mod sessions;
mod statements;
mod storage;
mod supply;
mod theft;
mod tokens;
mod turns;

fn main() -> ExitCode {
    session_tests::harness::main()
}
