//! The keys of a deployment: which signs, which verify, when the next one is due and which have served.
//!
//! Access-token keys come in generations. A generation is published long before it signs, so that every
//! instance has loaded it by then, and kept until the last token that it signed has expired. So a rotation
//! invalidates no token and sends nobody to refresh.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::master_key::{MasterKey, MasterKeys, Slot};
use super::secret::{Key, Sha256Hex};
use super::time::Timestamp;
use super::token::access::AccessKey;

/// How long an instance may go on with the keys that it has loaded.
pub const CACHE_TIME: Duration = Duration::from_secs(60);

/// From publishing a key to signing with it: the instances' cache time plus 30 s of clock skew.
pub const PUBLISH_LEAD: Duration = Duration::from_secs(90);

/// How much longer than needed a key is kept: what the clock of whoever prunes may be ahead by.
pub const PRUNE_MARGIN: Duration = Duration::from_secs(2 * 3600);

/// One generation of the access-token signing key, as the database holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SigningKey {
    /// 1 for the first; its `kid`.
    pub generation: u32,
    /// The secret.
    pub key: Key,
    /// From when on it signs, until the next generation does.
    pub signs_from: Timestamp,
}

/// How keys rotate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RotationPolicy {
    /// Whether they do.
    pub dynamic: bool,
    /// How long each signs.
    pub interval: Duration,
    /// How long a token that it signed is good.
    pub token_validity: Duration,
}

/// Who asks for the plan, and so how far ahead it looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Planner {
    /// A request: it adds a key only when one is overdue, and removes none.
    Request,
    /// The scheduled component: it publishes from the middle of the interval on, and removes what has served.
    Maintenance,
}

/// What to change about the keys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// The generation to add, and from when on it signs.
    pub publish: Option<(u32, Timestamp)>,
    /// The generations to remove.
    pub prune: Vec<u32>,
}

/// Plans the next step for `keys`, which are sorted by generation.
pub fn plan(keys: &[SigningKey], now: Timestamp, policy: RotationPolicy, planner: Planner) -> Plan {
    let Some(newest) = keys.last() else {
        return Plan {
            publish: Some((1, now)),
            prune: Vec::new(),
        };
    };
    if !policy.dynamic {
        return Plan::default();
    }
    let ends = newest.signs_from.plus(policy.interval);
    let due = match planner {
        Planner::Request => ends,
        Planner::Maintenance => ends.minus(policy.interval / 2),
    };
    let publish = (now >= due && newest.generation < u32::MAX)
        .then(|| (newest.generation + 1, ends.max(now.plus(PUBLISH_LEAD))));
    let prune = match planner {
        Planner::Request => Vec::new(),
        Planner::Maintenance => keys
            .windows(2)
            .take_while(|pair| {
                let last_expiry = pair[1].signs_from.plus(policy.token_validity);
                now > last_expiry.plus(PRUNE_MARGIN)
            })
            .map(|pair| pair[0].generation)
            .collect(),
    };
    Plan { publish, prune }
}

/// Where access-token keys come from.
#[derive(Clone, Debug)]
pub enum AccessKeys {
    /// Generations, sorted by the time from which they sign; never empty.
    Generations(Vec<(Timestamp, Arc<AccessKey>)>),
    /// One key that stays.
    Fixed(Arc<AccessKey>),
    /// Derived from a master key.
    Derived(DerivedKeys),
}

impl AccessKeys {
    /// Keys in generations; `None` if there are none.
    pub fn generations(keys: &[SigningKey]) -> Option<Self> {
        (!keys.is_empty()).then(|| Self::Generations(keys.iter().map(SigningKey::named).collect()))
    }

    /// A key of the operator's, from a file; at least 32 bytes.
    pub fn file(secret: &[u8]) -> Self {
        let fingerprint = Sha256Hex::of(Sha256Hex::of(secret).as_str().as_bytes());
        let kid = format!("file.{}", &fingerprint.as_str()[..8]);
        Self::Fixed(Arc::new(AccessKey::new(kid, secret)))
    }

    /// The key that signs at `now`: of generations the youngest whose time has come, else the oldest.
    pub fn signing(&self, now: Timestamp) -> Arc<AccessKey> {
        match self {
            Self::Generations(keys) => due(keys, now),
            Self::Fixed(key) => Arc::clone(key),
            Self::Derived(keys) => keys.signing(now),
        }
    }

    /// The key of that name, if it may have signed a token that is still good.
    pub fn named(&self, kid: &str, now: Timestamp) -> Option<Arc<AccessKey>> {
        match self {
            Self::Generations(keys) => find(keys.iter().map(|(_, key)| key), kid),
            Self::Fixed(key) => find([key], kid),
            Self::Derived(keys) => keys.named(kid, now),
        }
    }
}

/// Of generations (at least one) the youngest whose time has come, else the oldest.
fn due(keys: &[(Timestamp, Arc<AccessKey>)], now: Timestamp) -> Arc<AccessKey> {
    let due = keys.iter().rev().find(|(signs_from, _)| *signs_from <= now);
    Arc::clone(&due.unwrap_or(&keys[0]).1)
}

fn find<'a>(
    keys: impl IntoIterator<Item = &'a Arc<AccessKey>>,
    kid: &str,
) -> Option<Arc<AccessKey>> {
    keys.into_iter().find(|key| key.kid() == kid).cloned()
}

impl SigningKey {
    fn named(&self) -> (Timestamp, Arc<AccessKey>) {
        let kid = self.generation.to_string();
        (
            self.signs_from,
            Arc::new(AccessKey::new(kid, self.key.expose())),
        )
    }
}

/// Access-token keys by rotation slot.
#[derive(Clone, Debug)]
pub struct DerivedKeys {
    /// Never empty.
    masters: MasterKeys,
    policy: RotationPolicy,
    /// Generations from before the master key was introduced; they sign only while it does not.
    earlier: Vec<(Timestamp, Arc<AccessKey>)>,
    /// Until when they verify.
    earlier_end: Option<Timestamp>,
    /// The keys used last.
    recent: Arc<Mutex<Vec<Arc<AccessKey>>>>,
}

/// How many derived keys are remembered. One signs, and its forerunner's tokens are still around.
const RECENT_KEYS: usize = 8;

/// How far the slot of a key may lie in the future: what clocks of two machines may differ by.
const MAX_CLOCK_SKEW: Duration = Duration::from_secs(60);

impl DerivedKeys {
    /// Keys derived from `masters`, besides those of the database, which verify until `earlier_end` if there is one;
    /// `None` if nothing could sign.
    pub fn new(
        masters: &MasterKeys,
        policy: RotationPolicy,
        earlier: &[SigningKey],
        earlier_end: Option<Timestamp>,
    ) -> Option<Self> {
        let none_signs = masters.signing().is_none() && earlier.is_empty();
        (!masters.is_empty() && !none_signs).then(|| Self {
            masters: masters.clone(),
            policy,
            earlier: earlier.iter().map(SigningKey::named).collect(),
            earlier_end,
            recent: Arc::default(),
        })
    }

    fn signing(&self, now: Timestamp) -> Arc<AccessKey> {
        let Some(master) = self.masters.signing() else {
            return due(&self.earlier, now);
        };
        let hours = if self.policy.dynamic {
            self.policy.interval.as_secs() / 3600
        } else {
            0
        };
        let number = (now.as_secs() / 3600).checked_div(hours).unwrap_or(0);
        self.derive(master, Slot { hours, number })
    }

    fn named(&self, kid: &str, now: Timestamp) -> Option<Arc<AccessKey>> {
        let Some((slot, fingerprint)) = parse_kid(kid) else {
            let good = self.earlier_end.is_none_or(|end| now <= end);
            return find(
                self.earlier.iter().map(|(_, key)| key).filter(|_| good),
                kid,
            );
        };
        let master = self
            .masters
            .all()
            .iter()
            .find(|master| master.fingerprint() == fingerprint)?;
        let start = Timestamp::from_secs(slot.number.checked_mul(slot.hours)?.checked_mul(3600)?);
        let last_expiry = start
            .plus(Duration::from_secs(slot.hours * 3600))
            .plus(self.policy.token_validity);
        let could_be_good =
            slot == Slot {
                hours: 0,
                number: 0,
            } || (start <= now.plus(MAX_CLOCK_SKEW) && now <= last_expiry.plus(PRUNE_MARGIN));
        // `01` is the number of `1`, but not its name.
        could_be_good
            .then(|| self.derive(master, slot))
            .filter(|key| key.kid() == kid)
    }

    fn derive(&self, master: &MasterKey, slot: Slot) -> Arc<AccessKey> {
        let kid = format!("{}.{}.{}", slot.number, slot.hours, master.fingerprint());
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(key) = find(recent.iter(), &kid) {
            return key;
        }
        let key = Arc::new(AccessKey::new(kid, master.access_key(slot).expose()));
        recent.truncate(RECENT_KEYS - 1);
        recent.insert(0, Arc::clone(&key));
        key
    }
}

/// Reads `<slot number>.<slot hours>.<fingerprint>`.
fn parse_kid(kid: &str) -> Option<(Slot, &str)> {
    let mut parts = kid.splitn(3, '.');
    let number = parts.next()?.parse().ok()?;
    let hours = parts.next()?.parse().ok().filter(|hours| *hours <= 720)?;
    Some((Slot { hours, number }, parts.next()?))
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
        (!refresh.is_empty()).then_some(Self { access, refresh })
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
#[path = "keyring_tests.rs"]
mod tests;
