//! The keys that sign access tokens: by the time which signs, and by its name which verifies.

use std::borrow::Cow;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use zeroize::Zeroizing;

use super::derived::Derived;
use super::master::{MasterKey, MasterKeys, Slot};
use super::plan::RotationPolicy;
use super::table::SigningKey;
use crate::domain::secret::{Key, Sha256Hex};
use crate::domain::time::Timestamp;
use crate::domain::token::key::{AccessKey, Class};

/// The use of a refresh token key that makes a static key of it.
const STATIC: &[u8] = b"static access token key 1\0";

/// How many keys are kept ready. One signs, and its forerunner's tokens are still around.
const READY_KEYS: usize = 8;

/// The access-token keys of a deployment. A clone is the same ones.
#[derive(Clone)]
pub struct AccessKeys {
    /// Those that rotate, if any do.
    inner: Arc<Inner>,
    /// Those that stay whatever the policy: the first signs. For callers who ask for them.
    statics: Arc<[Arc<AccessKey>]>,
}

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
        Self {
            inner: Arc::new(Inner { secrets, ready }),
            statics: Arc::new([]),
        }
    }

    /// These, and the static ones that come of the keys of refresh tokens, in their order. Each is as old as its origin,
    /// and good as long.
    pub fn and_static(self, refresh: &[Key]) -> Self {
        let statics = refresh.iter().map(|key| {
            let secret = key.mac(&[STATIC]);
            Arc::new(AccessKey::new(fingerprinted("static", &secret), &secret))
        });
        Self {
            statics: statics.collect(),
            ..self
        }
    }

    /// Keys in generations, sorted; `None` if there are none.
    pub fn generations(keys: &[SigningKey]) -> Option<Self> {
        (!keys.is_empty()).then(|| Self::new(Secrets::Generations(Generations::new(keys))))
    }

    /// A key of the operator's, from a file; at least 32 bytes.
    pub fn file(secret: &[u8]) -> Self {
        let name = fingerprinted("file", secret);
        Self::new(Secrets::Fixed(name, Zeroizing::new(secret.to_vec())))
    }

    /// Keys derived from `masters`, besides those of the database, which verify until `earlier_end` if there is one;
    /// `None` if nothing could sign. `used_slots` are the lengths in hours of slots that were in use, each with the time when
    /// it was last; `None` if that is not known.
    pub fn derived(
        masters: &MasterKeys,
        policy: RotationPolicy,
        earlier: &[SigningKey],
        earlier_end: Option<Timestamp>,
        used_slots: Option<&[(u64, Timestamp)]>,
    ) -> Option<Self> {
        let none_signs = masters.signing().is_none() && earlier.is_empty();
        (!masters.is_empty() && !none_signs).then(|| {
            let earlier = Generations::new(earlier);
            let derived = Derived::new(
                masters.clone(),
                policy,
                earlier,
                earlier_end,
                used_slots.map(<[_]>::to_vec),
            );
            Self::new(Secrets::Derived(derived))
        })
    }

    /// The key of a class that signs at `now`: of generations the youngest whose time has come, else the oldest.
    pub fn signing(&self, class: Class, now: Timestamp) -> Arc<AccessKey> {
        if class == Class::Static
            && let Some(key) = self.statics.first()
        {
            return Arc::clone(key);
        }
        let (name, secret) = match &self.inner.secrets {
            Secrets::Generations(keys) => keys.signing(now),
            Secrets::Fixed(name, secret) => (name.into(), Secret::Stored(secret)),
            Secrets::Derived(keys) => keys.signing(now),
        };
        self.inner.key(&name, &secret)
    }

    /// The key of that class and name, if it may have signed a token that is still good.
    pub fn named(&self, class: Class, name: &str, now: Timestamp) -> Option<Arc<AccessKey>> {
        if class == Class::Static {
            return self.statics.iter().find(|key| key.kid() == name).cloned();
        }
        let secret = match &self.inner.secrets {
            Secrets::Generations(keys) => keys.named(name),
            Secrets::Fixed(fixed, secret) => (fixed == name).then_some(Secret::Stored(secret)),
            Secrets::Derived(keys) => keys.named(name, now),
        }?;
        Some(self.inner.key(name, &secret))
    }

    /// All keys that may have signed a token that is still good, and the one that signs next.
    pub fn published(&self, now: Timestamp) -> Vec<(Class, Arc<AccessKey>)> {
        let named = match &self.inner.secrets {
            Secrets::Generations(keys) => keys.all().collect(),
            Secrets::Fixed(name, secret) => vec![(name.into(), Secret::Stored(secret))],
            Secrets::Derived(keys) => keys.published(now),
        };
        let dynamic = named
            .into_iter()
            .map(|(name, secret)| (Class::Dynamic, self.inner.found_or_made(&name, &secret)));
        let statics = self.statics.iter().cloned();
        dynamic
            .chain(statics.map(|key| (Class::Static, key)))
            .collect()
    }
}

/// A name that tells secrets apart and says nothing of them.
fn fingerprinted(kind: &str, secret: &[u8]) -> String {
    let fingerprint = Sha256Hex::of(Sha256Hex::of(secret).as_str().as_bytes());
    format!("{kind}.{}", &fingerprint.as_str()[..8])
}

impl Inner {
    fn ready(&self) -> MutexGuard<'_, Vec<Arc<AccessKey>>> {
        self.ready.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn key(&self, name: &str, secret: &Secret<'_>) -> Arc<AccessKey> {
        let key = self.found_or_made(name, secret);
        let mut ready = self.ready();
        if !ready.iter().any(|ready| ready.kid() == name) {
            ready.truncate(READY_KEYS - 1);
            ready.insert(0, Arc::clone(&key));
        }
        key
    }

    fn found_or_made(&self, name: &str, secret: &Secret<'_>) -> Arc<AccessKey> {
        if let Some(key) = self.ready().iter().find(|key| key.kid() == name) {
            return Arc::clone(key);
        }
        Arc::new(match secret {
            Secret::Stored(secret) => AccessKey::new(name.to_owned(), secret),
            Secret::OfSlot(master, slot) => {
                AccessKey::new(name.to_owned(), master.access_key(*slot).expose())
            }
        })
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
        let name = |key: &SigningKey| match key.has_fingerprint {
            true => fingerprinted(&key.generation.to_string(), key.key.expose()),
            false => key.generation.to_string(),
        };
        Self(keys.iter().map(|key| (name(key), key.clone())).collect())
    }

    /// There is at least one.
    pub(super) fn signing(&self, now: Timestamp) -> Named<'_> {
        let due = self.0.iter().rev().find(|(_, key)| key.signs_from <= now);
        let (name, key) = due.unwrap_or(&self.0[0]);
        (name.into(), Secret::Stored(key.key.expose()))
    }

    pub(super) fn all(&self) -> impl Iterator<Item = Named<'_>> {
        let keys = self.0.iter();
        keys.map(|(name, key)| (name.into(), Secret::Stored(key.key.expose())))
    }

    pub(super) fn named(&self, kid: &str) -> Option<Secret<'_>> {
        let (_, key) = self.0.iter().find(|(name, _)| name == kid)?;
        Some(Secret::Stored(key.key.expose()))
    }
}
