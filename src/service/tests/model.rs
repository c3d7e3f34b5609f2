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
struct Session {
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
        match ready(self.world.service.refresh(token)).unwrap() {
            Refreshed::Ok(grant) => Reply::Child {
                refresh: grant.refresh.value,
                access: grant.access.value,
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
        match ready(self.world.service.verify(token)).unwrap() {
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
        ready(self.world.service.revoke(&self.handle())).unwrap();
        // What had expired already is still a row.
        ready(
            self.world
                .store
                .remove_expired(Timestamp::from_millis(u64::MAX)),
        )
        .unwrap();
    }
}

fn follow(window: u64, blacklisting: bool, theft_revokes: bool, ops: &[Op]) {
    let rules = Rules {
        window: Duration::from_secs(window),
        access_validity: Duration::from_secs(60),
        refresh_validity: Duration::from_secs(3600),
        blacklisting,
        theft_revokes,
        twins: true,
    };
    let world = World::new(&[
        ("refresh_reuse_window", &window.to_string()),
        ("access_token_validity", "60"),
        ("refresh_token_validity", "1"),
        ("access_token_blacklisting", &blacklisting.to_string()),
        (
            "on_token_theft",
            if theft_revokes {
                "revoke_session"
            } else {
                "report"
            },
        ),
        ("access_token_signing_key_dynamic", "false"),
    ]);
    let grant = world.create();
    let texts = (grant.refresh.value.clone(), grant.access.value.clone());
    let mut session = Session {
        world,
        grant,
        backup: None,
    };
    model::check(&mut session, rules, texts, START, ops);
}

proptest! {
    #![proptest_config(cases(200))]

    #[test]
    fn the_service_answers_as_the_model_says(
        window in prop_oneof![Just(0), Just(10), Just(30)],
        blacklisting: bool,
        theft_revokes: bool,
        ops in histories::ops(40),
    ) {
        follow(window, blacklisting, theft_revokes, &ops);
    }
}
