//! Replicas over one database: their clocks differ, and a change of one setting is rolled out to some of them.

use std::sync::Arc;

use session_core::domain::time::Timestamp;
use session_core::testing::dice::Dice;
use session_core::testing::{START, TestPlatform};

use super::{Grant, Refreshed, Token, Verified, World, instance};

/// A setting that some replicas have in another value than the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rollout {
    None,
    AccessValidity,
    RefreshValidity,
    ReuseWindow,
    MasterKey,
}

/// The steps in which a master key is introduced and changed: each from a value to the next.
const MASTER_KEYS: [(&str, &str); 4] = [
    ("", "database,the first master key of this deployment"),
    (
        "database,the first master key of this deployment",
        "the first master key of this deployment",
    ),
    (
        "the first master key of this deployment",
        "the first master key of this deployment,the second master key of this deployment",
    ),
    (
        "the first master key of this deployment,the second master key of this deployment",
        "the second master key of this deployment,the first master key of this deployment",
    ),
];

/// Replicas, each with how far its clock is ahead, in milliseconds.
pub(super) struct Fleet {
    replicas: Vec<(World, u64)>,
    /// How long an access token is good at least, in seconds.
    pub(super) validity: u64,
    pub(super) rollout: Rollout,
}

impl Fleet {
    /// One replica.
    pub(super) fn single(validity: u64, window: u64) -> Self {
        Self::new(validity, window, Rollout::None, 0, 1, &Dice::new(0))
    }

    /// Two or three replicas whose clocks differ by what README allows.
    pub(super) fn differing(validity: u64, window: u64, rollout: Rollout, dice: &Dice) -> Self {
        let skew = if validity < 60 { 500 } else { 2_000 };
        Self::new(validity, window, rollout, skew, 2 + dice.below(2), dice)
    }

    fn new(
        validity: u64,
        window: u64,
        rollout: Rollout,
        skew: u64,
        replicas: u64,
        dice: &Dice,
    ) -> Self {
        // A change of the validity must not change the slots: README says so.
        let window = match rollout {
            Rollout::AccessValidity => window.min((validity / 60).max(1)),
            _ => window,
        };
        let other_window = 1 + dice.below(60);
        let step = MASTER_KEYS[dice.below(4) as usize];
        let store = Arc::default();
        let replicas = (0..replicas).map(|number| {
            let new = number % 2 == 1;
            let of = |changes: Rollout, old: u64, new_value: u64| {
                if new && rollout == changes {
                    new_value
                } else {
                    old
                }
            };
            let master_key = match rollout {
                Rollout::MasterKey if new => step.1,
                Rollout::MasterKey => step.0,
                _ => "",
            };
            let settings = [
                (
                    "access_token_validity",
                    of(Rollout::AccessValidity, validity, validity * 2).to_string(),
                ),
                (
                    "refresh_token_validity",
                    of(Rollout::RefreshValidity, 8760, 4380).to_string(),
                ),
                (
                    "refresh_reuse_window",
                    of(Rollout::ReuseWindow, window, other_window).to_string(),
                ),
                ("access_token_signing_key_dynamic", "false".to_owned()),
                ("master_key", master_key.to_owned()),
            ];
            let settings = settings.each_ref().map(|(name, value)| (*name, &**value));
            let platform = TestPlatform::new(number + 1);
            let service = instance(&store, &platform, &settings);
            let world = World {
                store: Arc::clone(&store),
                platform,
                service,
            };
            // One is right, one is as wrong as it may be.
            let ahead = match number {
                0 => 0,
                1 => skew,
                _ => dice.below(skew + 1),
            };
            (world, ahead)
        });
        let fleet = Self {
            replicas: replicas.collect(),
            validity,
            rollout,
        };
        fleet.set_now(START);
        fleet.serve_others();
        fleet
    }

    /// What other users do: each replica has seen tokens of each other one.
    fn serve_others(&self) {
        for (one, _) in &self.replicas {
            for (other, _) in &self.replicas {
                other.child(&one.create().refresh);
            }
        }
    }

    pub(super) fn set_now(&self, now: Timestamp) {
        for (world, ahead) in &self.replicas {
            let now = now.as_millis() + ahead;
            world.platform.set_now(Timestamp::from_millis(now));
        }
    }

    fn any(&self, dice: &Dice) -> &World {
        &self.replicas[dice.below(self.replicas.len() as u64) as usize].0
    }

    pub(super) fn create(&self) -> Grant {
        self.replicas[0].0.create()
    }

    pub(super) fn verify(&self, token: &Token, dice: &Dice) -> Verified {
        self.any(dice).verify(token)
    }

    pub(super) fn refresh(&self, token: &Token, dice: &Dice) -> Refreshed {
        self.any(dice).refresh(token)
    }
}
