//! The service's settings as one table: a row for each, in the order of spin.toml.

use crate::domain::lifetime;
use crate::domain::setting::{BOOLEAN, Kind, LOG_FORMAT, LOG_LEVEL, NeededBy, Setting};

macro_rules! settings {
    ($($id:ident = $name:literal, $default:literal, $kind:expr, $needed_by:ident, $unset:literal, $about:literal;)+) => {
        $(pub(super) const $id: Setting = Setting {
            name: $name,
            default: $default,
            kind: $kind,
            needed_by: NeededBy::$needed_by,
            unset: $unset,
            about: $about,
        };)+
        /// All of them.
        pub const SETTINGS: &[Setting] = &[$($id,)+ LOG_FORMAT, LOG_LEVEL];
    };
}

const fn number(min: u64, max: u64, unit: &'static str) -> Kind {
    Kind::Number { min, max, unit }
}

const HOST: Kind = Kind::Checked {
    is_good: is_host,
    allowed: "a host name or an IPv4 address; Spin reaches no IPv6 address without a name (one in /etc/hosts will do)",
};

const TABLE: Kind = Kind::Checked {
    is_good: is_table,
    allowed: "1 to 64 of A-Z, a-z, 0-9 and _, not beginning with sqlite_",
};

settings! {
    DATABASE = "database", "sqlite", Kind::Word(&["sqlite", "mysql"]), All, "",
        "where sessions and keys are kept";
    MYSQL_HOST = "mysql_host", "localhost", HOST, All, "", "the server";
    MYSQL_PORT = "mysql_port", "3306", number(1, 65_535, "port"), All, "", "its port";
    MYSQL_USER = "mysql_user", "", Kind::Text, All, "none", "required with `database=mysql`";
    MYSQL_PASSWORD = "mysql_password", "", Kind::Secret, All, "none", "required with `database=mysql`; any characters";
    MYSQL_DATABASE = "mysql_database", "", Kind::Text, All, "none", "required with `database=mysql`";
    MYSQL_TLS = "mysql_tls", "", Kind::Word(&["disabled", "required"]), All, "`disabled` on loopback, else `required`",
        "whether the connection is encrypted and the server's certificate verified";
    MYSQL_CONNECTION_LIMIT = "mysql_connection_limit", "3", number(1, 100, "connections"), Http, "",
        "for each component instance";
    SIGNING_KEY_TABLE = "signing_key_table", "signing_key", TABLE, All, "", "the table of keys";
    REFRESH_TOKENS_TABLE = "refresh_tokens_table", "refresh_tokens", TABLE, All, "",
        "the table of sessions, another one";
    KEY_DYNAMIC = "access_token_signing_key_dynamic", "true", BOOLEAN, All, "",
        "whether the signing key changes by itself";
    KEY_INTERVAL = "access_token_signing_key_update_interval", "24", number(1, 720, "hours"), All, "",
        "how long each signing key signs";
    KEY_PATH = "access_token_signing_key_path", "", Kind::Text, All, "none",
        "the path, inside the component, of a file of at least 32 bytes that is the signing key instead \
         ([keys/](keys/README.md))";
    ALGORITHM = "access_token_algorithm", "", Kind::Word(&["HS256", "EdDSA", "ES256"]), Http,
        "`HS256`; `EdDSA` with `cdi=true`",
        "with `EdDSA` or `ES256` anybody can check access tokens with `GET /.well-known/jwks.json`; `cdi=true` needs \
         one of them";
    ACCESS_VALIDITY = "access_token_validity", "3600", number(1, 86_400_000, "seconds"), All, "",
        "how long an access token is good";
    BLACKLISTING = "access_token_blacklisting", "false", Kind::Word(&["true", "false", "feed"]), Http, "",
        "`true`: each check asks the database if the session is still there; `feed`: the revocations are kept in memory and \
         read once a second ([how soon, and when to use it](docs/operations.md#revocation-within-two-seconds))";
    MAX_STALENESS = "revocation_max_staleness", "60", number(0, 3600, "seconds"), Http, "",
        "with `access_token_blacklisting=feed`, for how long checks go on with the revocations in memory while the database \
         is away";
    ISSUER = "access_token_issuer", "", Kind::Text, Http, "none",
        "`iss` of access tokens, not of those for SuperTokens' SDKs; one with another `iss` is refused. Set it when every \
         instance is of a release that knows it";
    AUDIENCE = "access_token_audience", "", Kind::Text, Http, "none", "`aud`, likewise";
    AUTHENTICATION_CLAIMS = "access_token_authentication_claims", "false", BOOLEAN, Http, "",
        "whether access tokens say when and how the user was authenticated (`auth_time`, `amr`, `acr`), if the site said so at \
         the login ([sessions](docs/sessions.md)). Set it when every instance is of a release that knows it";
    REFRESH_VALIDITY = "refresh_token_validity", "2400", number(1, 8760, "hours"), All, "",
        "how long a session lives without a refresh; a change counts for a session from its next refresh or \
         confirmation";
    IDLE_TIMEOUT = "session_idle_timeout", "", number(lifetime::MIN.as_secs(), lifetime::MAX_IDLE.as_secs(), "seconds"),
        All, "what `refresh_token_validity` says",
        "how long a session lives without a request, to half of it precise: access tokens are good for half of it at most; \
         then leave `refresh_token_validity` alone";
    ABSOLUTE_LIFETIME = "session_absolute_lifetime", "0", number(0, lifetime::MAX_ABSOLUTE.as_secs(), "seconds"), Http,
        "", "how long a session lives at most, refreshed or not, from 60 on; 0: as long as it is refreshed; a change counts \
             for new sessions";
    REUSE_WINDOW = "refresh_reuse_window", "10", number(0, 60, "seconds"), Http, "",
        "for how long refreshes of one token return the same child; never more than a sixtieth of \
         `access_token_validity`, but at least 1; 0 turns it off";
    ON_THEFT = "on_token_theft", "report", Kind::Word(&["report", "revoke_session", "revoke_user"]), Http, "",
        "what happens, besides the report to the caller, when a theft is noticed";
    BINDING = "session_binding", "false", BOOLEAN, Http, "",
        "whether sessions may be bound to a key of a device ([security](docs/security.md)); not before all instances are \
         of this release";
    MAX_SESSIONS = "max_sessions_per_user", "0", number(0, 1000, "sessions"), Http, "",
        "how many sessions a user may have at once; 0: any number";
    ON_SESSION_LIMIT = "on_session_limit", "end_oldest", Kind::Word(&["end_oldest", "refuse"]), Http, "",
        "what a login beyond that does: it ends the user's oldest sessions, or gets a 409 `too_many_sessions` (never through \
         SuperTokens' SDKs)";
    API_KEYS = "api_keys", "", Kind::Secret, Http, "none",
        "comma-separated, at least 16 characters each; every one of them is valid";
    MASTER_KEY = "master_key", "", Kind::Secret, All, "none",
        "at least 32 bytes, or two with a comma between them ([security](docs/security.md))";
    CDI = "cdi", "false", BOOLEAN, Http, "",
        "whether [SuperTokens' SDKs](docs/supertokens.md) are served, too";
    MAINTENANCE_ENDPOINT = "maintenance_endpoint", "false", BOOLEAN, Http, "",
        "whether `POST /maintenance` runs one tick, for hosts without a cron trigger; needs `api_keys`";
    MAINTENANCE_BUDGET = "maintenance_endpoint_time_budget", "5", number(1, 3600, "seconds"), Http, "",
        "how long such a tick may remove expired sessions";
    CLEAN_UP_BUDGET = "clean_up_time_budget", "30", number(1, 3600, "seconds"), All, "",
        "how long a tick of the scheduled component may remove expired sessions";
}

/// Spin 4.1 takes `[::1]` for the name of a host, and looks it up.
fn is_host(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
    text.bytes().all(allowed)
}

fn is_table(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    // SQLite keeps names that begin so for itself.
    let reserved = |prefix: &str| prefix.eq_ignore_ascii_case("sqlite_");
    (1..=64).contains(&text.len())
        && text.bytes().all(allowed)
        && !text.get(..7).is_some_and(reserved)
}
