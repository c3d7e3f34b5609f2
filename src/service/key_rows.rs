//! The key table's rows: what their names mean, and which keys come of them under given settings.

use crate::domain::config::Config;
use crate::domain::keyring::{AccessKeys, DerivedKeys, KeyRing, PRUNE_MARGIN, SigningKey};
use crate::domain::master_key::MasterKey;
use crate::domain::secret::{Key, Random};
use crate::domain::time::Timestamp;
use crate::store::KeyRow;

const ACCESS_PREFIX: &str = "access_token_signing_key.";
const REFRESH: &str = "refresh_token_key";
const CHECK_PREFIX: &str = "master_key_check.";

/// The table, read.
#[derive(Clone, Debug, Default)]
pub struct KeyTable {
    /// The access-token keys, sorted by generation.
    pub generations: Vec<SigningKey>,
    /// The key that authenticates refresh tokens.
    pub refresh: Option<Key>,
    /// The master keys that were in use, by fingerprint and check value.
    pub checks: Vec<MasterCheck>,
}

/// That a master key was in use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MasterCheck {
    /// Which one.
    pub fingerprint: String,
    value: String,
    /// Since when.
    pub since: Timestamp,
}

impl MasterCheck {
    /// Whether it is of this master key.
    pub fn is_of(&self, master: &MasterKey) -> bool {
        // The value is derived one way and proves the key; nothing is gained by timing the comparison.
        self.fingerprint == master.fingerprint() && self.value == master.check_value().encode()
    }

    /// Its row's name.
    pub fn row_name(&self) -> String {
        format!("{CHECK_PREFIX}{}", self.fingerprint)
    }
}

/// When keys from before a master key are good for nothing any more; none while they sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ends {
    /// Those of access tokens.
    pub generations: Option<Timestamp>,
    /// The one of refresh tokens.
    pub refresh: Option<Timestamp>,
}

/// Why the rows give no key ring.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyTableError {
    /// Rows have to be added first: these.
    #[error("keys are missing")]
    Missing(Vec<KeyRow>),
    /// The settings have no master key, but the deployment uses one.
    #[error("master_key is not set, but this database belongs to a deployment that has one")]
    MasterKeyMissing,
    /// The settings have another master key than the deployment.
    #[error("master_key is not the one that this database's deployment uses (nor one before it)")]
    MasterKeyWrong,
}

impl KeyTable {
    /// Reads the rows; rows of other names (an older system's) are passed over.
    ///
    /// # Errors
    /// The name of a row of ours whose value is no key.
    pub fn read(rows: &[KeyRow]) -> Result<Self, String> {
        let mut table = Self::default();
        for row in rows {
            let key = || Key::decode(&row.value).ok_or_else(|| row.name.clone());
            if row.name == REFRESH {
                table.refresh = Some(key()?);
            } else if let Some(fingerprint) = row.name.strip_prefix(CHECK_PREFIX) {
                table.checks.push(MasterCheck {
                    fingerprint: fingerprint.to_owned(),
                    value: row.value.clone(),
                    since: row.time,
                });
            } else if let Some(generation) = row
                .name
                .strip_prefix(ACCESS_PREFIX)
                .and_then(|number| number.parse().ok())
            {
                table.generations.push(SigningKey {
                    generation,
                    key: key()?,
                    signs_from: row.time,
                });
            }
        }
        table.generations.sort_by_key(|key| key.generation);
        Ok(table)
    }

    /// The keys to work with under `config`; `file` is the operator's own access-token key.
    ///
    /// # Errors
    /// If rows are missing (then they come new, made of `random` at `now`), or the master key is wrong.
    pub fn ring(
        &self,
        config: &Config,
        file: Option<&AccessKeys>,
        now: Timestamp,
        random: &dyn Random,
    ) -> Result<KeyRing, KeyTableError> {
        let masters = &config.master_keys;
        self.check_master(masters.all())?;
        let ends = self.ends(config);
        let mut missing = Vec::new();
        if let Some(signing) = masters.signing()
            && !self.checks.iter().any(|check| check.is_of(signing))
        {
            missing.push(check_row(signing, now));
        }
        let access = match file {
            Some(key) => Some(key.clone()),
            None if masters.is_empty() => AccessKeys::generations(&self.generations),
            None => DerivedKeys::new(
                masters,
                config.access.rotation,
                &self.generations,
                ends.generations,
            )
            .map(AccessKeys::Derived),
        };
        if access.is_none() {
            missing.push(generation_row(1, now, random));
        }
        if masters.signing().is_none() && self.refresh.is_none() {
            missing.push(refresh_row(now, random));
        }
        let derived = masters.all().iter().map(MasterKey::refresh_key);
        let good = ends.refresh.is_none_or(|end| now <= end);
        let stored = self.refresh.clone().filter(|_| good);
        let refresh: Vec<Key> = match masters.signing() {
            Some(_) => derived.chain(stored).collect(),
            None => stored.into_iter().chain(derived).collect(),
        };
        match access.and_then(|access| KeyRing::new(access, refresh)) {
            Some(ring) if missing.is_empty() => Ok(ring),
            _ => Err(KeyTableError::Missing(missing)),
        }
    }

    /// When keys from before a master key have served. Whoever reads a backup of them later could forge tokens with
    /// them, so they end then, whether their rows have been removed or not.
    pub fn ends(&self, config: &Config) -> Ends {
        let since = self.checks.iter().map(|check| check.since).min();
        let since = since.filter(|_| config.master_keys.signing().is_some());
        let end = |validity| since.map(|since| since.plus(validity).plus(PRUNE_MARGIN));
        Ends {
            generations: end(config.access.validity),
            refresh: end(config.refresh.validity),
        }
    }

    fn check_master(&self, masters: &[MasterKey]) -> Result<(), KeyTableError> {
        match masters {
            _ if self.checks.is_empty() => Ok(()),
            [] => Err(KeyTableError::MasterKeyMissing),
            _ if self
                .checks
                .iter()
                .any(|check| masters.iter().any(|key| check.is_of(key))) =>
            {
                Ok(())
            }
            _ => Err(KeyTableError::MasterKeyWrong),
        }
    }
}

/// The row of a new generation.
pub fn generation_row(generation: u32, signs_from: Timestamp, random: &dyn Random) -> KeyRow {
    KeyRow {
        name: generation_name(generation),
        value: Key::generate(random).encode(),
        time: signs_from,
    }
}

/// The name of a generation's row.
pub fn generation_name(generation: u32) -> String {
    format!("{ACCESS_PREFIX}{generation}")
}

/// The name of the refresh token key's row.
pub fn refresh_name() -> &'static str {
    REFRESH
}

fn refresh_row(now: Timestamp, random: &dyn Random) -> KeyRow {
    KeyRow {
        name: REFRESH.to_owned(),
        value: Key::generate(random).encode(),
        time: now,
    }
}

fn check_row(master: &MasterKey, now: Timestamp) -> KeyRow {
    KeyRow {
        name: format!("{CHECK_PREFIX}{}", master.fingerprint()),
        value: master.check_value().encode(),
        time: now,
    }
}
