//! Which database a service is told to use, and how it is told.

/// The database that a service keeps its sessions in.
#[derive(Clone, PartialEq, Eq)]
pub enum Database {
    /// A file in the service's state folder.
    Sqlite,
    /// A MySQL or MariaDB server.
    MySql {
        /// Its host name or address.
        host: String,
        /// Its TCP port.
        port: u16,
        /// The user to log in as.
        user: String,
        /// That user's password, any characters.
        password: String,
        /// The database on that server.
        name: String,
    },
}

impl Database {
    /// The application's variables that select this database.
    pub fn variables(&self) -> Vec<(String, String)> {
        let pairs = match self {
            Self::Sqlite => vec![("database", "sqlite".to_owned())],
            Self::MySql {
                host,
                port,
                user,
                password,
                name,
            } => vec![
                ("database", "mysql".to_owned()),
                ("mysql_host", host.clone()),
                ("mysql_port", port.to_string()),
                ("mysql_user", user.clone()),
                ("mysql_password", password.clone()),
                ("mysql_database", name.clone()),
            ],
        };
        pairs
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect()
    }
}

/// The name under which a child process finds an application variable.
pub fn variable_in_environment(name: &str) -> String {
    format!("SPIN_VARIABLE_{}", name.to_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mysql_database_sets_every_variable() {
        let database = Database::MySql {
            host: "127.0.0.1".to_owned(),
            port: 3307,
            user: "root".to_owned(),
            password: "p@ss".to_owned(),
            name: "session".to_owned(),
        };
        let names: Vec<String> = database
            .variables()
            .iter()
            .map(|(name, _)| variable_in_environment(name))
            .collect();
        assert_eq!(names[0], "SPIN_VARIABLE_DATABASE");
        assert_eq!(names[5], "SPIN_VARIABLE_MYSQL_DATABASE");
    }
}
