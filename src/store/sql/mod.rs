//! The store on SQL: one implementation for MySQL, MariaDB and SQLite, over what Spin offers of each.
//!
//! There are no transactions (Spin prepares every statement, and MySQL prepares no `START TRANSACTION`). Each
//! change is one conditional statement, and what it did is decided from what is read back.

mod connection_setup;
mod dialect;
mod failure;
mod keys;
mod maintenance;
mod migrations;
mod rows;
mod runner;
mod schema;
mod sessions;
mod statements;
mod store;
mod writers;

pub use self::dialect::SqlDialect;
pub use self::store::SqlStore;

#[cfg(test)]
mod tests;
