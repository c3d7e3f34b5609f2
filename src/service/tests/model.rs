//! The whole service against the model of the rotation table (`testing::model`).

use std::time::Duration;

use proptest::prelude::*;

use super::World;
use crate::domain::time::Timestamp;
use crate::service::{Grant, Refreshed, Verified};
use crate::store::{NewSession, Store};
use crate::testing::model::{self, Op, Reply, Rules, Subject};
use crate::testing::{START, cases, histories, ready};

/// One session of a service.
pub(super) struct Session {
    world: World,
    grant: Grant,
    backup: Option<NewSession>,
}

impl Session {
    fn handle(&self) -> String {
        self.grant.session.handle.reveal()
    }
}

impl Subject for Session {
    fn refresh(&mut self, token: &str, now: Timestamp) -> Reply {
        self.world.platform.set_now(now);
        match ready(self.world.service.refresh_native(token)).unwrap() {
            Refreshed::Ok(grant) => Reply::Child {
                refresh: grant.refresh.value,
                access: grant.access.value,
                access_expires: grant.access.expires,
            },
            Refreshed::Unauthorised => Reply::Unauthorised,
            Refreshed::TheftDetected(handle, user_id) => {
                let session = &self.grant.session;
                assert_eq!((handle, user_id), (session.handle, session.user_id.clone()));
                Reply::Theft
            }
        }
    }

    fn verify(&mut self, token: &str, now: Timestamp) -> Reply {
        self.world.platform.set_now(now);
        match ready(self.world.service.verify_native(token)).unwrap() {
            Verified::Ok(session, token) => {
                assert_eq!(session, self.grant.session);
                Reply::Verified {
                    replacement: token.map(|token| token.value),
                }
            }
            Verified::Unauthorised => Reply::Unauthorised,
            Verified::TryRefreshToken => Reply::TryRefresh,
        }
    }

    fn back_up(&mut self, now: Timestamp) {
        let handle = self.grant.session.handle.hash();
        let stored = ready(self.world.store.find(handle, now)).unwrap();
        self.backup = stored.map(|stored| NewSession {
            handle,
            stored,
            data: None,
            created_at: now,
            sealed: None,
        });
    }

    fn restore(&mut self, now: Timestamp) {
        self.revoke(now);
        if let Some(session) = &self.backup {
            ready(self.world.store.insert(session)).unwrap();
        }
    }

    fn revoke(&mut self, now: Timestamp) {
        self.world.platform.set_now(now);
        ready(self.world.service.revoke_native(&self.handle())).unwrap();
        // What had expired already is still a row.
        ready(
            self.world
                .store
                .remove_expired(Timestamp::from_millis(u64::MAX)),
        )
        .unwrap();
    }
}

/// Rules with short lives, so that tests outlive them.
pub(super) fn rules(window_secs: u64) -> Rules {
    Rules {
        window: Duration::from_secs(window_secs),
        access_validity: Duration::from_secs(1800),
        refresh_validity: Duration::from_secs(3600),
        blacklisting: false,
        theft_revokes: false,
    }
}

impl Session {
    /// A session that was created at the start.
    pub(super) fn new(rules: Rules) -> Self {
        let policy = match rules.theft_revokes {
            true => "revoke_session",
            false => "report",
        };
        let access_validity = rules.access_validity.as_secs().to_string();
        let refresh_validity = (rules.refresh_validity.as_secs() / 3600).to_string();
        let world = World::new(&[
            ("refresh_reuse_window", &rules.window.as_secs().to_string()),
            ("access_token_validity", &access_validity),
            ("refresh_token_validity", &refresh_validity),
            ("access_token_blacklisting", &rules.blacklisting.to_string()),
            ("on_token_theft", policy),
            ("access_token_signing_key_dynamic", "false"),
        ]);
        let grant = world.create();
        Self {
            world,
            grant,
            backup: None,
        }
    }

    /// Its first refresh and access token.
    pub(super) fn texts(&self) -> (String, String) {
        let Grant {
            refresh, access, ..
        } = &self.grant;
        (refresh.value.clone(), access.value.clone())
    }
}

fn follow(rules: Rules, ops: &[Op]) {
    let mut session = Session::new(rules);
    let texts = session.texts();
    model::check(&mut session, rules, texts, START, ops);
}

proptest! {
    #![proptest_config(cases(300))]

    #[test]
    fn the_service_answers_as_the_model_says(
        window in prop_oneof![Just(0), Just(10), Just(30)],
        blacklisting: bool,
        theft_revokes: bool,
        ops in histories::ops(40),
    ) {
        follow(Rules { blacklisting, theft_revokes, ..rules(window) }, &ops);
    }
}

const SLOT: Op = Op::Wait(Duration::from_secs(10));

/// Histories that are worth keeping by name.
#[test]
fn histories() {
    use Op::{BackUp, Refresh, RefreshAndLose, Restore, SetBack, Verify, VerifyReplacement, Wait};
    let histories: [&[Op]; 10] = [
        // TH2: the victim goes on, then the thief presents what it copied.
        &[Refresh(0), Verify(1), SLOT, Refresh(0)],
        // TH3: the thief goes on, then the victim presents its own.
        &[
            Refresh(0),
            SLOT,
            Refresh(0),
            Verify(1),
            Verify(2),
            Refresh(2),
        ],
        // TH4: a thief that sleeps on a child of another slot.
        &[
            Refresh(0),
            SLOT,
            Refresh(0),
            Verify(2),
            SLOT,
            Refresh(2),
            Verify(3),
            Refresh(1),
        ],
        // TH7: two refreshes in one slot are one.
        &[
            Refresh(0),
            Wait(Duration::from_secs(9)),
            Refresh(0),
            Verify(1),
            Refresh(1),
            Verify(1),
        ],
        // A race: the child was used and refreshed before its parent was presented once more.
        &[
            Refresh(0),
            Verify(1),
            Refresh(1),
            Verify(2),
            Refresh(0),
            Refresh(2),
        ],
        // TH8: ten lost replies.
        &[
            RefreshAndLose(0),
            SLOT,
            RefreshAndLose(0),
            SLOT,
            RefreshAndLose(0),
            SLOT,
            RefreshAndLose(0),
            SLOT,
            RefreshAndLose(0),
            SLOT,
            RefreshAndLose(0),
            SLOT,
            RefreshAndLose(0),
            SLOT,
            RefreshAndLose(0),
            SLOT,
            RefreshAndLose(0),
            SLOT,
            RefreshAndLose(0),
            SLOT,
            Refresh(0),
            Refresh(1),
            Verify(1),
            VerifyReplacement(1),
        ],
        // DB9: a backup from before two confirmations.
        &[
            BackUp,
            Refresh(0),
            SLOT,
            Refresh(1),
            SLOT,
            Refresh(2),
            Restore,
            Refresh(2),
            Refresh(0),
        ],
        // A clock that is set back makes the children of its slots once more.
        &[
            Refresh(0),
            SLOT,
            Refresh(0),
            SetBack(Duration::from_secs(10)),
            Refresh(0),
            Verify(1),
        ],
        // The child's announced end counts, also when its parent's would be later.
        &[
            Wait(Duration::from_secs(5)),
            Refresh(0),
            Verify(1),
            Wait(Duration::from_millis(3_594_999)),
            Refresh(1),
        ],
        // A replaced access token is as good as the one it replaces, and no longer.
        &[
            Refresh(0),
            Verify(1),
            VerifyReplacement(1),
            Wait(Duration::from_secs(1800)),
            VerifyReplacement(1),
        ],
    ];
    for ops in histories {
        for window in [0, 10] {
            follow(rules(window), ops);
        }
    }
}
