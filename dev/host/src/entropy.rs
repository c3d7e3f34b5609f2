//! Randomness of guests: the system's, or a ChaCha stream from a seed that a test chose.

use std::convert::Infallible;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng, TryRng};

/// The switch between the two. One stream serves all instances, so that the same requests one
/// after the other draw the same numbers whichever instance they meet.
#[derive(Default)]
pub(crate) struct Entropy {
    seeded: AtomicBool,
    stream: Mutex<Option<StdRng>>,
}

impl Entropy {
    /// Starts the stream of `seed`, or returns to the system's randomness.
    pub(crate) fn seed(&self, seed: Option<u64>) {
        let mut stream = self.stream.lock().unwrap_or_else(PoisonError::into_inner);
        *stream = seed.map(StdRng::seed_from_u64);
        self.seeded.store(seed.is_some(), Ordering::Release);
    }
}

/// A generator for one instance.
pub(crate) struct GuestRng {
    own: StdRng,
    shared: Arc<Entropy>,
}

impl GuestRng {
    /// A generator that obeys `shared`.
    pub(crate) fn new(shared: Arc<Entropy>) -> Self {
        Self {
            own: StdRng::from_rng(&mut rand::rng()),
            shared,
        }
    }

    fn draw<R>(&mut self, draw: impl FnOnce(&mut StdRng) -> R) -> R {
        if self.shared.seeded.load(Ordering::Acquire) {
            let mut stream = self
                .shared
                .stream
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            draw(stream.as_mut().unwrap_or(&mut self.own))
        } else {
            draw(&mut self.own)
        }
    }
}

impl TryRng for GuestRng {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(self.draw(StdRng::next_u32))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(self.draw(StdRng::next_u64))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        self.draw(|rng| rng.fill_bytes(bytes));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_makes_all_generators_draw_from_one_stream() {
        let shared = Arc::new(Entropy::default());
        let mut first = GuestRng::new(shared.clone());
        let mut second = GuestRng::new(shared.clone());
        let mut draw = || [first.next_u64(), second.next_u64(), first.next_u64()];
        shared.seed(Some(7));
        let once = draw();
        shared.seed(Some(7));
        assert_eq!(draw(), once);
        shared.seed(Some(8));
        assert_ne!(draw(), once);
        shared.seed(None);
        assert_ne!(draw(), draw());
    }
}
