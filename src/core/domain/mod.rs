//! The rules of sessions as pure code: no async, no I/O, no clock and no randomness of its own.

pub mod authentication;
pub mod config;
pub mod device;
pub mod feed;
pub mod id;
pub mod json;
pub mod keys;
pub mod lifetime;
pub mod log;
pub mod maintenance;
pub mod protocol;
mod race;
pub mod request_times;
pub mod reuse;
pub mod revocation;
pub mod rotation;
pub mod sealed;
pub mod secret;
pub mod session;
pub mod setting;
pub mod time;
pub mod token;
