//! Everything there is to know about sessions, free of any runtime.
//!
//! The crate compiles natively without Spin, and that build is the proof of its purity: time, randomness,
//! timers and database connections are passed in (see [`platform`] and [`store::db`]). The two components
//! under `components/` wire it to Spin.
//!
//! Dependencies point inwards only: [`http`] and [`store`] know [`domain`]; [`domain`] knows nobody.

#![warn(clippy::disallowed_methods)]

pub mod domain;
pub mod edge;
pub mod http;
pub mod log;
pub mod maintenance;
pub mod platform;
pub mod service;
pub mod store;
pub mod sync;
#[cfg(test)]
pub(crate) mod testing;
