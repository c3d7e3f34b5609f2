//! A database as Spin offers it: open a connection, query it, execute on it. What a runtime must bring.

use std::borrow::Cow;

/// Opens connections.
pub trait Connector: Send + Sync + 'static {
    /// What it opens.
    type Connection: Connection;

    /// Opens a connection. On SQLite, prepares it for use as well; the session of a server is the store's business.
    fn open(&self) -> impl Future<Output = Result<Self::Connection, DbError>> + Send;
}

/// One connection. Used by one caller at a time.
pub trait Connection: Send + Sync + 'static {
    /// Runs a statement that returns rows.
    fn query(
        &self,
        sql: &str,
        params: Vec<Value>,
    ) -> impl Future<Output = Result<Vec<Row>, DbError>> + Send;

    /// Runs a statement that returns one row at most.
    fn query_row(
        &self,
        sql: &str,
        params: Vec<Value>,
    ) -> impl Future<Output = Result<Vec<Row>, DbError>> + Send {
        self.query(sql, params)
    }

    /// Runs a statement that returns none.
    fn execute(
        &self,
        sql: &str,
        params: Vec<Value>,
    ) -> impl Future<Output = Result<(), DbError>> + Send;
}

/// A value in a statement or a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// SQL's NULL.
    Null,
    /// An integer that is not negative.
    Integer(u64),
    /// Text.
    Text(String),
}

impl From<u64> for Value {
    fn from(integer: u64) -> Self {
        Self::Integer(integer)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<Option<&str>> for Value {
    fn from(text: Option<&str>) -> Self {
        text.map_or(Self::Null, Self::from)
    }
}

impl From<Option<u64>> for Value {
    fn from(integer: Option<u64>) -> Self {
        integer.map_or(Self::Null, Self::from)
    }
}

/// A row of a result, its values in the order of the statement's columns.
pub type Row = Vec<Value>;

/// A statement with its parameters.
#[derive(Clone, Debug)]
pub struct Statement<'a> {
    /// The text, with `?` for each parameter.
    pub sql: &'a str,
    /// One for each `?`.
    pub params: Vec<Value>,
    /// What it returns.
    pub kind: Kind,
}

impl<'a> Statement<'a> {
    /// A statement that returns rows.
    pub fn query(sql: &'a str, params: Vec<Value>) -> Self {
        Self::new(sql, params, Kind::Query)
    }

    /// A statement that returns one row at most.
    pub fn row(sql: &'a str, params: Vec<Value>) -> Self {
        Self::new(sql, params, Kind::Row)
    }

    /// A statement that returns nothing.
    pub fn execute(sql: &'a str, params: Vec<Value>) -> Self {
        Self::new(sql, params, Kind::Execute)
    }

    fn new(sql: &'a str, params: Vec<Value>, kind: Kind) -> Self {
        Self { sql, params, kind }
    }
}

/// What a statement returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Rows.
    Query,
    /// One row at most.
    Row,
    /// Nothing.
    Execute,
}

/// What went wrong in the database, as far as Spin lets us know.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DbError {
    /// No connection could be opened, which may pass.
    #[error("cannot connect: {0}")]
    Connect(Cow<'static, str>),
    /// The server refuses this account, database or way of connecting until an operator changes something.
    #[error("the server refuses the connection: {0}")]
    Refused(Cow<'static, str>),
    /// The server has no room for another connection (MySQL 1040, 1203, 1226).
    #[error("the server has too many connections")]
    TooManyConnections,
    /// The connection is lost, or the one behind it (1105 of Vitess, for a shard that is not there); what was under way may
    /// or may not have happened.
    #[error("the connection was lost")]
    ConnectionLost,
    /// A row of that key is there (1062).
    #[error("duplicate key")]
    DuplicateKey,
    /// Chosen as a deadlock's victim (1213), on a cluster when it commits (1213, 3101), or overtaken (1020; on TiDB 8002,
    /// 8005, 8022, 8028, 9007); nothing happened.
    #[error("deadlock")]
    Deadlock,
    /// Waited too long for a lock (1205, SQLite's busy) or ran for too long (1969, 3024; on Vitess 1317); nothing happened.
    #[error("it waited too long")]
    LockTimeout,
    /// The server takes no writes (1290, 1792, 1836), or no statements at all until it is one of its cluster again (1047,
    /// 3100).
    #[error("the server is read-only or has lost its cluster")]
    ReadOnly,
    /// The statement is larger than the server takes (1153); nothing happened.
    #[error(
        "the statement is larger than the server's max_allowed_packet; 1M is enough for every request"
    )]
    TooLarge,
    /// There is no room for further rows (1021, 1114, 3675); nothing happened.
    #[error("the disk or the tablespace of the server is full")]
    Full,
    /// The server prepares no further statement (1461).
    #[error("the server's max_prepared_stmt_count is reached")]
    TooManyStatements,
    /// A table is missing (1146).
    #[error("a table is missing")]
    NoSuchTable,
    /// A column is missing (1054).
    #[error("a column is missing")]
    NoSuchColumn,
    /// The column or index is there already (1050, 1060, 1061).
    #[error("it exists already")]
    Exists,
    /// The user may not do that (1044, 1045, 1142, 1227).
    #[error("access denied")]
    Denied,
    /// Another error of the server, by its code; 0: the runtime did not tell (a failed query's text is lost in
    /// Spin, so this may be any of the above).
    #[error("database error {0}")]
    Other(u32),
}

impl DbError {
    /// Classifies a MySQL server's error code.
    pub fn from_mysql_code(code: u32) -> Self {
        match code {
            1040 | 1203 | 1226 => Self::TooManyConnections,
            1062 => Self::DuplicateKey,
            1020 | 1213 | 3101 | 8002 | 8005 | 8022 | 8028 | 9007 => Self::Deadlock,
            1205 | 1317 | 1969 | 3024 => Self::LockTimeout,
            1047 | 1290 | 1792 | 1836 | 3100 => Self::ReadOnly,
            1153 => Self::TooLarge,
            1461 => Self::TooManyStatements,
            1146 => Self::NoSuchTable,
            1054 => Self::NoSuchColumn,
            1050 | 1060 | 1061 => Self::Exists,
            1021 | 1114 | 3675 => Self::Full,
            1049 => Self::Refused(
                "the database does not exist; create it, or set mysql_database".into(),
            ),
            1820 | 1862 => Self::Refused(
                "the account's password has expired; give it a new one, and set mysql_password"
                    .into(),
            ),
            3118 | 4151 => {
                Self::Refused("the account is locked; ALTER USER ... ACCOUNT UNLOCK".into())
            }
            3159 => Self::Refused("the server requires TLS; set mysql_tls=required".into()),
            1044 | 1045 | 1142 | 1227 => Self::Denied,
            1053 | 1105 | 1152 | 1158..=1161 | 1184 | 1927 | 2006 | 2013 => Self::ConnectionLost,
            code => Self::Other(code),
        }
    }

    /// Classifies the text of a driver's error as Spin passes it on: its debug text from a statement, its display
    /// text from an open.
    pub fn from_mysql_text(text: &str) -> Self {
        // Spin's own limit for an instance's connections, not the server's.
        if text == "too many connections" {
            return Self::TooManyConnections;
        }
        let debug = text
            .split_once("ServerError { code: ")
            .map(|(_, rest)| rest);
        // Older drivers put the state (five characters) first, newer ones the code (four digits).
        let display = || {
            let (_, rest) = text.split_once("ERROR ")?;
            let (first, second) = rest.split_once(" (")?;
            match first.len() {
                5 => Some(second),
                4 => Some(first),
                _ => None,
            }
        };
        match debug.or_else(display).map(leading_number) {
            Some(code) => Self::from_mysql_code(code),
            // The driver asks for the limit when it connects, and itself refuses what is larger.
            None if text.contains("packet too large") || text.contains("PacketTooLarge") => {
                Self::TooLarge
            }
            None if text.contains("TLS error") || text.contains("asked for SSL") => Self::Connect(
                "TLS failed; the server needs a certificate for its host name that is trusted here"
                    .into(),
            ),
            None if text.contains("nknown authentication plugin")
                || text.contains("UnknownAuthPlugin")
                || text.contains("mysql_old_password") =>
            {
                // MySQL draws a plugin for accounts that do not exist, so that their names cannot be told.
                Self::Refused(
                    "the account's authentication plugin is not supported; use mysql_native_password or \
                     caching_sha2_password; or there is no such account"
                        .into(),
                )
            }
            None if text.contains("Io(")
                || text.contains("onnection")
                || text.contains("Driver(") =>
            {
                Self::ConnectionLost
            }
            None => Self::Other(0),
        }
    }

    /// Classifies the text of an SQLite error.
    pub fn from_sqlite_text(text: &str) -> Self {
        if text.contains("database is locked") || text.contains("table is locked") {
            Self::LockTimeout
        } else if text.contains("UNIQUE constraint") {
            Self::DuplicateKey
        } else if text.contains("no such table") {
            Self::NoSuchTable
        } else if text.contains("no such column") || text.contains("no column named") {
            Self::NoSuchColumn
        } else if text.contains("duplicate column") || text.contains("already exists") {
            Self::Exists
        } else if text.contains("readonly") {
            Self::ReadOnly
        } else if text.contains("disk is full") {
            Self::Full
        } else {
            Self::Other(0)
        }
    }

    /// Whether the connection may be used again. One to a server that has become read-only or lost its cluster may not:
    /// the next one may lead to a server that writes.
    pub fn leaves_connection_usable(&self) -> bool {
        !matches!(
            self,
            Self::Connect(_)
                | Self::Refused(_)
                | Self::TooManyConnections
                | Self::ConnectionLost
                | Self::ReadOnly
                | Self::TooLarge
                | Self::Other(0)
        )
    }
}

fn leading_number(text: &str) -> u32 {
    text.bytes()
        .take_while(u8::is_ascii_digit)
        .fold(0, |number: u32, digit| {
            number
                .saturating_mul(10)
                .saturating_add(u32::from(digit - b'0'))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_drivers_text_is_classified() {
        let deadlock = r#"Server(ServerError { code: 1213, message: "x", state: "40001" })"#;
        assert_eq!(DbError::from_mysql_text(deadlock), DbError::Deadlock);
        for conflict in [8002, 8022, 8028, 9007] {
            assert_eq!(DbError::from_mysql_code(conflict), DbError::Deadlock);
        }
        for refused in [
            "Server error: `ERROR 28000 (1045): Access denied for user 'u'@'h'`\n\nStack",
            "Server error: `ERROR 1045 (28000): Access denied for user 'u'@'h'`\n\nStack",
        ] {
            assert_eq!(DbError::from_mysql_text(refused), DbError::Denied);
        }
        let lost = r#"Io(Io(Os { code: 104, kind: ConnectionReset, message: "reset" }))"#;
        assert_eq!(DbError::from_mysql_text(lost), DbError::ConnectionLost);
        for no_tls in [
            "Input/output error: TLS error: `certificate verify failed (self-signed certificate)'",
            "Driver error: `Client asked for SSL but server does not have this capability'",
        ] {
            let error = DbError::from_mysql_text(no_tls);
            assert!(matches!(error, DbError::Connect(text) if text.starts_with("TLS")));
        }
        let large = r#"Io(Io(Custom { kind: Other, error: "packet too large" }))"#;
        assert_eq!(DbError::from_mysql_text(large), DbError::TooLarge);
        assert_eq!(
            DbError::from_mysql_text("async error: channel closed"),
            DbError::Other(0)
        );
        let spins_own = DbError::from_mysql_text("too many connections");
        assert_eq!(spins_own, DbError::TooManyConnections);
        let plugin = "Driver error: `Unknown authentication plugin `client_ed25519''";
        let missing = "Server error: `ERROR 42000 (1049): Unknown database 'x'`";
        for (text, does) in [(plugin, "use mysql_native"), (missing, "mysql_database")] {
            let error = DbError::from_mysql_text(text);
            assert!(matches!(error, DbError::Refused(reason) if reason.contains(does)));
        }
        let huge = "ServerError { code: 99999999999 }";
        assert_eq!(DbError::from_mysql_text(huge), DbError::Other(u32::MAX));
    }
}
