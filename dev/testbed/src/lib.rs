//! What tests, tools and benchmarks need around the application: a built application, private
//! database servers, and a running dev-host with a client of its control API.
//!
//! Everything started here belongs to the process that started it: it listens on loopback only,
//! keeps its files in a folder of its own, and ends with its owner even when that is killed.
//! Nothing here knows sessions.

#![warn(missing_docs)]

pub mod build;
pub mod database;
pub mod folder;
pub mod packages;
pub mod process;
pub mod service;
pub mod spin;

use std::path::{Path, PathBuf};

/// The top folder of the workspace, absolute.
pub fn workspace_root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .expect("this crate lies in dev/ of the workspace")
        .to_path_buf()
}
