//! What a device has to sign: a time with a MAC over it, the session and the refresh token that is presented with the
//! proof. Nothing of it is stored.
//!
//! So a proof is good for one token: one that was read from a log is worth nothing once a successor of the token is used.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::domain::secret::Key;
use crate::domain::time::Timestamp;
use crate::domain::token::refresh::RefreshToken;

/// What a challenge is for. One for a binding is none for a refresh.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To bind a session. There is one for each session, made when it begins.
    Bind,
    /// To refresh a bound session.
    Refresh,
}

impl Purpose {
    fn text(self) -> &'static [u8] {
        match self {
            Self::Bind => b"bind 1\0",
            Self::Refresh => b"proof 1\0",
        }
    }
}

const BYTES: usize = 8 + 32;

fn message(purpose: Purpose, token: &RefreshToken, time: &[u8]) -> Vec<u8> {
    let hash = token.double_hash();
    [
        purpose.text(),
        time,
        token.claims.handle.as_bytes(),
        hash.as_str().as_bytes(),
    ]
    .concat()
}

/// The challenge for a refresh token at `now`: 54 characters of base64url.
pub fn make(purpose: Purpose, token: &RefreshToken, now: Timestamp, key: &Key) -> String {
    let time = now.as_millis().to_be_bytes();
    let mac = key.mac(&[&message(purpose, token, &time)]);
    URL_SAFE_NO_PAD.encode([&time[..], &mac].concat())
}

/// When a challenge was made; `None` if it is not one for this purpose and token under one of `keys`.
pub fn made_at<'k>(
    text: &str,
    purpose: Purpose,
    token: &RefreshToken,
    keys: impl IntoIterator<Item = &'k Key>,
) -> Option<Timestamp> {
    let mut bytes = [0; BYTES];
    if URL_SAFE_NO_PAD.decode_slice(text, &mut bytes) != Ok(BYTES) {
        return None;
    }
    let (time, mac) = bytes.split_first_chunk().expect("there are 40 bytes");
    let message = message(purpose, token, time);
    let is_ours = keys.into_iter().any(|key| key.verify_mac(&[&message], mac));
    is_ours.then(|| Timestamp::from_millis(u64::from_be_bytes(*time)))
}
