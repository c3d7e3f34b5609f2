//! The rules and tokens with a row around them: as little as makes a session.

use std::sync::Arc;
use std::time::Duration;

use crate::domain::id::{Generation, SessionHandle, UserId};
use crate::domain::rotation::{
    AccessDecision, Confirmation, RefreshDecision, StoredSession, decide_access, decide_refresh,
};
use crate::domain::secret::testing::SeededRandom;
use crate::domain::secret::{Key, SingleHash};
use crate::domain::time::Timestamp;
use crate::domain::token::access::{AccessClaims, AccessKey};
use crate::domain::token::refresh::{Issue, RefreshToken};
use crate::testing::model::{Reply, Rules, Subject};

/// One session, its row in a variable.
pub(super) struct Pure {
    pub(super) row: Option<StoredSession>,
    backup: Option<StoredSession>,
    rules: Rules,
    key: Key,
    access_key: Arc<AccessKey>,
    random: SeededRandom,
}

impl Pure {
    /// A session that was created now, with its refresh and access token.
    pub(super) fn new(rules: Rules, now: Timestamp) -> (Self, (String, String)) {
        let random = SeededRandom::new(7);
        let key = Key::generate(&random);
        let issued = Timestamp::from_secs(now.as_secs());
        let handle = SessionHandle::generate(&random);
        let token = RefreshToken::first(handle, issued, rules.refresh_validity, &key, &random);
        let row = StoredSession {
            user_id: UserId::parse("bob").unwrap(),
            current: token.double_hash(),
            generation: Generation::FIRST,
            expires_at: token.claims.expires_at,
            payload: None,
        };
        let pure = Self {
            row: Some(row),
            backup: None,
            rules,
            access_key: Arc::new(AccessKey::new("1".to_owned(), &[7; 32])),
            key,
            random,
        };
        let texts = pure.texts(&token, None);
        (pure, texts)
    }

    fn texts(&self, token: &RefreshToken, parent: Option<SingleHash>) -> (String, String) {
        let claims = AccessClaims {
            user_id: UserId::parse("bob").unwrap(),
            handle: token.claims.handle,
            issued_at: token.claims.issued_at,
            expires_at: token.claims.issued_at.plus(self.rules.access_validity),
            refresh: token.double_hash(),
            parent,
            payload: None,
        };
        let access = claims.sign(&self.access_key);
        (token.reveal().to_owned(), access)
    }

    fn child(&self, token: &RefreshToken, now: Timestamp) -> Reply {
        let issue = Issue::at(now, self.rules.window);
        let validity = self.rules.refresh_validity;
        let child = token.child(issue, validity, &self.key, &self.random);
        let (refresh, access) = self.texts(&child, Some(token.hash()));
        Reply::Child { refresh, access }
    }

    fn confirm(&mut self, confirmation: Confirmation, now: Timestamp) {
        if let Some(row) = self.row.as_mut().filter(|row| row.is_live(now))
            && row.current == confirmation.parent
        {
            row.current = confirmation.child;
            row.generation = row.generation.next();
            row.expires_at = confirmation.expires_at;
        }
    }
}

impl Subject for Pure {
    fn refresh(&mut self, token: &str, now: Timestamp) -> Reply {
        let token = RefreshToken::verify(token, [&self.key]).unwrap();
        let mut decision = decide_refresh(self.row.as_ref(), &token, now);
        if let RefreshDecision::Confirm(confirmation) = decision {
            self.confirm(confirmation, now);
            decision = decide_refresh(self.row.as_ref(), &token, now);
        }
        match decision {
            RefreshDecision::IssueChild => self.child(&token, now),
            RefreshDecision::Confirm(_) => panic!("confirmed, and still to be confirmed"),
            RefreshDecision::Refuse(_) => Reply::Unauthorised,
            RefreshDecision::Theft => {
                if self.rules.theft_revokes {
                    self.row = None;
                }
                Reply::Theft
            }
        }
    }

    fn verify(&mut self, token: &str, now: Timestamp) -> Reply {
        let key = Arc::clone(&self.access_key);
        let Ok(claims) = AccessClaims::verify(token, now, |_| Some(key)) else {
            return Reply::TryRefresh;
        };
        let Some(parent) = claims.parent else {
            let live = self.row.as_ref().is_some_and(|row| row.is_live(now));
            return match live || !self.rules.blacklisting {
                true => Reply::Verified { replacement: None },
                false => Reply::Unauthorised,
            };
        };
        let confirmation = Confirmation {
            parent: parent.double(),
            child: claims.refresh,
            expires_at: claims.issued_at.plus(self.rules.refresh_validity),
        };
        self.confirm(confirmation, now);
        match decide_access(self.row.as_ref(), &claims, now) {
            AccessDecision::Refuse => Reply::Unauthorised,
            AccessDecision::TryRefresh => Reply::TryRefresh,
            AccessDecision::Replace => {
                let claims = AccessClaims {
                    parent: None,
                    ..claims
                };
                Reply::Verified {
                    replacement: Some(claims.sign(&self.access_key)),
                }
            }
        }
    }

    fn back_up(&mut self, now: Timestamp) {
        self.backup = self.row.clone().filter(|row| row.is_live(now));
    }

    fn restore(&mut self, _: Timestamp) {
        self.row = self.backup.clone();
    }

    fn revoke(&mut self, _: Timestamp) {
        self.row = None;
    }
}

/// Rules with short lives, so that tests outlive them.
pub(super) fn rules(window_secs: u64) -> Rules {
    Rules {
        window: Duration::from_secs(window_secs),
        access_validity: Duration::from_secs(60),
        refresh_validity: Duration::from_secs(3600),
        blacklisting: false,
        theft_revokes: false,
        twins: false,
    }
}
