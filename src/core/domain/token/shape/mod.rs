//! How the claims of an access token are written in each protocol.

pub mod cdi;
pub mod native;
