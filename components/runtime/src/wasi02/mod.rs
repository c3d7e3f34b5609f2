//! On every Spin: WASI 0.2 and spin-sdk 5.2. An instance does one thing and ends.
//!
//! Calls to a database or for a variable block, the whole instance with them. Only timers and a request's body can be
//! waited for beside something else, so a deadline ends no call to a database: it is looked at before the next one.

mod http;
#[cfg(feature = "store")]
mod mysql;
mod platform;
#[cfg(feature = "store")]
mod sqlite;

#[cfg(feature = "store")]
use session_core::domain::config::Database;
use spin_sdk_5::variables::{self, Error};

pub use self::http::{request, send};
#[cfg(feature = "store")]
pub use self::mysql::MySql;
pub use self::platform::Spin;
#[cfg(feature = "store")]
pub use self::sqlite::Sqlite;
#[cfg(feature = "store")]
use crate::database::AnyConnector;
use crate::settings::{Lookup, NoAnswer};

/// Runs the one task of an instance.
pub use spin_executor::run;

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
    match variables::get(name) {
        Ok(value) => Ok(Some(value)),
        Err(Error::Undefined(_)) => Ok(None),
        Err(_) => Err(NoAnswer),
    }
}
