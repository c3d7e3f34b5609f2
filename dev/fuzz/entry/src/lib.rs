//! What the parsers promise about any input, as functions over bytes: each panics if a promise is broken.
//!
//! cargo-fuzz calls them from `dev/fuzz/fuzz_targets`; the tests of this crate call them with random, changed and
//! committed inputs on any compiler. Each says whether the input was accepted, so that the tests can see that both
//! answers are reached.

mod access_token;
pub mod input;
mod members;
mod platform;
mod proof;
mod refresh_token;
mod request;
mod stored_row;

pub use access_token::access_token;
pub use proof::proof;
pub use refresh_token::refresh_token;
pub use request::request;
pub use stored_row::stored_row;

use session_core::domain::time::Timestamp;

/// An entry point.
pub type Entry = fn(&[u8]) -> bool;

/// All entry points, by the names of their targets and corpora.
pub const ENTRIES: [(&str, Entry); 5] = [
    ("access_token", access_token),
    ("proof", proof),
    ("refresh_token", refresh_token),
    ("request", request),
    ("stored_row", stored_row),
];

/// The time of day in every input that does not choose another one.
pub const NOW: Timestamp = Timestamp::from_secs(1_700_000_000);
