//! What the components share: reading the settings, opening the database that they name, the runtime's time, randomness
//! and tasks, and the edge's wiring.
//!
//! A component speaks one generation of Spin's and WASI's interfaces, so each has a module of its own behind a feature:
//! `wasi03` (Spin 4.1 or later) and `wasi02` (every Spin). What a component is made of is behind one, too, so that the
//! edge compiles no SQL: `api`, `store`, `edge`.

#![warn(clippy::disallowed_methods)]

#[cfg(feature = "api")]
mod api;
mod clock;
#[cfg(feature = "store")]
mod config;
#[cfg(feature = "store")]
#[macro_use]
mod conversions;
#[cfg(feature = "store")]
mod database;
#[cfg(feature = "edge")]
pub mod edge;
#[cfg(any(feature = "api", feature = "wasi02"))]
mod http;
mod log;
mod settings;
#[cfg(feature = "wasi02")]
pub mod wasi02;
#[cfg(feature = "wasi03")]
pub mod wasi03;

#[cfg(feature = "api")]
pub use api::{start, warn_without_api_keys};
#[cfg(feature = "store")]
pub use config::read_config;
#[cfg(feature = "store")]
pub use database::{AnyConnector, open_store};
pub use settings::{Lookup, NoAnswer, SettingsError, read_settings};
