//! Keys: what is planned, which sign and verify, and years of rotation with clocks that disagree.

#[path = "keyring_tests/derived.rs"]
mod derived;
#[path = "keyring_tests/planning.rs"]
mod planning;
#[path = "keyring_tests/processes.rs"]
mod processes;
#[path = "keyring_tests/simulation.rs"]
mod simulation;

use std::time::Duration;

use super::{RotationPolicy, SigningKey};
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
        signs_from,
    }
}
