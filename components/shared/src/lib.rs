//! What the components share: reading the settings, opening the database that they name, and the runtime's time,
//! randomness and tasks.
//!
//! A component speaks one generation of Spin's and WASI's interfaces, so each has a module of its own behind a feature:
//! `wasi03` (Spin 4.1 or later) and `wasi02` (every Spin).

#![warn(clippy::disallowed_methods)]

mod api;
mod clock;
#[macro_use]
mod conversions;
mod database;
mod log;
mod settings;
#[cfg(feature = "wasi02")]
pub mod wasi02;
#[cfg(feature = "wasi03")]
pub mod wasi03;

pub use api::{start, warn_without_api_keys};
pub use database::{AnyConnector, open_store};
pub use settings::{Lookup, NoAnswer, SettingsError, read_settings};
