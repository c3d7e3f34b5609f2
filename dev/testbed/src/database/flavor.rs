//! The kinds of database server that tests run on.

/// Whose server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Flavor {
    /// MariaDB, from the machine's own Debian package.
    MariaDb,
    /// MySQL 9.7 or later, from a Debian sid in a folder; needs root.
    MySql,
}

impl Flavor {
    /// The server's name, for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::MariaDb => "MariaDB",
            Self::MySql => "MySQL",
        }
    }

    /// The name in `TESTBED_DATABASES`.
    pub fn short_name(self) -> &'static str {
        match self {
            Self::MariaDb => "mariadb",
            Self::MySql => "mysql9",
        }
    }

    /// The environment variable that holds the address of an already running server.
    pub fn address_variable(self) -> &'static str {
        match self {
            Self::MariaDb => "TESTBED_MARIADB",
            Self::MySql => "TESTBED_MYSQL",
        }
    }

    /// What a server for the whole test suite is started with: MySQL with the settings of an old
    /// installation, so that nothing relies on strict mode or on a UTF-8 default.
    pub fn suite_arguments(self) -> &'static [&'static str] {
        match self {
            Self::MariaDb => &[],
            Self::MySql => &["--sql-mode=", "--character-set-server=latin1"],
        }
    }
}
