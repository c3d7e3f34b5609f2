//! The headers of access tokens: the exact texts that this service writes, and nothing else.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::key::{Algorithm, Class, is_name};
use crate::domain::protocol::Protocol;

/// The longest header, in bytes of JSON: a name of 64 characters and what stands around it.
pub(super) const HEADER_MAX_BYTES: usize = 160;

/// How a token is written, apart from its claims.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenFormat {
    /// For callers of the native API.
    Native,
    /// For SuperTokens' SDKs.
    Cdi(CdiFormat),
}

/// What SuperTokens' SDKs choose about a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CdiFormat {
    /// Which claims it has.
    pub version: CdiTokenVersion,
    /// Whether its key rotates.
    pub class: Class,
}

/// The header parameter `version`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CdiTokenVersion {
    /// Without `rsub`: CDI below 4.0.
    V4,
    /// With it.
    V5,
}

impl TokenFormat {
    /// Whose callers it is for.
    pub fn protocol(self) -> Protocol {
        match self {
            Self::Native => Protocol::Native,
            Self::Cdi(_) => Protocol::Cdi,
        }
    }

    /// Whether its key rotates.
    pub fn class(self) -> Class {
        match self {
            Self::Native => Class::Dynamic,
            Self::Cdi(form) => form.class,
        }
    }
}

/// The header of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header<'a> {
    pub(super) algorithm: Algorithm,
    pub(super) form: TokenFormat,
    /// The key's.
    pub(super) name: &'a str,
}

const ALGORITHM: &str = r#"{"alg":""#;
const TYPE: &str = r#"","typ":"JWT","#;
const VERSION_4: &str = r#""version":"4","#;
const VERSION_5: &str = r#""version":"5","#;
const KEY: &str = r#""kid":""#;
const END: &str = r#""}"#;

impl<'a> Header<'a> {
    /// Appends its base64 to `token`.
    pub(super) fn write(self, token: &mut String) {
        let version = match self.form {
            TokenFormat::Native => "",
            TokenFormat::Cdi(form) if form.version == CdiTokenVersion::V4 => VERSION_4,
            TokenFormat::Cdi(_) => VERSION_5,
        };
        let kid = kid(
            self.algorithm,
            self.form.protocol(),
            self.form.class(),
            self.name,
        );
        let parts = [
            ALGORITHM,
            self.algorithm.name(),
            TYPE,
            version,
            KEY,
            &kid,
            END,
        ];
        URL_SAFE_NO_PAD.encode_string(parts.concat(), token);
    }

    /// Reads one; `None` if its bytes are not exactly such as [`Self::write`] makes.
    pub(super) fn read(text: &str, buffer: &'a mut [u8; HEADER_MAX_BYTES]) -> Option<Self> {
        let length = URL_SAFE_NO_PAD.decode_slice(text, buffer).ok()?;
        let rest = str::from_utf8(&buffer[..length]).ok()?;
        let rest = rest.strip_prefix(ALGORITHM)?;
        let (algorithm, rest) = Algorithm::ALL
            .into_iter()
            .find_map(|algorithm| Some((algorithm, rest.strip_prefix(algorithm.name())?)))?;
        let rest = rest.strip_prefix(TYPE)?;
        let (version, rest) = if let Some(rest) = rest.strip_prefix(VERSION_5) {
            (Some(CdiTokenVersion::V5), rest)
        } else if let Some(rest) = rest.strip_prefix(VERSION_4) {
            (Some(CdiTokenVersion::V4), rest)
        } else {
            (None, rest)
        };
        let kid = rest.strip_prefix(KEY)?.strip_suffix(END)?;
        let name = kid.strip_suffix(algorithm.kid_end())?;
        let (form, name) = match version {
            None => (TokenFormat::Native, name),
            Some(version) => {
                let (class, name) = Class::ALL
                    .into_iter()
                    .find_map(|class| Some((class, name.strip_prefix(class.kid_start())?)))?;
                (TokenFormat::Cdi(CdiFormat { version, class }), name)
            }
        };
        is_name(name).then_some(Self {
            algorithm,
            form,
            name,
        })
    }
}

/// The `kid` of a key's tokens: its name, what its algorithm adds, and before both, for SDKs, the class.
pub fn kid(algorithm: Algorithm, protocol: Protocol, class: Class, name: &str) -> String {
    let start = match protocol {
        Protocol::Native => "",
        Protocol::Cdi => class.kid_start(),
    };
    [start, name, algorithm.kid_end()].concat()
}
