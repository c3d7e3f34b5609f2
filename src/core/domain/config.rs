//! The settings: parsed once into types that can't be wrong, every mistake reported together.

mod parser;
mod settings;

use std::time::Duration;

use super::keys::{MasterKeys, RotationPolicy};
use super::lifetime::LifetimePolicy;
use super::secret::SecretString;
use super::token::key::Algorithm;
pub use parser::is_api_key;
pub use settings::SETTINGS;

use super::log::LogSettings;
use super::setting::{ConfigError, Lookup, Parser};

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
    /// Whether sessions may be bound to a key of a device.
    pub binding: bool,
    /// How many sessions a user may have; none: any number.
    pub session_limit: Option<SessionLimit>,
    /// What callers must show; empty: nothing.
    pub api_keys: Vec<SecretString>,
    /// Secrets that keys are derived from; none: keys are kept in the database.
    pub master_keys: MasterKeys,
    /// Whether SuperTokens' SDKs are served, too.
    pub cdi: bool,
    /// Whether there is an endpoint that runs a tick, and how long such a tick may remove expired sessions.
    pub maintenance: Option<Duration>,
    /// What is logged, and how.
    pub log: LogSettings,
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

impl Database {
    /// Where it is, for the log.
    pub fn address(&self) -> String {
        match self {
            Self::MySql(settings) => settings.address(),
            Self::Sqlite => "SQLite".to_owned(),
        }
    }
}

/// How to reach MySQL.
#[derive(Clone, Debug)]
pub struct MySqlSettings {
    /// Host name or IPv4 address.
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

impl MySqlSettings {
    /// Where the database is, for the log: host, port and database.
    pub fn address(&self) -> String {
        format!("{}:{}, database {}", self.host, self.port, self.name)
    }
}

/// The names of the two tables: `[A-Za-z0-9_]{1,64}`, not `sqlite_…`, and two.
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
    /// How new ones are signed. Those of the other algorithms are good as long.
    pub algorithm: Algorithm,
    /// How a verification learns that the session was revoked.
    pub blacklisting: Blacklisting,
    /// For how long it may rely on what is in memory while the database is away.
    pub max_staleness: Duration,
    /// `iss` of new ones, and of any that has one.
    pub issuer: Option<String>,
    /// `aud` of new ones, and of any that has one.
    pub audience: Option<String>,
    /// Whether new ones say when and how the user was authenticated.
    pub authentication_claims: bool,
    /// How the signing key rotates.
    pub rotation: RotationPolicy,
    /// A file mounted into the component that holds the signing key instead; then it does not rotate.
    pub key_path: Option<String>,
}

/// How the check of an access token learns that its session was revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blacklisting {
    /// Not at all: the token is good until it expires.
    Off,
    /// Each check asks the database.
    EachCheck,
    /// From the revocations in memory, which are read once a second.
    Feed,
}

/// Refresh tokens.
#[derive(Clone, Copy, Debug)]
pub struct RefreshSettings {
    /// How long a refresh token, and with it its session, is good.
    pub lifetime: LifetimePolicy,
    /// How long refreshes of one token return the same child; zero turns it off.
    pub reuse_window: Duration,
}

/// How many sessions a user may have, and what happens at a login beyond that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionLimit {
    /// At least 1.
    pub most: u64,
    /// The login is refused, or the oldest sessions end.
    pub refuses: bool,
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

impl TheftPolicy {
    /// As it stands in the settings.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Report => "report",
            Self::RevokeSession => "revoke_session",
            Self::RevokeUser => "revoke_user",
        }
    }
}

impl Config {
    /// Parses the settings of [`SETTINGS`].
    ///
    /// # Errors
    /// Every mistake that was found.
    pub fn parse(lookup: Lookup<'_>) -> Result<Self, Vec<ConfigError>> {
        let mut parser = Parser::new(lookup);
        let cdi = parser.cdi();
        let api_keys = parser.api_keys();
        let config = Self {
            database: parser.database(),
            tables: parser.tables(),
            access: parser.access(cdi),
            refresh: parser.refresh(),
            on_theft: parser.on_theft(),
            binding: parser.binding(),
            session_limit: parser.session_limit(),
            master_keys: parser.master_keys(),
            maintenance: parser.maintenance(!api_keys.is_empty()),
            log: parser.log(),
            clean_up_budget: parser.clean_up_budget(),
            cdi,
            api_keys,
        };
        parser.check_key_count(&config.access, &config.master_keys);
        parser.finish(config)
    }
}

#[cfg(test)]
mod tests;
