//! Keys derived from a secret that is kept outside the database (HKDF-SHA256, RFC 5869).
//!
//! With a master key no key is ever stored: access-token keys are derived by rotation slot, so every instance
//! knows them at any time, and a dump of the database forges nothing.

use std::fmt;
use std::sync::Arc;

use hkdf::Hkdf;
use sha2::Sha256;

use crate::domain::secret::{Key, Sha256Hex};

/// The shortest master key, in bytes.
pub const MASTER_KEY_MIN_BYTES: usize = 32;

const SALT: &[u8] = b"session master key 1";

/// A master key: at least 32 bytes of text with as much randomness. It never prints.
#[derive(Clone)]
pub struct MasterKey {
    /// What HKDF extracts from the text (RFC 5869, section 2.2): once, and not for each key. It is wiped when dropped.
    extracted: Hkdf<Sha256>,
    fingerprint: String,
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("MasterKey").field(&self.fingerprint).finish()
    }
}

impl MasterKey {
    /// Takes the text of a setting; `None` if it is too short.
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() < MASTER_KEY_MIN_BYTES {
            return None;
        }
        let mut key = Self {
            extracted: Hkdf::new(Some(SALT), text.as_bytes()),
            fingerprint: String::new(),
        };
        let derived = key.derive("fingerprint", &[]);
        key.fingerprint = Sha256Hex::of(derived.expose()).as_str()[..8].to_owned();
        Some(key)
    }

    /// Eight hex digits that tell master keys apart. They are public: every `kid` has them.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// What the database may know to recognise this master key.
    pub fn check_value(&self) -> Key {
        self.derive("check value", &[])
    }

    /// The key that authenticates refresh tokens.
    pub fn refresh_key(&self) -> Key {
        self.derive("refresh token key", &[])
    }

    /// The key that signs access tokens in a slot.
    pub fn access_key(&self, slot: Slot) -> Key {
        self.derive("access token key", &[slot.hours, slot.number])
    }

    fn derive(&self, purpose: &str, numbers: &[u64]) -> Key {
        let mut info = purpose.as_bytes().to_vec();
        info.push(0);
        for number in numbers {
            info.extend_from_slice(&number.to_be_bytes());
        }
        let mut key = [0; Key::BYTES];
        self.extracted
            .expand(&info, &mut key)
            .expect("32 bytes are less than 255 hashes");
        Key::from_bytes(key)
    }
}

/// The master keys of a deployment, the first of which makes new tokens; all are recognised. A clone is the same ones.
#[derive(Clone, Debug, Default)]
pub struct MasterKeys {
    keys: Arc<[MasterKey]>,
    database_signs: bool,
}

/// Stands for the keys in the database: before a master key, they go on making new tokens.
const DATABASE: &str = "database";

impl MasterKeys {
    /// Reads a list with commas: one or two master keys, or `database` and one; `None` for anything else.
    pub fn parse(list: &str) -> Option<Self> {
        let mut parts: Vec<_> = list.split(',').map(str::trim).collect();
        let database_signs = parts[0] == DATABASE;
        let most = if database_signs { 1 } else { 2 };
        parts.drain(..usize::from(database_signs));
        let keys: Option<Vec<_>> = parts.iter().map(|key| MasterKey::parse(key)).collect();
        keys.filter(|keys| (1..=most).contains(&keys.len()))
            .map(|keys| Self {
                keys: keys.into(),
                database_signs,
            })
    }

    /// These, without their texts.
    #[cfg(test)]
    pub(crate) fn of(keys: &[MasterKey], database_signs: bool) -> Self {
        Self {
            keys: keys.into(),
            database_signs,
        }
    }

    /// Whether there is none: keys are kept in the database, and nothing is derived.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// All of them.
    pub fn all(&self) -> &[MasterKey] {
        &self.keys
    }

    /// The one that makes new tokens; `None` while the keys in the database do.
    pub fn signing(&self) -> Option<&MasterKey> {
        self.keys.first().filter(|_| !self.database_signs)
    }
}

/// A span of time in which one derived key signs: the `number`th one of `hours` each since the Unix epoch.
/// Hours of 0 stand for all time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot {
    /// Its length.
    pub hours: u64,
    /// Which one it is.
    pub number: u64,
}

impl Slot {
    /// The slot of keys that don't rotate.
    pub const ALWAYS: Self = Self {
        hours: 0,
        number: 0,
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_says_which_key_makes_new_tokens() {
        let (one, two) = ("1".repeat(32), "2".repeat(32));
        let parse = |list: &str| {
            MasterKeys::parse(list).map(|keys| {
                let signing = keys.signing().map(|key| key.fingerprint().to_owned());
                (keys.all().len(), signing)
            })
        };
        let first = MasterKey::parse(&one).unwrap().fingerprint().to_owned();
        assert_eq!(parse(&one), Some((1, Some(first.clone()))));
        assert_eq!(parse(&format!("{one}, {two}")), Some((2, Some(first))));
        assert_eq!(parse(&format!("database,{two}")), Some((1, None)));
        for wrong in [
            "",
            "database",
            "database,",
            &format!("{one},database"),
            &format!("{one},"),
            &format!("{one},{two},{one}"),
            &format!("database,{one},{two}"),
        ] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn every_purpose_slot_and_master_key_has_its_own_key() {
        let (one, two) = ("1".repeat(32), "2".repeat(32));
        let (one, two) = (
            MasterKey::parse(&one).unwrap(),
            MasterKey::parse(&two).unwrap(),
        );
        let slot = |hours, number| Slot { hours, number };
        let keys = [
            one.refresh_key(),
            one.check_value(),
            one.access_key(slot(24, 1)),
            one.access_key(slot(24, 2)),
            one.access_key(slot(1, 1)),
            two.refresh_key(),
            two.access_key(slot(24, 1)),
        ];
        for (i, key) in keys.iter().enumerate() {
            assert!(!keys[i + 1..].contains(key), "{i}");
        }
        assert_ne!(one.fingerprint(), two.fingerprint());
        assert!(MasterKey::parse(&"1".repeat(31)).is_none());
        assert!(!format!("{one:?}").contains("1111"));
    }
}
