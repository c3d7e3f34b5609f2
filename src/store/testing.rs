//! Doubles for the tests: the runtime's rules about connections, and a store that misbehaves on demand.

#![allow(
    clippy::unwrap_used,
    reason = "these are tests, in another crate's eyes"
)]

#[cfg(test)]
pub(crate) mod rules;
mod watched;

pub use self::watched::{HANG, WatchedStore};
