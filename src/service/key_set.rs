//! The public keys of access tokens, as others fetch them.

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use session_core::domain::protocol::Protocol;
use session_core::domain::token::header::kid;
use session_core::domain::token::key::{Algorithm, Class, PublicKey};
use session_core::platform::Platform;
use session_store::Store;

use super::{Result, Service};

/// How long a set is kept. Anybody may ask as often as they like, without an API key.
pub(super) const MAX_AGE: Duration = Duration::from_secs(1);

#[derive(Serialize)]
struct Key<'a> {
    kid: String,
    alg: &'a str,
    r#use: &'a str,
    #[serde(flatten)]
    public: Public<'a>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Public<'a> {
    Okp {
        kty: &'a str,
        crv: &'a str,
        x: &'a str,
    },
    Ec {
        kty: &'a str,
        crv: &'a str,
        x: &'a str,
        y: &'a str,
    },
}

impl<'a> From<&'a PublicKey> for Public<'a> {
    fn from(key: &'a PublicKey) -> Self {
        match key {
            PublicKey::Ed25519 { x } => Self::Okp {
                kty: "OKP",
                crv: "Ed25519",
                x,
            },
            PublicKey::P256 { x, y } => Self::Ec {
                kty: "EC",
                crv: "P-256",
                x,
                y,
            },
        }
    }
}

impl<S: Store, P: Platform> Service<S, P> {
    /// The JWK set (RFC 7517) of all keys that may have signed a token that is still good, or sign next; none while
    /// tokens are signed with HS256. Each key is there for both algorithms, so that a change of the algorithm
    /// finds no verifier without it.
    ///
    /// # Errors
    /// If the keys cannot be loaded.
    pub async fn key_set(&self) -> Result<Option<Arc<str>>> {
        if self.config.access.algorithm == Algorithm::Hs256 {
            return Ok(None);
        }
        let make = async { Ok(self.make_key_set().await?.into()) };
        self.key_set.get(make).await.map(Some)
    }

    async fn make_key_set(&self) -> Result<String> {
        #[derive(Serialize)]
        struct Set<'a> {
            keys: Vec<Key<'a>>,
        }
        let keys = self.keys.published().await?;
        let mut published = Vec::new();
        for (class, key) in keys.published(self.platform.now()) {
            for algorithm in [Algorithm::EdDsa, Algorithm::Es256] {
                published.extend(
                    key.public(algorithm)
                        .map(|p| (class, algorithm, key.kid().to_owned(), p)),
                );
            }
        }
        let protocols: &[Protocol] = match self.config.cdi {
            true => &[Protocol::Native, Protocol::Cdi],
            false => &[Protocol::Native],
        };
        let named = published
            .iter()
            .flat_map(|(class, algorithm, name, public)| {
                let has =
                    |protocol: &&Protocol| **protocol == Protocol::Cdi || *class == Class::Dynamic;
                protocols.iter().filter(has).map(move |protocol| Key {
                    kid: kid(*algorithm, *protocol, *class, name),
                    alg: algorithm.name(),
                    r#use: "sig",
                    public: public.into(),
                })
            });
        let set = Set {
            keys: named.collect(),
        };
        Ok(serde_json::to_string(&set).expect("strings serialize"))
    }
}
