//! Sets a connection up before its first statement: what it must be like, whatever the server's settings are.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use session_core::platform::Platform;

use super::dialect::SqlDialect;
use crate::db::{Connection, Connector, DbError, Row, Statement, Value};
use crate::pool::Lease;

/// The server does not know a variable (MySQL 1193).
const UNKNOWN_VARIABLE: DbError = DbError::Other(1193);

/// Opens connections that are to be set up before their first statement of any kind.
pub(super) struct ConnectionSetup<C> {
    connector: C,
    choice: Arc<Choice>,
}

/// The settings, the most wanted first, and which of them the server takes.
struct Choice {
    settings: &'static [&'static str],
    first: AtomicUsize,
}

impl<C> ConnectionSetup<C> {
    pub(super) fn new(connector: C, dialect: SqlDialect) -> Self {
        let choice = Choice {
            settings: dialect.set_up(),
            first: AtomicUsize::new(0),
        };
        Self {
            connector,
            choice: Arc::new(choice),
        }
    }
}

impl<C: Connector> Connector for ConnectionSetup<C> {
    type Connection = SetUpConnection<C::Connection>;

    async fn open(&self) -> Result<Self::Connection, DbError> {
        Ok(SetUpConnection {
            connection: self.connector.open().await?,
            choice: Arc::clone(&self.choice),
            // Not here: an open that fails after it has a connection would have to drop it, which can hang Spin.
            is_set_up: AtomicBool::new(self.choice.settings.is_empty()),
        })
    }
}

/// A connection, and whether it is set up.
pub(super) struct SetUpConnection<T> {
    connection: T,
    choice: Arc<Choice>,
    is_set_up: AtomicBool,
}

/// Sets a new connection up. Each try is a statement like any other: what the pool does around statements it
/// does around these. A connection on which none succeeded is tried again by whoever has it next.
///
/// # Errors
/// If the server takes none of the settings, or is lost.
pub(super) async fn set_up<C: Connector, P: Platform>(
    lease: &mut Lease<'_, ConnectionSetup<C>, P>,
) -> Result<(), DbError> {
    while !lease.connection().is_set_up.load(Ordering::Relaxed) {
        let choice = Arc::clone(&lease.connection().choice);
        let number = choice.first.load(Ordering::Relaxed);
        match lease
            .run(&[Statement::execute(choice.settings[number], Vec::new())])
            .await
        {
            Ok(_) => lease.connection().is_set_up.store(true, Ordering::Relaxed),
            Err(UNKNOWN_VARIABLE) if number + 1 < choice.settings.len() => {
                choice.first.store(number + 1, Ordering::Relaxed);
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

impl<T: Connection> Connection for SetUpConnection<T> {
    async fn query(&self, sql: &str, params: Vec<Value>) -> Result<Vec<Row>, DbError> {
        self.connection.query(sql, params).await
    }

    async fn query_row(&self, sql: &str, params: Vec<Value>) -> Result<Vec<Row>, DbError> {
        self.connection.query_row(sql, params).await
    }

    async fn execute(&self, sql: &str, params: Vec<Value>) -> Result<(), DbError> {
        self.connection.execute(sql, params).await
    }
}

#[cfg(test)]
mod tests;
