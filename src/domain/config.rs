//! The settings: parsed once into types that can't be wrong, every mistake reported together.

use std::fmt;
use std::time::Duration;

use super::keyring::RotationPolicy;
use super::master_key::{MASTER_KEY_MIN_BYTES, MasterKeys};
use super::secret::SecretString;

/// Everything that can be set.
#[derive(Clone, Debug)]
pub struct Config {
    /// Which database, and how to reach it.
    pub database: Database,
    /// The names of the two tables.
    pub tables: Tables,
    /// Access tokens and their keys.
    pub access: AccessSettings,
    /// Refresh tokens.
    pub refresh: RefreshSettings,
    /// What happens when a theft is seen.
    pub on_theft: TheftPolicy,
    /// What callers must show; empty: nothing.
    pub api_keys: Vec<SecretString>,
    /// Secrets that keys are derived from; none: keys are kept in the database.
    pub master_keys: MasterKeys,
    /// How long one tick of the scheduled component may remove expired sessions.
    pub clean_up_budget: Duration,
}

/// Which database, and how to reach it.
#[derive(Clone, Debug)]
pub enum Database {
    /// Spin's SQLite, the database `default`.
    Sqlite,
    /// MySQL or MariaDB.
    MySql(MySqlSettings),
}

/// How to reach MySQL.
#[derive(Clone, Debug)]
pub struct MySqlSettings {
    /// Host name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// User name.
    pub user: String,
    /// Password; never empty.
    pub password: SecretString,
    /// Database (schema) name.
    pub name: String,
    /// Whether the connection must be encrypted and the server's certificate verified.
    pub tls: bool,
    /// The most connections one component instance opens.
    pub connection_limit: usize,
}

/// The names of the two tables: `[A-Za-z0-9_]{1,64}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tables {
    /// Keys.
    pub signing_key: String,
    /// Sessions.
    pub refresh_tokens: String,
}

/// Access tokens and their keys.
#[derive(Clone, Debug)]
pub struct AccessSettings {
    /// How long an access token is good.
    pub validity: Duration,
    /// Whether each verification asks the database if the session is still there.
    pub blacklisting: bool,
    /// How the signing key rotates.
    pub rotation: RotationPolicy,
    /// A file mounted into the component that holds the signing key instead; then it does not rotate.
    pub key_path: Option<String>,
}

/// Refresh tokens.
#[derive(Clone, Copy, Debug)]
pub struct RefreshSettings {
    /// How long a refresh token, and with it its session, is good.
    pub validity: Duration,
    /// How long refreshes of one token return the same child; zero turns it off.
    pub reuse_window: Duration,
}

/// What happens when a theft is seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TheftPolicy {
    /// The caller is told and acts.
    Report,
    /// The session is revoked, then the caller is told.
    RevokeSession,
    /// All sessions of the user are revoked, then the caller is told.
    RevokeUser,
}

/// One mistake in the settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// The variable.
    pub variable: &'static str,
    /// Its value, unless it is a secret.
    pub value: Option<String>,
    /// What is allowed.
    pub allowed: String,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.value {
            Some(value) => write!(f, "{} is {value:?}; {}", self.variable, self.allowed),
            None => write!(f, "{} has a wrong value; {}", self.variable, self.allowed),
        }
    }
}

impl std::error::Error for ConfigError {}

/// The names of all variables that [`Config::parse`] looks up.
pub const VARIABLES: [&str; 21] = [
    "database",
    "mysql_host",
    "mysql_port",
    "mysql_user",
    "mysql_password",
    "mysql_database",
    "mysql_tls",
    "mysql_connection_limit",
    "signing_key_table",
    "refresh_tokens_table",
    "access_token_signing_key_dynamic",
    "access_token_signing_key_update_interval",
    "access_token_signing_key_path",
    "access_token_validity",
    "access_token_blacklisting",
    "refresh_token_validity",
    "refresh_reuse_window",
    "on_token_theft",
    "api_keys",
    "master_key",
    "clean_up_time_budget",
];

impl Config {
    /// Parses the settings. `lookup` gives a variable's value; `None` or an empty text stands for its default.
    ///
    /// # Errors
    /// Every mistake that was found.
    pub fn parse(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, Vec<ConfigError>> {
        let mut parser = Parser {
            lookup: &lookup,
            errors: Vec::new(),
        };
        let config = Self {
            database: parser.database(),
            tables: parser.tables(),
            access: parser.access(),
            refresh: parser.refresh(),
            on_theft: parser.word("on_token_theft", &THEFT_POLICIES),
            api_keys: parser.api_keys(),
            master_keys: parser.master_keys(),
            clean_up_budget: Duration::from_secs(parser.number(
                "clean_up_time_budget",
                30,
                1,
                3600,
                "seconds",
            )),
        };
        if parser.errors.is_empty() {
            Ok(config)
        } else {
            Err(parser.errors)
        }
    }
}

/// The shortest API key, in characters: shorter ones can be guessed.
const API_KEY_MIN_CHARS: usize = 16;

const BOOLEANS: [(&str, bool); 2] = [("true", true), ("false", false)];
const THEFT_POLICIES: [(&str, TheftPolicy); 3] = [
    ("report", TheftPolicy::Report),
    ("revoke_session", TheftPolicy::RevokeSession),
    ("revoke_user", TheftPolicy::RevokeUser),
];

struct Parser<'a> {
    lookup: &'a dyn Fn(&str) -> Option<String>,
    errors: Vec<ConfigError>,
}

impl Parser<'_> {
    fn database(&mut self) -> Database {
        let is_mysql = self.word("database", &[("sqlite", false), ("mysql", true)]);
        // A wrong value is a mistake wherever it stands, a missing one only where it is needed.
        let port = self.number("mysql_port", 3306, 1, 65_535, "port") as u16;
        let connection_limit = self.number("mysql_connection_limit", 3, 1, 100, "connections");
        let tls = self.word("mysql_tls", &[("disabled", false), ("required", true)]);
        if !is_mysql {
            return Database::Sqlite;
        }
        let host = self
            .get("mysql_host")
            .unwrap_or_else(|| "localhost".to_owned());
        Database::MySql(MySqlSettings {
            port,
            user: self.required("mysql_user"),
            password: SecretString::new(self.required_secret("mysql_password")),
            name: self.required("mysql_database"),
            tls: tls || (self.get("mysql_tls").is_none() && !is_loopback(&host)),
            connection_limit: connection_limit as usize,
            host,
        })
    }

    fn tables(&mut self) -> Tables {
        let tables = Tables {
            signing_key: self.table("signing_key_table", "signing_key"),
            refresh_tokens: self.table("refresh_tokens_table", "refresh_tokens"),
        };
        // Most databases don't tell names of tables apart by case.
        if tables
            .signing_key
            .eq_ignore_ascii_case(&tables.refresh_tokens)
        {
            let name = Some(tables.refresh_tokens.clone());
            let allowed = "allowed: another name than that of signing_key_table";
            self.fail("refresh_tokens_table", name, allowed.to_owned());
        }
        tables
    }

    fn access(&mut self) -> AccessSettings {
        let secs = self.number("access_token_validity", 3600, 10, 86_400_000, "seconds");
        let validity = Duration::from_secs(secs);
        let rotation = RotationPolicy {
            dynamic: self.word("access_token_signing_key_dynamic", &BOOLEANS),
            interval: Duration::from_secs(
                3600 * self.number(
                    "access_token_signing_key_update_interval",
                    24,
                    1,
                    720,
                    "hours",
                ),
            ),
            token_validity: validity,
        };
        AccessSettings {
            validity,
            blacklisting: self.word("access_token_blacklisting", &[BOOLEANS[1], BOOLEANS[0]]),
            rotation,
            key_path: self.get("access_token_signing_key_path"),
        }
    }

    fn refresh(&mut self) -> RefreshSettings {
        RefreshSettings {
            validity: Duration::from_secs(
                3600 * self.number("refresh_token_validity", 2400, 1, 8760, "hours"),
            ),
            reuse_window: Duration::from_secs(self.number(
                "refresh_reuse_window",
                10,
                0,
                60,
                "seconds",
            )),
        }
    }

    fn api_keys(&mut self) -> Vec<SecretString> {
        let Some(list) = self.get("api_keys") else {
            return Vec::new();
        };
        let keys: Vec<_> = list.split(',').map(str::trim).collect();
        let shown = |b: u8| b.is_ascii_graphic();
        if keys
            .iter()
            .any(|key| key.len() < API_KEY_MIN_CHARS || !key.bytes().all(shown))
        {
            let allowed = format!(
                "allowed: comma-separated keys of at least {API_KEY_MIN_CHARS} visible ASCII characters each"
            );
            self.fail("api_keys", None, allowed);
        }
        keys.into_iter().map(SecretString::new).collect()
    }

    fn master_keys(&mut self) -> MasterKeys {
        let Some(list) = self.get("master_key") else {
            return MasterKeys::default();
        };
        MasterKeys::parse(&list).unwrap_or_else(|| {
            let allowed = format!(
                "allowed: one secret of at least {MASTER_KEY_MIN_BYTES} bytes, two with a comma \
                 between them, or database and one"
            );
            self.fail("master_key", None, allowed);
            MasterKeys::default()
        })
    }

    fn get(&self, variable: &str) -> Option<String> {
        (self.lookup)(variable).filter(|value| !value.is_empty())
    }

    fn fail(&mut self, variable: &'static str, value: Option<String>, allowed: String) {
        self.errors.push(ConfigError {
            variable,
            value,
            allowed,
        });
    }

    /// One of a few words; the first one is the default.
    fn word<T: Copy>(&mut self, variable: &'static str, words: &[(&str, T)]) -> T {
        let default = words[0].1;
        let Some(value) = self.get(variable) else {
            return default;
        };
        if let Some((_, meaning)) = words.iter().find(|(word, _)| *word == value) {
            return *meaning;
        }
        let list: Vec<_> = words.iter().map(|(word, _)| *word).collect();
        self.fail(
            variable,
            Some(value),
            format!("allowed: {}", list.join(", ")),
        );
        default
    }

    fn number(
        &mut self,
        variable: &'static str,
        default: u64,
        min: u64,
        max: u64,
        unit: &str,
    ) -> u64 {
        let Some(value) = self.get(variable) else {
            return default;
        };
        // `u64::from_str` takes a leading plus sign; a setting is digits.
        let digits = value.bytes().all(|b| b.is_ascii_digit());
        match value.parse() {
            Ok(number) if digits && (min..=max).contains(&number) => number,
            _ => {
                self.fail(
                    variable,
                    Some(value),
                    format!("allowed: {min} to {max} ({unit})"),
                );
                default
            }
        }
    }

    fn required(&mut self, variable: &'static str) -> String {
        self.get(variable).unwrap_or_else(|| {
            self.fail(
                variable,
                Some(String::new()),
                "required with database=mysql".to_owned(),
            );
            String::new()
        })
    }

    fn required_secret(&mut self, variable: &'static str) -> String {
        self.get(variable).unwrap_or_else(|| {
            self.fail(variable, None, "required with database=mysql".to_owned());
            String::new()
        })
    }

    fn table(&mut self, variable: &'static str, default: &str) -> String {
        let Some(name) = self.get(variable) else {
            return default.to_owned();
        };
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
        if (1..=64).contains(&name.len()) && name.bytes().all(allowed) {
            return name;
        }
        self.fail(
            variable,
            Some(name),
            "allowed: 1 to 64 of A-Z, a-z, 0-9 and _".to_owned(),
        );
        default.to_owned()
    }
}

fn is_loopback(host: &str) -> bool {
    host == "localhost"
        || host
            .trim_matches(['[', ']'])
            .parse::<std::net::IpAddr>()
            .is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
#[path = "config_tests.rs"]
mod tests;
