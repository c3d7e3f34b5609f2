//! Tokens: how they are made, what they say, and how they are checked.

pub mod access;
pub mod header;
pub mod hs256;
pub mod key;
pub mod refresh;
pub mod shape;
