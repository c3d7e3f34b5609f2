//! Chance for simulations.

use std::cell::Cell;

/// Chance, repeatable by its seed.
pub struct Dice(Cell<u64>);

impl Dice {
    /// The chance of this seed.
    pub fn new(seed: u64) -> Self {
        Self(Cell::new(seed))
    }

    /// A number below `end` (SplitMix64).
    pub fn below(&self, end: u64) -> u64 {
        let state = self.0.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
        self.0.set(state);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end.max(1)
    }
}
