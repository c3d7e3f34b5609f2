//! Tokens: how they are made, what they say, and how they are checked.

pub mod access;
pub mod hs256;
pub mod refresh;
