//! What the service's settings mean, group by group.

use std::time::Duration;

use super::settings;
use super::{
    AccessSettings, Blacklisting, Database, MySqlSettings, RefreshSettings, SessionLimit, Tables,
    TheftPolicy,
};
use crate::domain::keys::{MASTER_KEY_MIN_BYTES, MasterKeys, PUBLISHED_SLOTS, RotationPolicy};
use crate::domain::lifetime::{self, LifetimePolicy};
use crate::domain::revocation::REVOCATION_MAX_VALIDITY;
use crate::domain::secret::SecretString;
use crate::domain::setting::Parser;
use crate::domain::token::key::Algorithm;

/// The shortest API key, in characters: shorter ones can be guessed.
const API_KEY_MIN_CHARS: usize = 16;

/// Why some settings are required.
const WITH_MYSQL: &str = "required with database=mysql";

/// Whether a text can be an API key.
pub fn is_api_key(text: &str) -> bool {
    text.len() >= API_KEY_MIN_CHARS && text.bytes().all(|b| b.is_ascii_graphic())
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
            user: self.required(&settings::MYSQL_USER, WITH_MYSQL),
            password: SecretString::new(self.required(&settings::MYSQL_PASSWORD, WITH_MYSQL)),
            name: self.required(&settings::MYSQL_DATABASE, WITH_MYSQL),
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

    pub(super) fn access(&mut self, has_cdi: bool) -> AccessSettings {
        let validity = self.seconds(&settings::ACCESS_VALIDITY);
        AccessSettings {
            validity,
            algorithm: self.algorithm(has_cdi),
            blacklisting: self.blacklisting(validity),
            max_staleness: self.seconds(&settings::MAX_STALENESS),
            issuer: self.optional(&settings::ISSUER),
            audience: self.optional(&settings::AUDIENCE),
            authentication_claims: self.boolean(&settings::AUTHENTICATION_CLAIMS),
            rotation: RotationPolicy {
                dynamic: self.boolean(&settings::KEY_DYNAMIC),
                interval: self.hours(&settings::KEY_INTERVAL),
                token_validity: validity,
            },
            key_path: self.optional(&settings::KEY_PATH),
        }
    }

    fn blacklisting(&mut self, validity: Duration) -> Blacklisting {
        let blacklisting = self.word(
            &settings::BLACKLISTING,
            &[
                ("false", Blacklisting::Off),
                ("true", Blacklisting::EachCheck),
                ("feed", Blacklisting::Feed),
            ],
        );
        if blacklisting == Blacklisting::Feed && validity > REVOCATION_MAX_VALIDITY {
            let allowed = "allowed with access_token_validity over a day: true, false".to_owned();
            self.fail(&settings::BLACKLISTING, Some("feed".to_owned()), allowed);
        }
        blacklisting
    }

    fn algorithm(&mut self, has_cdi: bool) -> Algorithm {
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

    pub(super) fn binding(&mut self) -> bool {
        self.boolean(&settings::BINDING)
    }

    pub(super) fn cdi(&mut self) -> bool {
        self.boolean(&settings::CDI)
    }

    pub(super) fn refresh(&mut self) -> RefreshSettings {
        RefreshSettings {
            lifetime: self.lifetime(),
            reuse_window: self.seconds(&settings::REUSE_WINDOW),
        }
    }

    fn lifetime(&mut self) -> LifetimePolicy {
        let validity = self.hours(&settings::REFRESH_VALIDITY);
        let default = Duration::from_secs(3600 * settings::REFRESH_VALIDITY.default_number());
        let timeout = self.optional(&settings::IDLE_TIMEOUT);
        let timeout = timeout.and_then(|secs| secs.parse().ok().map(Duration::from_secs));
        // Two settings that say different things: neither can be what is meant.
        if timeout.is_some_and(|timeout| validity != timeout && validity != default) {
            let value = Some((validity.as_secs() / 3600).to_string());
            let allowed = "allowed with session_idle_timeout: nothing, or the same time";
            self.fail(&settings::REFRESH_VALIDITY, value, allowed.to_owned());
        }
        let absolute = self.seconds(&settings::ABSOLUTE_LIFETIME);
        if !absolute.is_zero() && absolute < lifetime::MIN {
            let value = Some(absolute.as_secs().to_string());
            let allowed = format!("allowed: 0, or at least {}", lifetime::MIN.as_secs());
            self.fail(&settings::ABSOLUTE_LIFETIME, value, allowed);
        }
        LifetimePolicy {
            idle: timeout.unwrap_or(validity),
            is_idle_timeout: timeout.is_some(),
            absolute: Some(absolute).filter(|absolute| !absolute.is_zero()),
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

    /// The set of public keys has every key whose tokens may be good, and has to stay of a size.
    pub(super) fn check_key_count(&mut self, access: &AccessSettings, masters: &MasterKeys) {
        let policy = access.rotation;
        let is_published = access.algorithm != Algorithm::Hs256;
        let slots = access.validity.as_secs() / policy.interval.as_secs();
        if is_published && policy.dynamic && !masters.is_empty() && slots > PUBLISHED_SLOTS - 2 {
            let allowed = format!(
                "allowed with master_key and public keys: at least a {}th of access_token_validity",
                PUBLISHED_SLOTS - 2
            );
            let value = (policy.interval.as_secs() / 3600).to_string();
            self.fail(&settings::KEY_INTERVAL, Some(value), allowed);
        }
    }

    pub(super) fn on_theft(&mut self) -> TheftPolicy {
        self.word(
            &settings::ON_THEFT,
            &[
                ("report", TheftPolicy::Report),
                ("revoke_session", TheftPolicy::RevokeSession),
                ("revoke_user", TheftPolicy::RevokeUser),
            ],
        )
    }

    pub(super) fn session_limit(&mut self) -> Option<SessionLimit> {
        let most = self.number(&settings::MAX_SESSIONS);
        let words = [("end_oldest", false), ("refuse", true)];
        let refuses = self.word(&settings::ON_SESSION_LIMIT, &words);
        (most > 0).then_some(SessionLimit { most, refuses })
    }

    pub(super) fn maintenance(&mut self, has_api_keys: bool) -> Option<Duration> {
        let budget = self.seconds(&settings::MAINTENANCE_BUDGET);
        let is_there = self.boolean(&settings::MAINTENANCE_ENDPOINT);
        // It makes the database work: not for whoever comes by.
        if is_there && !has_api_keys {
            let allowed = "allowed: true only with api_keys";
            let value = Some("true".to_owned());
            self.fail(&settings::MAINTENANCE_ENDPOINT, value, allowed.to_owned());
        }
        is_there.then_some(budget)
    }

    pub(super) fn clean_up_budget(&mut self) -> Duration {
        self.seconds(&settings::CLEAN_UP_BUDGET)
    }
}

fn is_loopback(host: &str) -> bool {
    host == "localhost"
        || host
            .parse::<std::net::Ipv4Addr>()
            .is_ok_and(|ip| ip.is_loopback())
}
