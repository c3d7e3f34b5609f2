//! The rules of sessions as pure code: no async, no I/O, no clock and no randomness of its own.

pub mod config;
pub mod id;
pub mod json;
pub mod keys;
pub mod log;
pub mod maintenance;
pub mod protocol;
pub mod reuse;
pub mod rotation;
pub mod sealed;
pub mod secret;
pub mod setting;
pub mod time;
pub mod token;
