//! Keys: what is planned, which sign and verify, and years of rotation with clocks that disagree.

mod derived;
mod planning;
mod processes;
mod simulation;
mod table;

use std::time::Duration;

use super::plan::{Step, rotate};
use super::{Planner, RotationPolicy, SigningKey};
use crate::domain::secret::Key;
use crate::domain::time::Timestamp;

const HOUR: Duration = Duration::from_secs(3600);

fn policy(interval: Duration, token_validity: Duration) -> RotationPolicy {
    RotationPolicy {
        dynamic: true,
        interval,
        token_validity,
    }
}

fn signing_key(generation: u32, signs_from: Timestamp) -> SigningKey {
    let mut bytes = [0; Key::BYTES];
    bytes[..4].copy_from_slice(&generation.to_be_bytes());
    SigningKey {
        generation,
        key: Key::from_bytes(bytes),
        has_fingerprint: false,
        signs_from,
    }
}

/// The generation that is to be published, if one is.
fn publish(
    keys: &[SigningKey],
    now: Timestamp,
    policy: RotationPolicy,
    planner: Planner,
) -> Option<(u32, Timestamp)> {
    let steps = rotate(keys, now, policy, planner);
    steps.into_iter().find_map(|step| match step {
        Step::Publish(generation, signs_from) => Some((generation, signs_from)),
        Step::Prune(_) => None,
    })
}

/// The generations that are to be removed.
fn prune(
    keys: &[SigningKey],
    now: Timestamp,
    policy: RotationPolicy,
    planner: Planner,
) -> Vec<u32> {
    let steps = rotate(keys, now, policy, planner).into_iter();
    let pruned = steps.filter_map(|step| match step {
        Step::Prune(generation) => Some(generation),
        Step::Publish(..) => None,
    });
    pruned.collect()
}
