//! What all components share of their way to the databases, though they have different versions of Spin's SDK: no
//! SDK is a dependency of this crate.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use session_core::domain::config::MySqlSettings;
use session_core::domain::secret::SecretString;

use super::db::{DbError, Value};

/// What every SQLite connection begins with. The lock wait is as MySQL's. Write-ahead logging lets readers go on while
/// one writes; with it `NORMAL` loses nothing but, at worst, the last commits before a power cut.
pub const SQLITE_SESSION: [&str; 3] = [
    "PRAGMA busy_timeout = 2000",
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = NORMAL",
];

/// A value of a type that no column of ours has, or out of range (MySQL 1366).
pub const UNREADABLE: DbError = DbError::Other(1366);

/// A server to connect to.
#[derive(Clone, PartialEq)]
pub struct MySqlServer {
    /// The URL that Spin opens, password included.
    pub url: SecretString,
    /// Host, port and database, for the log.
    address: String,
}

impl MySqlServer {
    /// The one that the settings name.
    pub fn new(settings: &MySqlSettings) -> Self {
        Self {
            url: mysql_url(settings),
            address: settings.address(),
        }
    }

    /// Reduces the error of a failed open, whose text may hold the URL, to what may be logged, and names the server.
    pub fn open_error(&self, error: DbError) -> DbError {
        let at = |reason: &str| format!("{reason} ({})", self.address).into();
        match error {
            DbError::TooManyConnections => DbError::TooManyConnections,
            DbError::Denied => DbError::Connect(at("access denied")),
            DbError::Connect(reason) => DbError::Connect(at(&reason)),
            DbError::Refused(reason) => DbError::Refused(at(&reason)),
            _ => DbError::Connect(at("no connection to the server")),
        }
    }
}

fn mysql_url(settings: &MySqlSettings) -> SecretString {
    let encode = |text| utf8_percent_encode(text, NON_ALPHANUMERIC);
    let tls = if settings.tls {
        "&ssl-mode=required"
    } else {
        ""
    };
    SecretString::new(format!(
        "mysql://{}:{}@{}:{}/{}?prefer_socket=false{tls}",
        encode(&settings.user),
        encode(settings.password.expose()),
        settings.host,
        settings.port,
        encode(&settings.name),
    ))
}

/// A signed integer from a database.
///
/// # Errors
/// If it is negative.
pub fn integer(n: i64) -> Result<Value, DbError> {
    u64::try_from(n).map(Value::Integer).map_err(|_| UNREADABLE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_character_survives_in_the_url() {
        let settings = MySqlSettings {
            host: "db.example".to_owned(),
            port: 3306,
            user: "us:er@x".to_owned(),
            password: SecretString::new("p@ss:w/o#rd%?"),
            name: "my db".to_owned(),
            tls: true,
            connection_limit: 3,
        };
        assert_eq!(
            mysql_url(&settings).expose(),
            "mysql://us%3Aer%40x:p%40ss%3Aw%2Fo%23rd%25%3F@db.example:3306/my%20db\
             ?prefer_socket=false&ssl-mode=required"
        );
        // The log learns where it was, and no secret.
        let server = MySqlServer::new(&settings);
        for (error, logged) in [
            (
                DbError::Denied,
                "cannot connect: access denied (db.example:3306, database my db)",
            ),
            (
                DbError::Refused("it is locked".into()),
                "the server refuses the connection: it is locked (db.example:3306, database my db)",
            ),
        ] {
            assert_eq!(server.open_error(error).to_string(), logged);
        }
    }
}
