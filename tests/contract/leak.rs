//! What a leaked database is good for where a master key is set: nothing, with all logged access tokens added (TF8).

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use futures::StreamExt;
use session_tests::forge::{RefreshToken, from_base64url};
use session_tests::prelude::*;

use crate::forgery::refused;

const MASTER: &str = "5f0d5c9e8a0b4e0f9f3c7a1b2d4e6f80112233445566778899aabbccddeeff00";

/// What a thief of the database has.
struct Leak {
    parent: Session,
    child: Session,
    /// Everything in the tables and the access tokens that could be a key: whole, in parts, and decoded.
    keys: Vec<Vec<u8>>,
}

impl Leak {
    async fn of(service: &Service) -> Self {
        let parent = service.create_with_data("ada", r#"{"a":1}"#).await;
        let child = service.child(&parent).await;
        service.expect_good(&child).await;
        let tables = service.tables();
        let mut dump = tables.query("SELECT * FROM signing_key", &[]).await;
        dump.extend(tables.query("SELECT * FROM refresh_tokens", &[]).await);
        let mut keys: Vec<Vec<u8>> = Vec::new();
        for text in dump.into_iter().flatten().flatten() {
            for part in text.split(|c: char| !c.is_ascii_alphanumeric() && c != '-' && c != '_') {
                keys.push(part.as_bytes().to_vec());
                if part.len() % 4 != 1 && part.is_ascii() {
                    keys.extend(decoded(part));
                }
            }
            keys.extend(STANDARD.decode(&text));
            keys.push(text.into_bytes());
        }
        for secret in [&parent.access.value, &child.access.value] {
            keys.extend(secret.split('.').map(|part| part.as_bytes().to_vec()));
            keys.extend(secret.split('.').map(from_base64url));
            let claims = Jwt::parse(secret).claims;
            let hashes = [&claims["rt"], &claims["prt"]];
            for text in hashes.into_iter().filter_map(|hash| hash.as_str()) {
                keys.extend(decoded(text));
                keys.push(text.as_bytes().to_vec());
            }
        }
        Self {
            parent,
            child,
            keys,
        }
    }

    /// Access tokens with every key and key id.
    fn access_tokens(&self) -> Vec<String> {
        let mut forged = Vec::new();
        for session in [&self.parent, &self.child] {
            let token = Jwt::parse(&session.access.value).claim("sub", "eve");
            for key in &self.keys {
                forged.push(token.sign(key));
                for kid in ["0", "1", "2", &token.kid()] {
                    let header = format!(r#"{{"alg":"HS256","typ":"JWT","kid":"{kid}"}}"#);
                    forged.push(token.clone().header(&header).sign(key));
                }
            }
        }
        forged
    }

    /// Refresh tokens of the session with every key: of every generation near the row's, with every hash as parent
    /// that could be one. With the right key each would be a good token or a theft.
    fn refresh_tokens(&self, now: i64) -> Vec<String> {
        let token = RefreshToken::of(&self.child.handle, now);
        let hashes = self.keys.iter().filter(|bytes| bytes.len() == 32);
        let mut tokens: Vec<RefreshToken> = (0..4)
            .map(|generation| token.clone().with_generation(generation))
            .collect();
        for hash in hashes {
            let child = token.clone().with_parent(hash);
            tokens.extend([1, 2].map(|generation| child.clone().with_generation(generation)));
        }
        let with = |key: &Vec<u8>| {
            let sign = |token: &RefreshToken| token.sign(key);
            tokens.iter().map(sign).collect::<Vec<_>>()
        };
        self.keys.iter().flat_map(with).collect()
    }

    /// What the database holds of tokens, in place of tokens.
    fn stored(&self) -> Vec<String> {
        let keys = self.keys.iter();
        let text = |key: &Vec<u8>| String::from_utf8(key.clone()).ok();
        keys.clone()
            .filter_map(text)
            .chain(keys.map(|key| URL_SAFE_NO_PAD.encode(key)))
            .collect()
    }
}

/// How many of these refresh tokens get another answer than that they are no tokens at all.
async fn taken_seriously(service: &Service, tokens: Vec<String>) -> usize {
    let answers = futures::stream::iter(tokens)
        .map(|token| async move { service.refresh(&token).await })
        .buffer_unordered(16);
    let serious = answers.filter(|reply| {
        let theft = reply.part("sessionTheftDetected.value");
        let refused = reply.answer() == "UNAUTHORISED" && theft.as_deref() == Some("false");
        std::future::ready(!refused)
    });
    serious.count().await
}

/// The measure of the other tests here: the same forgeries, where the keys are in the database.
#[test_on(everywhere)]
async fn tf8_without_a_master_key_the_database_forges_tokens_of_both_kinds(db: Backend) {
    let service = db.service().start().await;
    let now = service.freeze().await;
    let leak = Leak::of(&service).await;
    let mut accepted = 0;
    for token in leak.access_tokens() {
        accepted += usize::from(service.verify(&token).await.answer() == "OK");
    }
    assert!(accepted > 0, "no access token");
    assert!(
        taken_seriously(&service, leak.refresh_tokens(now)).await > 0,
        "no refresh token"
    );
}

#[test_on(everywhere)]
async fn tf8_with_a_master_key_the_database_forges_nothing(db: Backend) {
    let settings = [("master_key", MASTER), ("on_token_theft", "revoke_user")];
    let service = db.frozen(&settings).await;
    let leak = Leak::of(&service).await;
    let row = service.tables().session(&leak.child.handle).await;
    let (access, refresh) = (leak.access_tokens(), leak.refresh_tokens(service.now()));
    assert!(access.len() > 100 && refresh.len() > 100);
    refused(&service, access.into_iter().chain(leak.stored())).await;
    assert_eq!(taken_seriously(&service, refresh).await, 0);
    assert_eq!(taken_seriously(&service, leak.stored()).await, 0);
    assert_eq!(service.tables().session(&leak.child.handle).await, row);
    service.expect_good(&leak.parent).await;
    service.child(&leak.child).await;
}

/// What a text means as hexadecimal or as base64url.
fn decoded(text: &str) -> Vec<Vec<u8>> {
    let hex = (0..text.len() / 2).map(|at| u8::from_str_radix(&text[at * 2..at * 2 + 2], 16).ok());
    hex.collect::<Option<Vec<u8>>>()
        .into_iter()
        .chain(URL_SAFE_NO_PAD.decode(text).ok())
        .collect()
}
