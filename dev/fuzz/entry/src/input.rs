//! Reading choices from the front of an input. Everything is defined for any bytes: what is missing is zero.
//!
//! A choice counts from the digit `0`, so that inputs written by hand can be read.

use std::borrow::Cow;

/// From this length on, an edited text is not made longer by repeating parts of it.
const MAX_EDITED_BYTES: usize = 2048;

/// What is left of an input.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    /// All of an input.
    pub fn new(data: &'a [u8]) -> Self {
        Self(data)
    }

    /// The next byte.
    pub fn byte(&mut self) -> u8 {
        match self.0.split_first() {
            Some((byte, rest)) => {
                self.0 = rest;
                *byte
            }
            None => 0,
        }
    }

    /// One of `n` (at least 1) alternatives, taken from one byte.
    pub fn choice(&mut self, n: usize) -> usize {
        usize::from(self.byte().wrapping_sub(b'0')) % n
    }

    /// An integer from eight bytes, the most significant first.
    pub fn number(&mut self) -> u64 {
        u64::from_be_bytes(std::array::from_fn(|_| self.byte()))
    }

    /// What comes before the next line feed; the line feed is passed over.
    pub fn line(&mut self) -> &'a [u8] {
        let end = self.0.iter().position(|b| *b == b'\n');
        let (line, rest) = self.0.split_at(end.unwrap_or(self.0.len()));
        self.0 = rest.get(1..).unwrap_or_default();
        line
    }

    /// Everything that is left.
    pub fn rest(self) -> &'a [u8] {
        self.0
    }

    /// Everything that is left, as text.
    pub fn text(self) -> Cow<'a, str> {
        String::from_utf8_lossy(self.0)
    }

    /// `original` with the changes made to it that the rest describes, four bytes each.
    pub fn edit(mut self, original: &[u8]) -> Vec<u8> {
        let mut bytes = original.to_vec();
        while !self.0.is_empty() {
            let change = self.choice(6);
            let place = usize::from(self.byte()) << 8 | usize::from(self.byte());
            let value = self.byte();
            let place = place % (bytes.len() + 1);
            let Some(byte) = bytes.get_mut(place) else {
                bytes.push(value);
                continue;
            };
            match change {
                0 => *byte ^= 1 << (value % 8),
                1 => *byte = value,
                2 => bytes.insert(place, value),
                3 => drop(bytes.remove(place)),
                4 => bytes.truncate(place),
                // What doubles again and again has no end.
                _ if bytes.len() > MAX_EDITED_BYTES => {}
                _ => bytes.extend_from_within(place..),
            }
        }
        bytes
    }
}
