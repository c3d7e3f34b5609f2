//! How a script of statements fails, and what that is to a caller of the store.

use std::time::Duration;

use crate::db::DbError;
use crate::error::StoreError;

/// How long one of many batches may take, waiting for a connection included.
pub(super) const BATCH_DEADLINE: Duration = Duration::from_secs(3);

/// A script that did not run to its end.
#[derive(Debug)]
pub(super) enum Failure {
    /// The database's error.
    Db(DbError),
    /// The tables are not there.
    Schema(String),
    /// A batch took too long.
    Deadline,
}

impl From<Failure> for StoreError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Db(error @ DbError::TooLarge) => Self::TooLarge(error.to_string()),
            Failure::Db(error @ DbError::Refused(_)) => Self::Refused(error.to_string()),
            Failure::Db(DbError::ReadOnly) => Self::ReadOnly,
            Failure::Db(error) => Self::Unavailable(error.to_string()),
            Failure::Schema(message) => Self::Schema(message),
            Failure::Deadline => Self::Unavailable(format!("no answer within {BATCH_DEADLINE:?}")),
        }
    }
}
