//! Which slot of which master key signs, and which names of derived keys are good.

use std::time::Duration;

use super::PRUNE_MARGIN;
use super::access::{Generations, Named, Secret};
use super::master::{MasterKeys, Slot};
use super::plan::RotationPolicy;
use crate::domain::time::Timestamp;

/// How far the slot of a key may lie in the future: what clocks of two machines may differ by.
const MAX_CLOCK_SKEW: Duration = Duration::from_secs(60);

/// How many slots a token may outlive, so that the set of public keys stays of a size: the settings see to it. Of slots
/// of an earlier length as many are published at most.
pub const PUBLISHED_SLOTS: u64 = 64;

/// Access-token keys by rotation slot.
pub(super) struct Derived {
    /// Never empty.
    masters: MasterKeys,
    policy: RotationPolicy,
    /// Generations from before the master key was introduced; they sign only while it does not.
    earlier: Generations,
    /// Until when they verify.
    earlier_end: Option<Timestamp>,
    /// The lengths of slots that were in use, and when last; none while the table has not been read.
    used_slots: Option<Vec<(u64, Timestamp)>>,
}

impl Derived {
    pub(super) fn new(
        masters: MasterKeys,
        policy: RotationPolicy,
        earlier: Generations,
        earlier_end: Option<Timestamp>,
        used_slots: Option<Vec<(u64, Timestamp)>>,
    ) -> Self {
        Self {
            masters,
            policy,
            earlier,
            earlier_end,
            used_slots,
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
        let own = slot_hours(self.policy);
        let mut slots = self.slots(own, now, now);
        for (hours, last) in self.used_slots.iter().flatten() {
            if *hours != own && self.is_good(*hours, now) {
                slots.extend(self.slots(*hours, now, now.min(*last)));
            }
        }
        let masters = self.masters.all().iter();
        let derived = slots.into_iter().flat_map(|slot| {
            masters.clone().map(move |master| {
                let name = name(slot, master.fingerprint());
                (name.into(), Secret::OfSlot(master, slot))
            })
        });
        let earlier = self.earlier.all().filter(|_| self.earlier_is_good(now));
        derived.chain(earlier).collect()
    }

    /// The slots of a length whose tokens may be good at `now`, up to the one after that of `last`.
    fn slots(&self, hours: u64, now: Timestamp, last: Timestamp) -> Vec<Slot> {
        let at = |time: Timestamp| (time.as_secs() / 3600).checked_div(hours).unwrap_or(0);
        let last = at(last) + u64::from(hours > 0);
        let first = at(now.minus(self.policy.token_validity));
        let numbers = first.max(last.saturating_sub(PUBLISHED_SLOTS))..=last;
        numbers.map(|number| Slot { hours, number }).collect()
    }

    /// Whether tokens of slots of this length may be good: it is the own one, or has been in use. Before the table has been
    /// read any may be.
    fn is_good(&self, hours: u64, now: Timestamp) -> bool {
        let Some(used) = &self.used_slots else {
            return true;
        };
        let ends = |last: Timestamp| {
            last.plus(super::table::row::MARK_INTERVAL)
                .plus(self.policy.token_validity)
                .plus(PRUNE_MARGIN)
        };
        hours == slot_hours(self.policy)
            || used
                .iter()
                .any(|(of, last)| *of == hours && now <= ends(*last))
    }

    /// The slot of a time.
    fn slot(&self, now: Timestamp) -> Slot {
        let hours = slot_hours(self.policy);
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
        let in_time = slot == Slot::ALWAYS || in_time;
        let good = in_time && self.is_good(slot.hours, now) && name(slot, fingerprint) == kid;
        good.then_some(Secret::OfSlot(master, slot))
    }
}

/// The length of slots under a policy, in hours; 0 for keys that don't rotate.
pub(super) fn slot_hours(policy: RotationPolicy) -> u64 {
    match policy.dynamic {
        true => policy.interval.as_secs() / 3600,
        false => 0,
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
