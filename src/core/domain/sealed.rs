//! Sealed handles: what the database holds so that a user's sessions can be listed, and a dump of it shows no handle.
//!
//! The handle's bytes are covered by a MAC of the row's key under a key of refresh tokens. A row's key is unique, so the
//! cover is used once. What comes out must hash to the row's key, which tells whether it was the right cover.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::id::{HandleHash, SessionHandle};
use super::protocol::Protocol;
use super::secret::Key;

const COVER: &[u8] = b"handle 1\0";

/// Covers a handle: 32 characters of base64url.
pub fn seal(handle: SessionHandle, key: &Key) -> String {
    URL_SAFE_NO_PAD.encode(cover(*handle.as_bytes(), handle.hash(), key))
}

/// The handle whose row has that key and that seal, if one of `keys` covered it.
pub fn unseal(sealed: &str, row: HandleHash, keys: &[Key]) -> Option<SessionHandle> {
    let mut bytes = [0; SessionHandle::BYTES];
    let length = URL_SAFE_NO_PAD.decode_slice(sealed, &mut bytes).ok()?;
    if length != SessionHandle::BYTES {
        return None;
    }
    keys.iter()
        .map(|key| SessionHandle::from_bytes(cover(bytes, row, key)))
        .flat_map(|handle| [handle, handle.for_protocol(Protocol::Cdi)])
        .find(|handle| handle.hash() == row)
}

fn cover(
    mut bytes: [u8; SessionHandle::BYTES],
    row: HandleHash,
    key: &Key,
) -> [u8; SessionHandle::BYTES] {
    let mac = key.mac(&[COVER, row.as_str().as_bytes()]);
    for (byte, cover) in bytes.iter_mut().zip(mac) {
        *byte ^= cover;
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::secret::testing::SeededRandom;

    #[test]
    fn only_the_right_key_and_row_uncover_a_handle() {
        let random = SeededRandom::new(1);
        let keys = [Key::generate(&random), Key::generate(&random)];
        for protocol in [Protocol::Native, Protocol::Cdi] {
            let handle = SessionHandle::generate(&random).for_protocol(protocol);
            let other = SessionHandle::generate(&random).for_protocol(protocol);
            let sealed = seal(handle, &keys[1]);
            let open =
                |text: &str, row: SessionHandle, keys: &[Key]| unseal(text, row.hash(), keys);
            assert!(!handle.reveal().starts_with(&sealed));
            assert_eq!(open(&sealed, handle, &keys), Some(handle));
            assert_eq!(open(&sealed, handle, &keys[..1]), None);
            assert_eq!(open(&sealed, other, &keys), None);
            for damaged in ["", "x", &sealed[1..], &format!("{sealed}A")] {
                assert_eq!(open(damaged, handle, &keys), None);
            }
        }
    }
}
