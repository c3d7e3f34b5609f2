//! On Spin 4.1 or later: WASI 0.3 and spin-sdk 7, whose calls are asynchronous.

#[cfg(feature = "api")]
mod http;
#[cfg(feature = "store")]
mod mysql;
mod platform;
#[cfg(feature = "store")]
mod sqlite;

#[cfg(feature = "store")]
use session_core::domain::config::Database;
use spin_sdk_7::variables::{self, Error};

#[cfg(feature = "api")]
pub use self::http::{request, response};
#[cfg(feature = "store")]
pub use self::mysql::MySql;
pub use self::platform::{Spin, body_first};
#[cfg(feature = "store")]
pub use self::sqlite::Sqlite;
#[cfg(feature = "store")]
use crate::database::AnyConnector;
use crate::settings::{Lookup, NoAnswer};

/// What opens connections here.
#[cfg(feature = "store")]
pub type Connector = AnyConnector<MySql, Sqlite>;

/// What opens connections to this database.
#[cfg(feature = "store")]
pub fn connector(database: &Database) -> Connector {
    match database {
        Database::MySql(settings) => AnyConnector::MySql(MySql::new(settings)),
        Database::Sqlite => AnyConnector::Sqlite(Sqlite),
    }
}

/// Looks a variable up.
///
/// # Errors
/// If its provider does not give it.
pub async fn variable(name: &'static str) -> Lookup {
    match variables::get(name).await {
        Ok(value) => Ok(Some(value)),
        Err(Error::Undefined(_)) => Ok(None),
        Err(_) => Err(NoAnswer),
    }
}
