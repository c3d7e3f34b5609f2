//! Which slot of which master key signs, and which names of derived keys are good.

use std::time::Duration;

use super::PRUNE_MARGIN;
use super::access::{Generations, Named, Secret};
use super::master::{MasterKeys, Slot};
use super::plan::RotationPolicy;
use crate::domain::time::Timestamp;

/// How far the slot of a key may lie in the future: what clocks of two machines may differ by.
const MAX_CLOCK_SKEW: Duration = Duration::from_secs(60);

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
        let hours = match self.policy.dynamic {
            true => self.policy.interval.as_secs() / 3600,
            false => 0,
        };
        let number = (now.as_secs() / 3600).checked_div(hours).unwrap_or(0);
        let slot = Slot { hours, number };
        let name = name(slot, master.fingerprint());
        (name.into(), Secret::OfSlot(master, slot))
    }

    pub(super) fn named(&self, kid: &str, now: Timestamp) -> Option<Secret<'_>> {
        let Some((slot, fingerprint)) = parse(kid) else {
            let good = self.earlier_end.is_none_or(|end| now <= end);
            return self.earlier.named(kid).filter(|_| good);
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
