//! Doubles for the tests: the runtime's rules about connections, and a store that misbehaves on demand.

#![allow(
    clippy::unwrap_used,
    reason = "these are tests, in another crate's eyes"
)]

mod faults;
#[cfg(test)]
pub(crate) mod rules;

pub use self::faults::{Faults, HANG, WatchedStore};
