//! Reads the settings one by one and remembers every mistake.

use std::time::Duration;

use super::settings::{self, Kind, Setting};
use super::{
    AccessSettings, ConfigError, Database, Format, Level, LogSettings, MySqlSettings,
    RefreshSettings, Tables, TheftPolicy,
};
use crate::domain::keys::{MASTER_KEY_MIN_BYTES, MasterKeys, RotationPolicy};
use crate::domain::secret::SecretString;
use crate::domain::token::key::Algorithm;

/// The shortest API key, in characters: shorter ones can be guessed.
const API_KEY_MIN_CHARS: usize = 16;

/// Whether a text can be an API key.
pub(crate) fn is_api_key(text: &str) -> bool {
    text.len() >= API_KEY_MIN_CHARS && text.bytes().all(|b| b.is_ascii_graphic())
}

pub(super) struct Parser<'a> {
    pub(super) lookup: &'a dyn Fn(&str) -> Option<String>,
    pub(super) errors: Vec<ConfigError>,
}

impl Parser<'_> {
    pub(super) fn database(&mut self) -> Database {
        let is_mysql = self.value(&settings::DATABASE) == "mysql";
        // A wrong value is a mistake wherever it stands, a missing one only where it is needed.
        let port = self.number(&settings::MYSQL_PORT) as u16;
        let connection_limit = self.number(&settings::MYSQL_CONNECTION_LIMIT) as usize;
        let tls = self.value(&settings::MYSQL_TLS);
        if !is_mysql {
            return Database::Sqlite;
        }
        let host = self.value(&settings::MYSQL_HOST);
        Database::MySql(MySqlSettings {
            port,
            user: self.required(&settings::MYSQL_USER),
            password: SecretString::new(self.required(&settings::MYSQL_PASSWORD)),
            name: self.required(&settings::MYSQL_DATABASE),
            tls: match &*tls {
                "" => !is_loopback(&host),
                word => word == "required",
            },
            connection_limit,
            host,
        })
    }

    pub(super) fn tables(&mut self) -> Tables {
        let tables = Tables {
            signing_key: self.value(&settings::SIGNING_KEY_TABLE),
            refresh_tokens: self.value(&settings::REFRESH_TOKENS_TABLE),
        };
        // Most databases don't tell names of tables apart by case.
        if tables
            .signing_key
            .eq_ignore_ascii_case(&tables.refresh_tokens)
        {
            let name = Some(tables.refresh_tokens.clone());
            let allowed = "allowed: another name than that of signing_key_table";
            self.fail(&settings::REFRESH_TOKENS_TABLE, name, allowed.to_owned());
        }
        tables
    }

    pub(super) fn access(&mut self) -> AccessSettings {
        let validity = self.seconds(&settings::ACCESS_VALIDITY);
        AccessSettings {
            validity,
            algorithm: self.algorithm(),
            blacklisting: self.boolean(&settings::BLACKLISTING),
            rotation: RotationPolicy {
                dynamic: self.boolean(&settings::KEY_DYNAMIC),
                interval: self.hours(&settings::KEY_INTERVAL),
                token_validity: validity,
            },
            key_path: self.optional(&settings::KEY_PATH),
        }
    }

    fn algorithm(&mut self) -> Algorithm {
        let has_cdi = (self.lookup)(settings::CDI.name).is_some_and(|value| value == "true");
        let value = self.value(&settings::ALGORITHM);
        match &*value {
            "EdDSA" => Algorithm::EdDsa,
            "ES256" => Algorithm::Es256,
            "" if has_cdi => Algorithm::EdDsa,
            _ => {
                if has_cdi {
                    let allowed = "allowed with cdi=true: EdDSA, ES256".to_owned();
                    self.fail(&settings::ALGORITHM, Some(value), allowed);
                }
                Algorithm::Hs256
            }
        }
    }

    pub(super) fn cdi(&mut self) -> bool {
        self.boolean(&settings::CDI)
    }

    pub(super) fn refresh(&mut self) -> RefreshSettings {
        RefreshSettings {
            validity: self.hours(&settings::REFRESH_VALIDITY),
            reuse_window: self.seconds(&settings::REUSE_WINDOW),
        }
    }

    pub(super) fn api_keys(&mut self) -> Vec<SecretString> {
        let Some(list) = self.optional(&settings::API_KEYS) else {
            return Vec::new();
        };
        let keys: Vec<_> = list.split(',').map(str::trim).collect();
        if !keys.iter().all(|key| is_api_key(key)) {
            let allowed =
                "allowed: comma-separated keys of at least 16 visible ASCII characters each";
            self.fail(&settings::API_KEYS, None, allowed.to_owned());
        }
        keys.into_iter().map(SecretString::new).collect()
    }

    pub(super) fn master_keys(&mut self) -> MasterKeys {
        let Some(list) = self.optional(&settings::MASTER_KEY) else {
            return MasterKeys::default();
        };
        MasterKeys::parse(&list).unwrap_or_else(|| {
            let allowed = format!(
                "allowed: one secret of at least {MASTER_KEY_MIN_BYTES} bytes, two with a comma \
                 between them, or database and one"
            );
            self.fail(&settings::MASTER_KEY, None, allowed);
            MasterKeys::default()
        })
    }

    pub(super) fn on_theft(&mut self) -> TheftPolicy {
        match &*self.value(&settings::ON_THEFT) {
            "revoke_user" => TheftPolicy::RevokeUser,
            "revoke_session" => TheftPolicy::RevokeSession,
            _ => TheftPolicy::Report,
        }
    }

    pub(super) fn maintenance(&mut self) -> Option<Duration> {
        let budget = self.seconds(&settings::MAINTENANCE_BUDGET);
        let is_there = self.boolean(&settings::MAINTENANCE_ENDPOINT);
        // It makes the database work: not for whoever comes by.
        if is_there && self.optional(&settings::API_KEYS).is_none() {
            let allowed = "allowed: true only with api_keys";
            let value = Some("true".to_owned());
            self.fail(&settings::MAINTENANCE_ENDPOINT, value, allowed.to_owned());
        }
        is_there.then_some(budget)
    }

    pub(super) fn log(&mut self) -> LogSettings {
        let format = match &*self.value(&settings::LOG_FORMAT) {
            "json" => Format::Json,
            _ => Format::Text,
        };
        let level = match &*self.value(&settings::LOG_LEVEL) {
            "error" => Level::Error,
            "info" => Level::Info,
            "debug" => Level::Debug,
            _ => Level::Warn,
        };
        LogSettings { format, level }
    }

    pub(super) fn clean_up_budget(&mut self) -> Duration {
        self.seconds(&settings::CLEAN_UP_BUDGET)
    }

    /// Its value, or its default if that is not one that it may have.
    fn value(&mut self, setting: &Setting) -> String {
        let Some(value) = (self.lookup)(setting.name).filter(|value| !value.is_empty()) else {
            return setting.default.to_owned();
        };
        match refusal(setting.kind, &value) {
            None => value,
            Some(allowed) => {
                self.fail(setting, Some(value), allowed);
                setting.default.to_owned()
            }
        }
    }

    fn optional(&mut self, setting: &Setting) -> Option<String> {
        Some(self.value(setting)).filter(|value| !value.is_empty())
    }

    fn required(&mut self, setting: &Setting) -> String {
        let value = self.value(setting);
        if value.is_empty() {
            let needed = "required with database=mysql";
            self.fail(setting, Some(String::new()), needed.to_owned());
        }
        value
    }

    fn boolean(&mut self, setting: &Setting) -> bool {
        self.value(setting) == "true"
    }

    fn number(&mut self, setting: &Setting) -> u64 {
        self.value(setting)
            .parse()
            .expect("the table says that it is a number")
    }

    fn seconds(&mut self, setting: &Setting) -> Duration {
        Duration::from_secs(self.number(setting))
    }

    fn hours(&mut self, setting: &Setting) -> Duration {
        Duration::from_secs(3600 * self.number(setting))
    }

    fn fail(&mut self, setting: &Setting, value: Option<String>, allowed: String) {
        self.errors.push(ConfigError {
            variable: setting.name,
            value: value.filter(|_| !setting.is_secret()),
            allowed,
        });
    }
}

/// What would be allowed in a value's place, if it is not.
pub(super) fn refusal(kind: Kind, value: &str) -> Option<String> {
    let (good, allowed) = match kind {
        Kind::Text | Kind::Secret => return None,
        Kind::Table => {
            let allowed = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
            // SQLite keeps names that begin so for itself.
            let reserved = |prefix: &str| prefix.eq_ignore_ascii_case("sqlite_");
            let good = (1..=64).contains(&value.len())
                && value.bytes().all(allowed)
                && !value.get(..7).is_some_and(reserved);
            let allowed = "1 to 64 of A-Z, a-z, 0-9 and _, not beginning with sqlite_";
            (good, allowed.to_owned())
        }
        // Spin 4.1 allows `[::1]` and then looks for a host of that name.
        Kind::Host => {
            let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
            let text = "a host name or an IPv4 address; Spin reaches no IPv6 address without a name \
                        (one in /etc/hosts will do)";
            (value.bytes().all(allowed), text.to_owned())
        }
        Kind::Word(words) => (words.contains(&value), words.join(", ")),
        Kind::Number { min, max, unit } => {
            // `u64::from_str` takes a leading plus sign; a setting is digits.
            let digits = value.bytes().all(|b| b.is_ascii_digit());
            let good = digits && value.parse().is_ok_and(|n| (min..=max).contains(&n));
            (good, format!("{min} to {max} ({unit})"))
        }
    };
    (!good).then(|| format!("allowed: {allowed}"))
}

fn is_loopback(host: &str) -> bool {
    host == "localhost"
        || host
            .parse::<std::net::Ipv4Addr>()
            .is_ok_and(|ip| ip.is_loopback())
}
