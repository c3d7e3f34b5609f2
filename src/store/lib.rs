//! Where sessions and keys are kept: the ports, a reference in memory, and SQL.

#![warn(clippy::disallowed_methods)]

pub mod db;
mod error;
#[cfg(any(test, feature = "memory"))]
pub mod hook;
#[cfg(any(test, feature = "memory"))]
pub mod memory;
pub mod pool;
mod ports;
mod records;
pub mod spin;
pub mod sql;
#[cfg(any(test, feature = "testing"))]
pub mod testing;

pub use session_core::domain::keys::KeyRow;

pub use self::error::{Result, StoreError};
pub use self::ports::{
    BACKLOG_ROWS, BATCH_ROWS, First, KeyStore, MaintenanceStore, SAMPLE_ROWS, SessionStore, Store,
};
pub use self::records::{ListedSession, NewSession, SessionRecord};
