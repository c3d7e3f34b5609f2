//! What the tests of this package stand on: a choice of databases, services started with settings,
//! a client that keeps raw bytes, forged tokens, and a look into the tables.
//!
//! The tests themselves are in `contract/` and `resilience/`, one module for each endpoint or subject.
//! Servers and processes come from `testbed`; nothing here knows how they are started.

pub mod backend;
pub mod client;
mod control;
pub mod forge;
pub mod harness;
pub mod json;
pub mod locks;
mod openapi;
pub mod python;
pub mod random;
pub mod raw_http;
pub mod reply;
pub mod service;
pub mod subject;
pub mod tables;
pub mod time;
pub mod watch;

pub use inventory;

/// What nearly every test module uses.
pub mod prelude {
    pub use crate::backend::{Backend, Place};
    pub use crate::client::{Client, Session, Token};
    pub use crate::forge::{Jwt, sha256_hex, sign};
    pub use crate::json::quote;
    pub use crate::random::Random;
    pub use crate::reply::{REFUSED, Reply, TRY_REFRESH_TOKEN, UNAUTHORISED, theft_of};
    pub use crate::service::Service;
    pub use crate::tables::Tables;
    pub use crate::time::{DAY, HOUR, MINUTE, SECOND};
    pub use session_tests_attribute::test_on;
}
