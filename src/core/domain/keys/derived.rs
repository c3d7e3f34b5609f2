//! Which slot of which master key signs, and which names of derived keys are good.

use std::time::Duration;

use super::PRUNE_MARGIN;
use super::access::{Generations, Named, Secret};
use super::master::{MasterKeys, Slot};
use super::plan::RotationPolicy;
use crate::domain::time::Timestamp;

/// How far the slot of a key may lie in the future: what clocks of two machines may differ by.
const MAX_CLOCK_SKEW: Duration = Duration::from_secs(60);

/// How many slots back keys are published at most, for settings under which tokens outlive hundreds of keys.
const PUBLISHED_SLOTS: u64 = 64;

/// Access-token keys by rotation slot.
pub(super) struct Derived {
    /// Never empty.
    masters: MasterKeys,
    policy: RotationPolicy,
    /// Generations from before the master key was introduced; they sign only while it does not.
    earlier: Generations,
    /// Until when they verify.
    earlier_end: Option<Timestamp>,
}

impl Derived {
    pub(super) fn new(
        masters: MasterKeys,
        policy: RotationPolicy,
        earlier: Generations,
        earlier_end: Option<Timestamp>,
    ) -> Self {
        Self {
            masters,
            policy,
            earlier,
            earlier_end,
        }
    }

    pub(super) fn signing(&self, now: Timestamp) -> Named<'_> {
        let Some(master) = self.masters.signing() else {
            return self.earlier.signing(now);
        };
        let slot = self.slot(now);
        let name = name(slot, master.fingerprint());
        (name.into(), Secret::OfSlot(master, slot))
    }

    /// Of each master key the slots whose tokens may be good, and the next; and what was there before them.
    pub(super) fn published(&self, now: Timestamp) -> Vec<Named<'_>> {
        let last = match self.slot(now) {
            Slot::ALWAYS => Slot::ALWAYS,
            slot => Slot {
                number: slot.number + 1,
                ..slot
            },
        };
        let first = self.slot(now.minus(self.policy.token_validity)).number;
        let numbers = first.max(last.number.saturating_sub(PUBLISHED_SLOTS))..=last.number;
        let slots = numbers.map(|number| Slot { number, ..last });
        let masters = self.masters.all().iter();
        let derived = slots.flat_map(|slot| {
            masters.clone().map(move |master| {
                let name = name(slot, master.fingerprint());
                (name.into(), Secret::OfSlot(master, slot))
            })
        });
        let earlier = self.earlier.all().filter(|_| self.earlier_is_good(now));
        derived.chain(earlier).collect()
    }

    /// The slot of a time.
    fn slot(&self, now: Timestamp) -> Slot {
        let hours = match self.policy.dynamic {
            true => self.policy.interval.as_secs() / 3600,
            false => 0,
        };
        let number = (now.as_secs() / 3600).checked_div(hours).unwrap_or(0);
        Slot { hours, number }
    }

    fn earlier_is_good(&self, now: Timestamp) -> bool {
        self.earlier_end.is_none_or(|end| now <= end)
    }

    pub(super) fn named(&self, kid: &str, now: Timestamp) -> Option<Secret<'_>> {
        let Some((slot, fingerprint)) = parse(kid) else {
            return self
                .earlier
                .named(kid)
                .filter(|_| self.earlier_is_good(now));
        };
        let mut masters = self.masters.all().iter();
        let master = masters.find(|master| master.fingerprint() == fingerprint)?;
        let start = Timestamp::from_secs(slot.number.checked_mul(slot.hours)?.checked_mul(3600)?);
        let last_expiry = start
            .plus(Duration::from_secs(slot.hours * 3600))
            .plus(self.policy.token_validity);
        let in_time = start <= now.plus(MAX_CLOCK_SKEW) && now <= last_expiry.plus(PRUNE_MARGIN);
        // `01` is the number of `1`, but not its name.
        let good = (slot == Slot::ALWAYS || in_time) && name(slot, fingerprint) == kid;
        good.then_some(Secret::OfSlot(master, slot))
    }
}

fn name(slot: Slot, fingerprint: &str) -> String {
    format!("{}.{}.{fingerprint}", slot.number, slot.hours)
}

/// Reads `<slot number>.<slot hours>.<fingerprint>`.
fn parse(kid: &str) -> Option<(Slot, &str)> {
    let mut parts = kid.splitn(3, '.');
    let number = parts.next()?.parse().ok()?;
    let hours = parts.next()?.parse().ok().filter(|hours| *hours <= 720)?;
    Some((Slot { hours, number }, parts.next()?))
}
