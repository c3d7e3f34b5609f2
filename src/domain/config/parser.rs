//! Reads the settings one by one and remembers every mistake.

use std::time::Duration;

use super::{
    AccessSettings, ConfigError, Database, MySqlSettings, RefreshSettings, Tables, TheftPolicy,
};
use crate::domain::keys::{MASTER_KEY_MIN_BYTES, MasterKeys, RotationPolicy};
use crate::domain::secret::SecretString;

/// The shortest API key, in characters: shorter ones can be guessed.
const API_KEY_MIN_CHARS: usize = 16;

const BOOLEANS: [(&str, bool); 2] = [("true", true), ("false", false)];
const THEFT_POLICIES: [(&str, TheftPolicy); 3] = [
    ("report", TheftPolicy::Report),
    ("revoke_session", TheftPolicy::RevokeSession),
    ("revoke_user", TheftPolicy::RevokeUser),
];

pub(super) struct Parser<'a> {
    pub(super) lookup: &'a dyn Fn(&str) -> Option<String>,
    pub(super) errors: Vec<ConfigError>,
}

impl Parser<'_> {
    pub(super) fn database(&mut self) -> Database {
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

    pub(super) fn tables(&mut self) -> Tables {
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

    pub(super) fn access(&mut self) -> AccessSettings {
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

    pub(super) fn refresh(&mut self) -> RefreshSettings {
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

    pub(super) fn api_keys(&mut self) -> Vec<SecretString> {
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

    pub(super) fn master_keys(&mut self) -> MasterKeys {
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

    pub(super) fn on_theft(&mut self) -> TheftPolicy {
        self.word("on_token_theft", &THEFT_POLICIES)
    }

    pub(super) fn clean_up_budget(&mut self) -> Duration {
        Duration::from_secs(self.number("clean_up_time_budget", 30, 1, 3600, "seconds"))
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
