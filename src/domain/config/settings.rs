//! The settings as one table: name, default, what is allowed, and who needs it.
//!
//! `cargo xtask manifests` writes spin.toml's variables from it, and a test keeps README's table equal.

/// One setting, a variable of the application.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setting {
    /// The variable's name.
    pub name: &'static str,
    /// What it is when it isn't set.
    pub default: &'static str,
    /// What it may be.
    pub kind: Kind,
    /// Which components have it.
    pub needed_by: NeededBy,
}

/// What a setting may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Any text.
    Text,
    /// Text that is never shown.
    Secret,
    /// A host's name or IPv4 address.
    Host,
    /// The name of a table: `[A-Za-z0-9_]{1,64}`, not `sqlite_…`.
    Table,
    /// One of these words.
    Word(&'static [&'static str]),
    /// A whole number within bounds.
    Number {
        /// The least.
        min: u64,
        /// The most.
        max: u64,
        /// What it counts.
        unit: &'static str,
    },
}

/// Which components have a setting. A mistake in one that a component doesn't need must not stop it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NeededBy {
    /// The HTTP components and the scheduled one.
    All,
    /// The HTTP components.
    Http,
}

impl Setting {
    /// Whether its value is never shown.
    pub fn is_secret(&self) -> bool {
        self.kind == Kind::Secret
    }
}

macro_rules! settings {
    ($($id:ident = $name:literal, $default:literal, $kind:expr, $needed_by:ident;)+) => {
        $(pub(super) const $id: Setting = Setting {
            name: $name,
            default: $default,
            kind: $kind,
            needed_by: NeededBy::$needed_by,
        };)+

        /// All of them, in the order of spin.toml.
        pub const SETTINGS: &[Setting] = &[$($id),+];
    };
}

const BOOLEAN: Kind = Kind::Word(&["true", "false"]);

const fn number(min: u64, max: u64, unit: &'static str) -> Kind {
    Kind::Number { min, max, unit }
}

settings! {
    DATABASE = "database", "sqlite", Kind::Word(&["sqlite", "mysql"]), All;
    MYSQL_HOST = "mysql_host", "localhost", Kind::Host, All;
    MYSQL_PORT = "mysql_port", "3306", number(1, 65_535, "port"), All;
    MYSQL_USER = "mysql_user", "", Kind::Text, All;
    MYSQL_PASSWORD = "mysql_password", "", Kind::Secret, All;
    MYSQL_DATABASE = "mysql_database", "", Kind::Text, All;
    // Empty: by the host.
    MYSQL_TLS = "mysql_tls", "", Kind::Word(&["disabled", "required"]), All;
    MYSQL_CONNECTION_LIMIT = "mysql_connection_limit", "3", number(1, 100, "connections"), Http;
    SIGNING_KEY_TABLE = "signing_key_table", "signing_key", Kind::Table, All;
    REFRESH_TOKENS_TABLE = "refresh_tokens_table", "refresh_tokens", Kind::Table, All;
    KEY_DYNAMIC = "access_token_signing_key_dynamic", "true", BOOLEAN, All;
    KEY_INTERVAL = "access_token_signing_key_update_interval", "24", number(1, 720, "hours"), All;
    KEY_PATH = "access_token_signing_key_path", "", Kind::Text, All;
    // Empty: HS256, and EdDSA with cdi=true.
    ALGORITHM = "access_token_algorithm", "", Kind::Word(&["HS256", "EdDSA", "ES256"]), Http;
    ACCESS_VALIDITY = "access_token_validity", "3600", number(1, 86_400_000, "seconds"), All;
    BLACKLISTING = "access_token_blacklisting", "false", BOOLEAN, Http;
    REFRESH_VALIDITY = "refresh_token_validity", "2400", number(1, 8760, "hours"), All;
    REUSE_WINDOW = "refresh_reuse_window", "10", number(0, 60, "seconds"), Http;
    ON_THEFT = "on_token_theft", "report", Kind::Word(&["report", "revoke_session", "revoke_user"]), Http;
    API_KEYS = "api_keys", "", Kind::Secret, Http;
    MASTER_KEY = "master_key", "", Kind::Secret, All;
    CDI = "cdi", "false", BOOLEAN, Http;
    MAINTENANCE_ENDPOINT = "maintenance_endpoint", "false", BOOLEAN, Http;
    MAINTENANCE_BUDGET = "maintenance_endpoint_time_budget", "5", number(1, 3600, "seconds"), Http;
    LOG_FORMAT = "log_format", "text", Kind::Word(&["text", "json"]), All;
    LOG_LEVEL = "log_level", "warn", Kind::Word(&["error", "warn", "info", "debug"]), All;
    CLEAN_UP_BUDGET = "clean_up_time_budget", "30", number(1, 3600, "seconds"), All;
}
