//! Proofs of devices: only what the key in it has signed by ES256 passes, and it says what was signed.

use std::sync::LazyLock;

use serde_json::{Value, json};
use session_core::domain::device::dpop::{DpopProof, ProvenRequest};
use session_core::domain::device::{PROOF_MAX_BYTES, dbsc};
use session_core::testing::Device;

use crate::NOW;
use crate::input::Input;

const URI: &str = "https://api.example/refresh";

/// Checks one input: a choice of how the rest becomes a proof, then the rest.
///
/// # Panics
/// If a proof passes that should not, or does not pass that should.
pub fn proof(data: &[u8]) -> bool {
    let mut input = Input::new(data);
    match input.choice(3) {
        0 => is_accepted(&input.text()),
        // Whatever is changed, the signature is another message's.
        1 => {
            let original = &PROOFS[input.choice(PROOFS.len())];
            let changed = String::from_utf8_lossy(&input.edit(original.as_bytes())).into_owned();
            let accepted = is_accepted(&changed);
            assert_eq!(accepted, changed == *original, "{changed}");
            accepted
        }
        // A right signature over anything: a header, a line feed, a payload.
        _ => {
            let (header, payload) = (input.line(), input.rest());
            let accepted = is_accepted(&DEVICE.sign_bytes(header, payload));
            if accepted {
                let [header, payload] = [header, payload]
                    .map(|json| serde_json::from_slice::<Value>(json).expect("it was read"));
                assert_eq!(header["alg"], "ES256");
                assert!(header.get("crit").is_none());
                for name in ["kty", "crv", "x", "y"] {
                    assert_eq!(header["jwk"][name], DEVICE.jwk()[name]);
                }
                assert!(header["jwk"].get("d").is_none());
                assert!(payload["jti"].is_string());
            }
            accepted
        }
    }
}

static DEVICE: LazyLock<Device> = LazyLock::new(|| Device::new(1));

/// One that passes of each kind.
static PROOFS: LazyLock<[String; 2]> = LazyLock::new(|| {
    [
        DEVICE.registration("c"),
        DEVICE.dpop("POST", URI, NOW.as_secs(), &json!({ "nonce": "c" })),
    ]
});

fn is_accepted(text: &str) -> bool {
    let request = ProvenRequest::new("POST", URI).expect("an address");
    let browser = dbsc::registration(text).is_ok();
    let other = DpopProof::verify(text, &request, NOW).is_ok();
    assert!(!(browser && other), "a proof is of one kind: {text}");
    assert!(!(browser || other) || text.len() <= PROOF_MAX_BYTES);
    browser || other
}
