//! Why the store did not do what was asked.

/// Why the store did not do it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The database is unreachable, refuses, or took too long. The change may or may not have happened; to try again
    /// is safe.
    #[error("the database is unavailable: {0}")]
    Unavailable(String),
    /// The server refuses the connection until an operator changes the account, the server or the settings; nothing
    /// happened, and to try again before is no use.
    #[error("{0}")]
    Refused(String),
    /// The database's settings allow no statement of this size; nothing happened, and to try again is no use.
    #[error("too large for the database: {0}")]
    TooLarge(String),
    /// The database takes no changes; nothing happened, and to try again is safe.
    #[error("the database is read-only")]
    ReadOnly,
    /// The tables are missing or lack columns, and could not be repaired.
    #[error("{0}")]
    Schema(String),
    /// A row holds what this service never writes.
    #[error("table {table}, column {column}: {problem}")]
    Corrupt {
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
        /// What is wrong with it, without its value.
        problem: &'static str,
    },
}

/// The result of a store operation.
pub type Result<T, E = StoreError> = std::result::Result<T, E>;
