//! The keys of a deployment: what its table holds, what is to be changed about it, and which keys come of it.
//!
//! Access-token keys come in generations. A generation is published long before it signs, so that every
//! instance has loaded it by then, and kept until the last token that it signed has expired. So a rotation
//! invalidates no token and sends nobody to refresh. With a master key they are derived by slot of time instead.

mod access;
mod derived;
mod master;
mod plan;
mod schedule;
mod table;

use std::fmt;
use std::time::Duration;

pub use self::access::AccessKeys;
pub use self::derived::PUBLISHED_SLOTS;
pub use self::master::{MASTER_KEY_MIN_BYTES, MasterKey, MasterKeys, Slot};
pub use self::plan::{Change, Planner, Reason, RotationPolicy};
pub use self::schedule::Schedule;
pub use self::table::{KeyTable, KeyTableError, SigningKey};

use super::secret::Key;
use super::time::Timestamp;

/// How long an instance may go on with the keys that it has loaded.
pub const CACHE_TIME: Duration = Duration::from_secs(60);

/// From publishing a key to signing with it: the instances' cache time plus 30 s of clock skew.
pub const PUBLISH_LEAD: Duration = Duration::from_secs(90);

/// How old the keys in a set of public keys may be. Others keep the set for a minute more; then 15 s are left, for
/// clocks that differ, before a key signs that it lacks.
pub const KEY_SET_LAG: Duration = Duration::from_secs(PUBLISH_LEAD.as_secs() - 60 - 15);

/// How much longer than needed a key is kept: what the clock of whoever prunes may be ahead by.
pub const PRUNE_MARGIN: Duration = Duration::from_secs(2 * 3600);

/// A row of the key table.
#[derive(Clone, PartialEq, Eq)]
pub struct KeyRow {
    /// Its primary key.
    pub name: String,
    /// What is kept under the name.
    pub value: String,
    /// For access-token keys the time from which the key signs; else when the row was made.
    pub time: Timestamp,
}

impl fmt::Debug for KeyRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyRow({})", self.name)
    }
}

/// The keys that an instance works with.
#[derive(Clone, Debug)]
pub struct KeyRing {
    /// Those of access tokens.
    pub access: AccessKeys,
    /// Those of refresh tokens: the first makes new ones, all authenticate; never empty.
    refresh: Vec<Key>,
}

impl KeyRing {
    /// A ring; `None` without a key for refresh tokens.
    pub fn new(access: AccessKeys, refresh: Vec<Key>) -> Option<Self> {
        (!refresh.is_empty()).then(|| Self {
            access: access.and_static(&refresh),
            refresh,
        })
    }

    /// The key that new refresh tokens are authenticated with.
    pub fn refresh_key(&self) -> &Key {
        &self.refresh[0]
    }

    /// All keys that authenticate refresh tokens.
    pub fn refresh_keys(&self) -> &[Key] {
        &self.refresh
    }
}

#[cfg(test)]
mod tests;
