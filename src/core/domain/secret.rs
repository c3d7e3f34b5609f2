//! Secrets that can't be printed, the hashes that may be stored, and where randomness comes from.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroize as _;

/// A source of cryptographically secure random bytes.
pub trait Random {
    /// Fills `buffer`.
    fn fill(&self, buffer: &mut [u8]);
}

impl dyn Random + '_ {
    /// `N` random bytes.
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.fill(&mut bytes);
        bytes
    }
}

/// Whether two byte strings are equal, in a time that depends on their lengths only. All secrets, and what is derived
/// from them, are compared here.
pub(crate) fn equal(left: &[u8], right: &[u8]) -> bool {
    #[cfg(any(test, feature = "testing"))]
    testing::note_comparison(left.len().min(right.len()));
    left.ct_eq(right).into()
}

/// A 256-bit key. It is wiped when dropped and never prints.
#[derive(Clone)]
pub struct Key {
    bytes: [u8; Self::BYTES],
    /// The state of a MAC before its message, so that no message pays for it.
    keyed: Hmac<Sha256>,
}

impl Key {
    /// Its length.
    pub const BYTES: usize = 32;

    /// Draws a new key.
    pub fn generate(random: &dyn Random) -> Self {
        Self::from_bytes(random.bytes())
    }

    /// The key with these bytes.
    pub fn from_bytes(bytes: [u8; Self::BYTES]) -> Self {
        let keyed = Hmac::new_from_slice(&bytes).expect("HMAC takes keys of any length");
        Self { bytes, keyed }
    }

    /// Reads what [`Key::encode`] wrote, or the documented system: it pads and uses the other alphabet
    /// (RFC 4648 §4). `None` if it is neither.
    pub fn decode(text: &str) -> Option<Self> {
        let mut bytes = [0; Self::BYTES];
        let length = URL_SAFE_NO_PAD
            .decode_slice(text, &mut bytes)
            .or_else(|_| STANDARD.decode_slice(text, &mut bytes));
        (length == Ok(Self::BYTES)).then(|| Self::from_bytes(bytes))
    }

    /// The key as the `signing_key` table holds it: URL-safe base64 without padding.
    pub fn encode(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.bytes)
    }

    /// The key in base64 with padding, which tells a key with a fingerprint in its name from older ones.
    pub fn encode_padded(&self) -> String {
        STANDARD.encode(self.bytes)
    }

    /// The key itself, for the cryptographic library.
    pub fn expose(&self) -> &[u8; Self::BYTES] {
        &self.bytes
    }

    /// A MAC under this key (HMAC-SHA256, RFC 2104) of `parts`, one after the other.
    ///
    /// Callers give each use a first part of its own, so that no MAC of one use is one of another.
    pub fn mac(&self, parts: &[&[u8]]) -> [u8; 32] {
        self.hmac(parts).finalize().into_bytes().into()
    }

    /// Whether `tag` is the MAC of `parts`, in constant time.
    pub fn verify_mac(&self, parts: &[&[u8]], tag: &[u8]) -> bool {
        equal(&self.mac(parts), tag)
    }

    fn hmac(&self, parts: &[&[u8]]) -> Hmac<Sha256> {
        let mut mac = self.keyed.clone();
        for part in parts {
            mac.update(part);
        }
        mac
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        equal(&self.bytes, &other.bytes)
    }
}

impl Eq for Key {}

impl Drop for Key {
    fn drop(&mut self) {
        // The MAC's state wipes itself.
        self.bytes.zeroize();
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(..)")
    }
}

/// A setting or token that must not be printed. It is wiped when dropped.
#[derive(Clone)]
pub struct SecretString(String);

impl PartialEq for SecretString {
    fn eq(&self, other: &Self) -> bool {
        self.matches(other.0.as_bytes())
    }
}

impl Eq for SecretString {}

impl SecretString {
    /// Wraps a secret.
    pub fn new(secret: impl Into<String>) -> Self {
        Self(secret.into())
    }

    /// The secret itself.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether `given` is this secret, in a time that does not depend on where they differ (nor, hashed
    /// first, on their lengths).
    pub fn matches(&self, given: &[u8]) -> bool {
        equal(&Sha256::digest(self.0.as_bytes()), &Sha256::digest(given))
    }
}

impl Drop for SecretString {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for SecretString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretString(..)")
    }
}

/// A SHA-256 as 64 lower-case hex digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Sha256Hex([u8; 64]);

impl Sha256Hex {
    /// The hash of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        Self::from_digest(&Sha256::digest(bytes).into())
    }

    /// The digits of a hash that was already made.
    pub fn from_digest(digest: &[u8; 32]) -> Self {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut hex = [0; 64];
        for (pair, byte) in hex.chunks_exact_mut(2).zip(digest) {
            pair[0] = DIGITS[usize::from(byte >> 4)];
            pair[1] = DIGITS[usize::from(byte & 15)];
        }
        Self(hex)
    }

    /// Reads 64 lower-case hex digits; `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let hex: [u8; 64] = text.as_bytes().try_into().ok()?;
        hex.iter()
            .all(|c| matches!(c, b'0'..=b'9' | b'a'..=b'f'))
            .then_some(Self(hex))
    }

    /// The digits.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("hex digits are ASCII")
    }

    /// The hash's 32 bytes.
    pub fn to_digest(&self) -> [u8; 32] {
        let nibble = |c: u8| {
            if c.is_ascii_digit() {
                c - b'0'
            } else {
                c - b'a' + 10
            }
        };
        std::array::from_fn(|i| nibble(self.0[2 * i]) << 4 | nibble(self.0[2 * i + 1]))
    }
}

impl fmt::Debug for Sha256Hex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The single hash of a refresh token: what a child carries of its parent.
///
/// It is a secret of sorts (with the refresh token key it would make a child), so it stays inside tokens.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SingleHash(Sha256Hex);

impl SingleHash {
    /// The hash of a refresh token's text.
    pub fn of_token(text: &str) -> Self {
        Self(Sha256Hex::of(text.as_bytes()))
    }

    /// Wraps digits that were read from a token.
    pub fn from_hex(hex: Sha256Hex) -> Self {
        Self(hex)
    }

    /// The 64 hex digits, for a token.
    pub fn reveal(&self) -> &str {
        self.0.as_str()
    }

    /// The hash's 32 bytes, for a token.
    pub fn to_digest(&self) -> [u8; 32] {
        self.0.to_digest()
    }

    /// The hash of this hash: what the database holds.
    pub fn double(&self) -> DoubleHash {
        DoubleHash(Sha256Hex::of(self.0.as_str().as_bytes()))
    }
}

impl fmt::Debug for SingleHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SingleHash(..)")
    }
}

/// The double hash of a refresh token: SHA-256 of the hex digits of its SHA-256. All the database knows of it.
#[derive(Clone, Copy, Debug, Eq)]
pub struct DoubleHash(Sha256Hex);

impl DoubleHash {
    /// Wraps digits that were read from a token or the database.
    pub fn from_hex(hex: Sha256Hex) -> Self {
        Self(hex)
    }

    /// The 64 hex digits.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl PartialEq for DoubleHash {
    fn eq(&self, other: &Self) -> bool {
        equal(&self.0.0, &other.0.0)
    }
}

#[cfg(any(test, feature = "testing"))]
/// Randomness that repeats, and a watch on comparisons.
pub mod testing {
    use std::cell::RefCell;
    use std::sync::atomic::{AtomicU64, Ordering};

    use sha2::{Digest as _, Sha256};

    use super::Random;

    thread_local! {
        static COMPARED: RefCell<Vec<usize>> = RefCell::default();
    }

    pub(super) fn note_comparison(bytes: usize) {
        COMPARED.with_borrow_mut(|compared| compared.push(bytes));
    }

    /// How many bytes each comparison of secrets that `work` makes goes over.
    pub fn comparisons_in<T>(work: impl FnOnce() -> T) -> (T, Vec<usize>) {
        COMPARED.take();
        let result = work();
        (result, COMPARED.take())
    }

    /// Bytes that look random and repeat with the seed.
    pub struct SeededRandom(AtomicU64);

    impl SeededRandom {
        /// The source of this seed.
        pub fn new(seed: u64) -> Self {
            Self(AtomicU64::new(seed << 32))
        }
    }

    impl Random for SeededRandom {
        fn fill(&self, buffer: &mut [u8]) {
            for chunk in buffer.chunks_mut(32) {
                let n = self.0.fetch_add(1, Ordering::Relaxed);
                chunk.copy_from_slice(&Sha256::digest(n.to_be_bytes())[..chunk.len()]);
            }
        }
    }
}

#[cfg(test)]
mod tests;
