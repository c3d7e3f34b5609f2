//! Sessions that are put into a service's table beforehand, many at a time, with tokens that are known without
//! being kept: everything about a session follows from its number and the service's keys.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use session::domain::id::{Generation, SessionHandle, UserId};
use session::domain::keys::KeyTable;
use session::domain::secret::Key;
use session::domain::time::Timestamp;
use session::domain::token::access::{AccessClaims, AccessKey};
use session::domain::token::refresh::RefreshToken;
use session::store::KeyRow;

use crate::api::Tokens;
use crate::random::Random;

/// What the names of its users begin with, and no others.
pub(crate) const SEEDED_USERS: &str = "seeded-";

const REFRESH_VALIDITY: Duration = Duration::from_secs(2400 * 3600);
const ACCESS_VALIDITY: Duration = Duration::from_secs(24 * 3600);

/// The keys of a running service, to make tokens with that it accepts.
#[derive(Clone)]
pub(crate) struct Keys {
    access: Arc<AccessKey>,
    refresh: Key,
}

impl Keys {
    /// The keys in these rows of the key table.
    pub(crate) fn read(rows: &[KeyRow]) -> Result<Self> {
        let table = KeyTable::read(rows)?;
        let signing = table
            .generations
            .first()
            .context("there is no signing key")?;
        let kid = signing.generation.to_string();
        Ok(Self {
            access: Arc::new(AccessKey::new(kid, signing.key.expose())),
            refresh: table.refresh.context("there is no refresh token key")?,
        })
    }
}

/// A table with sessions numbered from 0.
pub(crate) struct SeededTable {
    keys: Keys,
    count: u64,
    issued_at: Timestamp,
}

/// A row to insert: what SQL needs of a session.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Row {
    /// The primary key.
    pub(crate) handle_hash: String,
    /// Whose session.
    pub(crate) user: String,
    /// The current refresh token's double hash.
    pub(crate) refresh_hash: String,
    /// In milliseconds since the Unix epoch.
    pub(crate) expires_at: u64,
}

impl SeededTable {
    /// A table of `count` sessions that are issued at `now`.
    pub(crate) fn new(keys: Keys, count: u64, now: Timestamp) -> Self {
        Self {
            keys,
            count,
            issued_at: Timestamp::from_secs(now.as_secs()),
        }
    }

    /// The tokens of any of its sessions.
    pub(crate) fn any(&self, random: &Random) -> Tokens {
        let number = random.below(self.count);
        let token = self.refresh_token(number);
        let claims = AccessClaims {
            user_id: UserId::parse(user(number)).expect("it is short"),
            handle: token.claims.handle,
            issued_at: self.issued_at,
            expires_at: self.issued_at.plus(ACCESS_VALIDITY),
            refresh: token.double_hash(),
            parent: None,
            payload: None,
        };
        Tokens {
            handle: token.claims.handle.reveal(),
            access: claims.sign(&self.keys.access),
            refresh: token.reveal().to_owned(),
            id: token.id(&self.keys.refresh),
        }
    }

    /// All of its rows, in the order of their primary key: so a large table is filled without jumping about.
    pub(crate) fn rows(&self) -> Vec<Row> {
        let mut rows: Vec<Row> = (0..self.count).map(|number| self.row(number)).collect();
        rows.sort_unstable();
        rows
    }

    fn row(&self, number: u64) -> Row {
        let token = self.refresh_token(number);
        debug_assert_eq!(token.claims.generation, Generation::FIRST);
        Row {
            handle_hash: token.claims.handle.hash().as_str().to_owned(),
            user: user(number),
            refresh_hash: token.double_hash().as_str().to_owned(),
            expires_at: token.claims.expires_at.as_millis(),
        }
    }

    fn refresh_token(&self, number: u64) -> RefreshToken {
        let random = Random::seeded(number.wrapping_mul(0x1234_5678_9abc_def1));
        RefreshToken::first(
            SessionHandle::generate(&random),
            self.issued_at,
            REFRESH_VALIDITY,
            &self.keys.refresh,
            &random,
        )
    }
}

/// Rows of sessions whose tokens nobody needs: of one user, or expired.
pub(crate) fn anonymous_rows(user: &str, count: u64, seed: u64, expires_at: u64) -> Vec<Row> {
    let random = Random::seeded(seed);
    let hex = || {
        (0..4).fold(String::with_capacity(64), |mut text, _| {
            write!(text, "{:016x}", random.next()).expect("a string takes all");
            text
        })
    };
    let mut rows: Vec<Row> = (0..count)
        .map(|_| Row {
            handle_hash: hex(),
            user: user.to_owned(),
            refresh_hash: hex(),
            expires_at,
        })
        .collect();
    rows.sort_unstable();
    rows
}

/// Ten sessions a user.
fn user(number: u64) -> String {
    format!("{SEEDED_USERS}{:08}", number / 10)
}
