//! The keys that sign access tokens: by the time which signs, and by its name which verifies.

use std::borrow::Cow;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use zeroize::Zeroizing;

use super::derived::Derived;
use super::master::{MasterKey, MasterKeys, Slot};
use super::plan::RotationPolicy;
use super::table::SigningKey;
use crate::domain::secret::Sha256Hex;
use crate::domain::time::Timestamp;
use crate::domain::token::access::AccessKey;

/// How many keys are kept ready. One signs, and its forerunner's tokens are still around.
const READY_KEYS: usize = 8;

/// The access-token keys of a deployment. A clone is the same ones.
#[derive(Clone)]
pub struct AccessKeys(Arc<Inner>);

struct Inner {
    secrets: Secrets,
    /// The keys used last.
    ready: Mutex<Vec<Arc<AccessKey>>>,
}

/// Where secrets come from, and which names they have.
enum Secrets {
    Generations(Generations),
    Fixed(String, Zeroizing<Vec<u8>>),
    Derived(Derived),
}

/// A secret before a key is made of it.
pub(super) enum Secret<'a> {
    Stored(&'a [u8]),
    OfSlot(&'a MasterKey, Slot),
}

/// A secret and its name.
pub(super) type Named<'a> = (Cow<'a, str>, Secret<'a>);

impl AccessKeys {
    fn new(secrets: Secrets) -> Self {
        let ready = Mutex::default();
        Self(Arc::new(Inner { secrets, ready }))
    }

    /// Keys in generations, sorted; `None` if there are none.
    pub fn generations(keys: &[SigningKey]) -> Option<Self> {
        (!keys.is_empty()).then(|| Self::new(Secrets::Generations(Generations::new(keys))))
    }

    /// A key of the operator's, from a file; at least 32 bytes.
    pub fn file(secret: &[u8]) -> Self {
        let fingerprint = Sha256Hex::of(Sha256Hex::of(secret).as_str().as_bytes());
        let name = format!("file.{}", &fingerprint.as_str()[..8]);
        Self::new(Secrets::Fixed(name, Zeroizing::new(secret.to_vec())))
    }

    /// Keys derived from `masters`, besides those of the database, which verify until `earlier_end` if there is one;
    /// `None` if nothing could sign.
    pub fn derived(
        masters: &MasterKeys,
        policy: RotationPolicy,
        earlier: &[SigningKey],
        earlier_end: Option<Timestamp>,
    ) -> Option<Self> {
        let none_signs = masters.signing().is_none() && earlier.is_empty();
        (!masters.is_empty() && !none_signs).then(|| {
            let earlier = Generations::new(earlier);
            let derived = Derived::new(masters.clone(), policy, earlier, earlier_end);
            Self::new(Secrets::Derived(derived))
        })
    }

    /// The key that signs at `now`: of generations the youngest whose time has come, else the oldest.
    pub fn signing(&self, now: Timestamp) -> Arc<AccessKey> {
        let (name, secret) = match &self.0.secrets {
            Secrets::Generations(keys) => keys.signing(now),
            Secrets::Fixed(name, secret) => (name.into(), Secret::Stored(secret)),
            Secrets::Derived(keys) => keys.signing(now),
        };
        self.0.key(&name, &secret)
    }

    /// The key of that name, if it may have signed a token that is still good.
    pub fn named(&self, kid: &str, now: Timestamp) -> Option<Arc<AccessKey>> {
        let secret = match &self.0.secrets {
            Secrets::Generations(keys) => keys.named(kid),
            Secrets::Fixed(name, secret) => (name == kid).then_some(Secret::Stored(secret)),
            Secrets::Derived(keys) => keys.named(kid, now),
        }?;
        Some(self.0.key(kid, &secret))
    }
}

impl Inner {
    fn key(&self, kid: &str, secret: &Secret<'_>) -> Arc<AccessKey> {
        let mut ready = self.ready.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(key) = ready.iter().find(|key| key.kid() == kid) {
            return Arc::clone(key);
        }
        let key = match secret {
            Secret::Stored(secret) => AccessKey::new(kid.to_owned(), secret),
            Secret::OfSlot(master, slot) => {
                AccessKey::new(kid.to_owned(), master.access_key(*slot).expose())
            }
        };
        ready.truncate(READY_KEYS - 1);
        ready.insert(0, Arc::new(key));
        Arc::clone(&ready[0])
    }
}

impl fmt::Debug for AccessKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AccessKeys(..)")
    }
}

/// Generations, sorted by the time from which they sign, with their names.
pub(super) struct Generations(Vec<(String, SigningKey)>);

impl Generations {
    pub(super) fn new(keys: &[SigningKey]) -> Self {
        let keys = keys.iter().cloned();
        Self(keys.map(|key| (key.generation.to_string(), key)).collect())
    }

    /// There is at least one.
    pub(super) fn signing(&self, now: Timestamp) -> Named<'_> {
        let due = self.0.iter().rev().find(|(_, key)| key.signs_from <= now);
        let (name, key) = due.unwrap_or(&self.0[0]);
        (name.into(), Secret::Stored(key.key.expose()))
    }

    pub(super) fn named(&self, kid: &str) -> Option<Secret<'_>> {
        let (_, key) = self.0.iter().find(|(name, _)| name == kid)?;
        Some(Secret::Stored(key.key.expose()))
    }
}
