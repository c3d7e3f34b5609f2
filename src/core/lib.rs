//! The rules of sessions, and what they ask of a runtime. Knows nobody.
//!
//! It compiles natively without Spin, and that build is the proof of its purity: time, randomness, timers, tasks and the
//! log come through [`platform`], and the rules of [`domain`] take even those as arguments.

#![warn(clippy::disallowed_methods)]

pub mod domain;
pub mod log;
pub mod platform;
pub mod request;
pub mod sync;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
