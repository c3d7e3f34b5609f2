//! Random test data from a seed that a failing test prints.
//!
//! `SEED=N` repeats a run. Not for anything secret: this is SplitMix64.

use std::time::{SystemTime, UNIX_EPOCH};

/// A seeded generator; when the test that owns it panics it says its seed.
pub struct Random {
    seed: u64,
    state: u64,
}

impl Random {
    /// A generator with the seed in `SEED`, or one from the clock.
    pub fn new() -> Self {
        let seed = match std::env::var("SEED") {
            Ok(text) => text.parse().expect("SEED is a number"),
            Err(_) => SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .map_or(0, |age| age.as_nanos() as u64),
        };
        Self::seeded(seed)
    }

    /// A generator with this seed.
    pub fn seeded(seed: u64) -> Self {
        Self { seed, state: seed }
    }

    /// What [`Random::seeded`] takes to repeat this one.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`, which is not 0.
    pub fn below(&mut self, end: usize) -> usize {
        (self.bits() % end as u64) as usize
    }

    /// One of `choices`.
    pub fn pick<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        &choices[self.below(choices.len())]
    }

    /// Whether one of `in_how_many` equally likely things happens.
    pub fn one_in(&mut self, in_how_many: usize) -> bool {
        self.below(in_how_many) == 0
    }

    /// A string of `length` characters from all of Unicode but the controls, which need escapes.
    pub fn text(&mut self, length: usize) -> String {
        std::iter::repeat_with(|| char::from_u32(self.bits() as u32 % 0x11_0000))
            .flatten()
            .filter(|character| !character.is_control())
            .take(length)
            .collect()
    }
}

impl Default for Random {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Random {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("repeat with SEED={}", self.seed);
        }
    }
}
