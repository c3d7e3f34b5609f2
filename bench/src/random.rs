//! Random numbers that repeat with their seed: choices of the load generator, and material for seeded sessions.

use std::cell::Cell;

/// A generator (splitmix64). Nothing secret is made of it.
#[derive(Clone)]
pub(crate) struct Random(Cell<u64>);

impl Random {
    /// A generator whose numbers follow from `seed`.
    pub(crate) fn seeded(seed: u64) -> Self {
        Self(Cell::new(seed))
    }

    /// The next number.
    pub(crate) fn next(&self) -> u64 {
        let state = self.0.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
        self.0.set(state);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number from 0 to `bound` - 1, evenly enough.
    pub(crate) fn below(&self, bound: u64) -> u64 {
        self.next() % bound
    }
}

impl session::domain::secret::Random for Random {
    fn fill(&self, buffer: &mut [u8]) {
        for chunk in buffer.chunks_mut(8) {
            chunk.copy_from_slice(&self.next().to_be_bytes()[..chunk.len()]);
        }
    }
}
