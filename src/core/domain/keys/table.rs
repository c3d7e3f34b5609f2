//! The key table: what its rows' names mean, and which keys come of them under given settings.

use super::master::{MasterKey, MasterKeys};
use super::{AccessKeys, KeyRing, KeyRow, PRUNE_MARGIN};
use crate::domain::config::Config;
use crate::domain::secret::Key;
use crate::domain::time::Timestamp;

/// The table, read.
#[derive(Clone, Debug, Default)]
pub struct KeyTable {
    /// The access-token keys, sorted by generation.
    pub generations: Vec<SigningKey>,
    /// The key that authenticates refresh tokens.
    pub refresh: Option<Key>,
    /// The master keys that were in use, by fingerprint and check value.
    pub(super) checks: Vec<MasterCheck>,
    /// The first of them: of any number that are introduced at the same time one is.
    pub(super) first: Option<MasterCheck>,
    /// What was in use when, oldest first.
    pub(super) marks: Vec<Mark>,
}

/// One generation of the access-token signing key, as the database holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SigningKey {
    /// 1 for the first.
    pub generation: u32,
    /// The secret.
    pub key: Key,
    /// Whether its name, the `kid` of its tokens, has a fingerprint of the key beside the generation. Those from before
    /// 0.2 have none, and another database has others of the same names.
    pub has_fingerprint: bool,
    /// From when on it signs, until the next generation does.
    pub signs_from: Timestamp,
}

/// That a master key was in use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct MasterCheck {
    fingerprint: String,
    value: String,
    since: Timestamp,
}

impl MasterCheck {
    /// Whether it is of this master key.
    pub(super) fn is_of(&self, master: &MasterKey) -> bool {
        // The value is derived one way and proves the key; nothing is gained by timing the comparison.
        self.fingerprint == master.fingerprint() && self.value == master.check_value().encode()
    }

    pub(super) fn row_name(&self) -> String {
        row::check_name(&self.fingerprint)
    }
}

/// That something was in use at some time: the derived keys of one slot length, or the keys in the database beside a
/// master key that had signed already. A new row is added now and then, so that no row is ever changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    name: String,
    pub(super) used: Used,
    pub(super) at: Timestamp,
}

/// What a [`Mark`] is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Used {
    /// Derived keys, by slots of so many hours; 0 for keys that don't rotate.
    Slots(u64),
    /// The keys in the database.
    Database,
}

impl Mark {
    pub(super) fn row_name(&self) -> &str {
        &self.name
    }
}

/// When keys from before a master key are good for nothing any more; none while they sign.
pub(super) struct Ends {
    /// Those of access tokens.
    pub(super) generations: Option<Timestamp>,
    /// The one of refresh tokens.
    pub(super) refresh: Option<Timestamp>,
}

/// Why the table gives no keys.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyTableError {
    /// A row of ours whose value is no key.
    #[error("the key table's row {0} holds no key")]
    NoKey(String),
    /// What [`KeyTable::plan`] calls needed is not there.
    #[error("the key table lacks keys; was it emptied a moment ago?")]
    Incomplete,
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
    /// If a row of ours holds no key.
    pub fn read(rows: &[KeyRow]) -> Result<Self, KeyTableError> {
        let mut table = Self::default();
        for row in rows {
            let key =
                || Key::decode(&row.value).ok_or_else(|| KeyTableError::NoKey(row.name.clone()));
            if row.name == row::REFRESH {
                table.refresh = Some(key()?);
            } else if row.name == row::FIRST_MASTER {
                table.first = row
                    .value
                    .split_once('.')
                    .map(|(fingerprint, value)| MasterCheck {
                        fingerprint: fingerprint.to_owned(),
                        value: value.to_owned(),
                        since: row.time,
                    });
            } else if let Some(used) = row::read_mark(&row.name) {
                table.marks.push(Mark {
                    name: row.name.clone(),
                    used,
                    at: row.time,
                });
            } else if let Some(fingerprint) = row.name.strip_prefix(row::CHECK_PREFIX) {
                table.checks.push(MasterCheck {
                    fingerprint: fingerprint.to_owned(),
                    value: row.value.clone(),
                    since: row.time,
                });
            } else if let Some(number) = row.name.strip_prefix(row::ACCESS_PREFIX)
                && let Ok(generation) = number.parse()
            {
                table.generations.push(SigningKey {
                    generation,
                    key: key()?,
                    has_fingerprint: row.value.ends_with('='),
                    signs_from: row.time,
                });
            }
        }
        table.generations.sort_by_key(|key| key.generation);
        table.marks.sort_by_key(|mark| mark.at);
        Ok(table)
    }

    /// The keys to work with at `now`; `file` is the operator's own access-token key.
    ///
    /// # Errors
    /// If the master key is wrong, or something is missing that [`KeyTable::plan`] would add.
    pub fn ring(
        &self,
        config: &Config,
        file: Option<&AccessKeys>,
        now: Timestamp,
    ) -> Result<KeyRing, KeyTableError> {
        let masters = &config.master_keys;
        self.check_master(masters)?;
        let ends = self.ends(config);
        let earlier = &self.generations;
        let access = match file {
            Some(key) => Some(key.clone()),
            None if masters.is_empty() => AccessKeys::generations(earlier),
            None => {
                let rotation = config.access.rotation;
                let slots = self.used_slots();
                AccessKeys::derived(masters, rotation, earlier, ends.generations, Some(&slots))
            }
        };
        let derived = masters.all().iter().map(MasterKey::refresh_key);
        let good = ends.refresh.is_none_or(|end| now <= end);
        let stored = self.refresh.clone().filter(|_| good);
        let refresh: Vec<Key> = match (masters.signing(), stored) {
            (Some(_), stored) => derived.chain(stored).collect(),
            (None, Some(stored)) => [stored].into_iter().chain(derived).collect(),
            (None, None) => Vec::new(),
        };
        access
            .and_then(|access| KeyRing::new(access, refresh))
            .ok_or(KeyTableError::Incomplete)
    }

    /// When keys from before a master key have served. Whoever reads a backup of them later could forge tokens with
    /// them, so they end then, whether their rows have been removed or not.
    pub(super) fn ends(&self, config: &Config) -> Ends {
        // While the keys in the database sign, no countdown runs, also when a master key has signed before.
        let introduced = self.checks.iter().map(|check| check.since).min();
        let since = introduced.max(self.last_used(Used::Database));
        let since = since.filter(|_| config.master_keys.signing().is_some());
        let end = |validity| since.map(|since| since.plus(validity).plus(PRUNE_MARGIN));
        Ends {
            generations: end(config.access.validity),
            refresh: end(config.refresh.lifetime.idle),
        }
    }

    /// When something was in use last, as far as the table says.
    pub(super) fn last_used(&self, used: Used) -> Option<Timestamp> {
        let marks = self.marks.iter().filter(|mark| mark.used == used);
        marks.map(|mark| mark.at).max()
    }

    /// The lengths of all slots that were in use, and when last.
    fn used_slots(&self) -> Vec<(u64, Timestamp)> {
        let mut slots: Vec<(u64, Timestamp)> = Vec::new();
        for mark in &self.marks {
            if let Used::Slots(hours) = mark.used {
                slots.retain(|(of, _)| *of != hours);
                slots.push((hours, mark.at));
            }
        }
        slots
    }

    /// Whether one of these is, or was, the deployment's.
    pub(super) fn check_master(&self, masters: &MasterKeys) -> Result<(), KeyTableError> {
        let checks = match (&self.first, self.checks.is_empty()) {
            (Some(first), true) => std::slice::from_ref(first),
            _ => &self.checks,
        };
        let known = |key| checks.iter().any(|check| check.is_of(key));
        if checks.is_empty() || masters.all().iter().any(known) {
            Ok(())
        } else if masters.is_empty() {
            Err(KeyTableError::MasterKeyMissing)
        } else {
            Err(KeyTableError::MasterKeyWrong)
        }
    }
}

/// The rows as they are written.
pub(super) mod row {
    use std::time::Duration;

    use super::{Key, KeyRow, MasterKey, Timestamp, Used};
    use crate::domain::secret::Random;

    pub(in super::super) const ACCESS_PREFIX: &str = "access_token_signing_key.";
    pub(in super::super) const REFRESH: &str = "refresh_token_key";
    pub(in super::super) const CHECK_PREFIX: &str = "master_key_check.";
    pub(in super::super) const FIRST_MASTER: &str = "first_master_key";
    const SLOTS_PREFIX: &str = "used_slots.";
    const DATABASE_PREFIX: &str = "used_database_keys.";
    /// How often what is in use is noted again.
    pub(in super::super) const MARK_INTERVAL: Duration = Duration::from_secs(3600);

    pub(in super::super) fn generation_name(generation: u32) -> String {
        format!("{ACCESS_PREFIX}{generation}")
    }

    pub(in super::super) fn check_name(fingerprint: &str) -> String {
        format!("{CHECK_PREFIX}{fingerprint}")
    }

    /// A new generation.
    pub(in super::super) fn generation(
        generation: u32,
        signs_from: Timestamp,
        random: &dyn Random,
    ) -> KeyRow {
        KeyRow {
            name: generation_name(generation),
            value: Key::generate(random).encode_padded(),
            time: signs_from,
        }
    }

    /// A new key of refresh tokens.
    pub(in super::super) fn refresh(now: Timestamp, random: &dyn Random) -> KeyRow {
        of(REFRESH.to_owned(), &Key::generate(random), now)
    }

    /// What proves that a master key is in use.
    pub(in super::super) fn check(master: &MasterKey, now: Timestamp) -> KeyRow {
        of(check_name(master.fingerprint()), &master.check_value(), now)
    }

    /// What decides which master key is the first.
    pub(in super::super) fn first_master(master: &MasterKey, now: Timestamp) -> KeyRow {
        KeyRow {
            name: FIRST_MASTER.to_owned(),
            value: format!("{}.{}", master.fingerprint(), master.check_value().encode()),
            time: now,
        }
    }

    /// That something is in use. The name has the time, so that any number of instances add one row an hour.
    pub(in super::super) fn mark(used: Used, now: Timestamp) -> KeyRow {
        let number = now.as_secs() / MARK_INTERVAL.as_secs();
        let name = match used {
            Used::Slots(hours) => format!("{SLOTS_PREFIX}{hours}.{number}"),
            Used::Database => format!("{DATABASE_PREFIX}{number}"),
        };
        KeyRow {
            name,
            value: "-".to_owned(),
            time: now,
        }
    }

    pub(super) fn read_mark(name: &str) -> Option<Used> {
        if let Some(rest) = name.strip_prefix(SLOTS_PREFIX) {
            let (hours, _) = rest.split_once('.')?;
            return hours.parse().ok().map(Used::Slots);
        }
        name.starts_with(DATABASE_PREFIX).then_some(Used::Database)
    }

    fn of(name: String, key: &Key, time: Timestamp) -> KeyRow {
        let value = key.encode();
        KeyRow { name, value, time }
    }
}
