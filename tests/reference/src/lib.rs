//! The reference: the rules of sessions once more, written from the API's description alone.
//!
//! It knows no SQL, no MAC, no cache and nothing of the `session` crate. What plays on it ([`game`]) plays on an
//! implementation at once, be it the service in this process or one behind HTTP.

pub mod game;
pub mod lineage;
pub mod rules;
pub mod settings;
pub mod subject;
