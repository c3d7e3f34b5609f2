//! The whole service against the reference (`session_reference`).

use std::collections::BTreeMap;

use proptest::prelude::*;
use session_core::domain::id::HandleHash;
use session_core::domain::time::Timestamp;
use session_core::platform::Platform;
use session_core::testing::{cases, ready};
use session_reference::game::{Game, Op};
use session_reference::settings::{OnTheft, Settings};
use session_reference::subject::{self, Request, Response, Subject};
use session_store::NewSession;

use super::histories;
use super::{World, json, user};
use crate::{Grant, Refreshed, SessionInfo, Token, Verified};

/// A service in this process.
struct Native {
    world: World,
    sessions: BTreeMap<String, SessionInfo>,
    backup: BTreeMap<HandleHash, NewSession>,
}

impl Native {
    fn new(settings: Settings) -> Self {
        let variables = settings.variables();
        let mut variables: Vec<_> = variables
            .iter()
            .map(|(name, value)| (*name, &**value))
            .collect();
        variables.push(("access_token_signing_key_dynamic", "false"));
        Self {
            world: World::new(&variables),
            sessions: BTreeMap::new(),
            backup: BTreeMap::new(),
        }
    }

    /// The handle of a session that is as it was when it was created.
    fn same(&self, session: &SessionInfo) -> String {
        let handle = session.handle.reveal();
        assert_eq!(self.sessions[&handle], *session);
        handle
    }
}

impl Subject for Native {
    fn now(&self) -> Option<i64> {
        Some(millis(self.world.platform.now()))
    }

    async fn ask(&mut self, request: Request<'_>) -> Result<Response, String> {
        let service = &self.world.service;
        Ok(match request {
            Request::Create(number, data) => {
                let data = json(&data.to_string());
                let user = user(&number.to_string());
                let grant = service.create_native(user, json("{}"), data).await.unwrap();
                let session = grant.session.clone();
                self.sessions.insert(session.handle.reveal(), session);
                Response::Granted(granted(&grant))
            }
            Request::Refresh(token) => match service.refresh_native(token).await.unwrap() {
                Refreshed::Ok(grant) => {
                    self.same(&grant.session);
                    Response::Granted(granted(&grant))
                }
                Refreshed::Unauthorised => Response::Unauthorised,
                Refreshed::TheftDetected(handle, user_id) => {
                    let handle = handle.reveal();
                    assert_eq!(user_id, self.sessions[&handle].user_id);
                    Response::Theft(handle)
                }
                Refreshed::DeviceProofNeeded(_) => panic!("none of them is bound"),
            },
            Request::Verify(token) => match service.verify_native(token).await.unwrap() {
                Verified::Ok(session, replacement) => {
                    Response::Good(self.same(&session), replacement.as_ref().map(known))
                }
                Verified::Unauthorised => Response::Unauthorised,
                Verified::TryRefreshToken => Response::TryRefreshToken,
                Verified::DeviceProofNeeded => panic!("none of them is bound"),
                answer @ Verified::Reauthenticate(..) => panic!("nobody asked: {answer:?}"),
            },
            Request::Delete(handle) => {
                Response::Deleted(service.revoke_native(handle).await.unwrap())
            }
            Request::DeleteAll(number) => {
                let user = user(&number.to_string());
                service.revoke_all(&user, None).await.unwrap();
                Response::Done
            }
            Request::Read(handle) => match service.read_data_native(handle).await.unwrap() {
                Some(data) => Response::Data(data.map(|data| data.as_str().parse().unwrap())),
                None => Response::Unauthorised,
            },
            Request::Write(handle, data) => {
                let data = json(&data.to_string());
                match service
                    .write_data_native(handle, data.as_ref())
                    .await
                    .unwrap()
                {
                    true => Response::Done,
                    false => Response::Unauthorised,
                }
            }
            Request::Clock(now) => {
                let now = Timestamp::from_millis(now as u64);
                self.world.platform.set_now(now);
                Response::Done
            }
            Request::Tick => {
                service.maintain().await.unwrap();
                Response::Done
            }
            Request::BackUp => {
                self.backup = self.world.store.sessions();
                Response::Done
            }
            Request::Restore => {
                let store = &self.world.store;
                store.replace_sessions(&self.backup);
                Response::Done
            }
        })
    }
}

fn granted(grant: &Grant) -> subject::Grant {
    subject::Grant {
        handle: grant.session.handle.reveal(),
        refresh: known(&grant.refresh),
        access: known(&grant.access),
    }
}

fn known(token: &Token) -> subject::Token {
    subject::Token {
        value: token.value.clone(),
        expires: millis(token.expires),
    }
}

fn millis(time: Timestamp) -> i64 {
    time.as_millis() as i64
}

/// Short lives, so that games outlive them.
fn settings(window_secs: i64) -> Settings {
    Settings {
        access_validity: 1_800_000,
        refresh_validity: 3_600_000,
        is_idle_timeout: false,
        absolute_lifetime: 0,
        reuse_window: window_secs * 1000,
        blacklisting: false,
        on_theft: OnTheft::Report,
    }
}

fn follow(settings: Settings, ops: &[Op]) {
    let mut game = Game::new(Native::new(settings), settings);
    if let Err(mismatch) = ready(game.play(ops)) {
        panic!("{mismatch}");
    }
}

proptest! {
    #![proptest_config(cases(300))]

    #[test]
    fn the_service_answers_as_the_reference_says(
        window in prop_oneof![Just(0), Just(10), Just(30)],
        is_idle_timeout: bool,
        absolute_lifetime in prop_oneof![Just(0), Just(95_000), Just(5_400_000)],
        blacklisting: bool,
        on_theft in prop_oneof![
            Just(OnTheft::Report),
            Just(OnTheft::RevokeSession),
            Just(OnTheft::RevokeUser),
        ],
        ops in histories::ops(40),
    ) {
        let limited = Settings { is_idle_timeout, absolute_lifetime, ..settings(window) };
        follow(Settings { blacklisting, on_theft, ..limited }, &ops);
    }
}

const SLOT: Op = Op::Advance(10_000);

/// Histories that are worth keeping by name.
#[test]
fn histories() {
    use Op::{Advance, BackUp, Lost, Refresh, Restore, Verify, VerifyReplaced};
    let histories: [&[Op]; 11] = [
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
            Advance(9_000),
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
            Lost(0),
            SLOT,
            Lost(0),
            SLOT,
            Lost(0),
            SLOT,
            Lost(0),
            SLOT,
            Lost(0),
            SLOT,
            Lost(0),
            SLOT,
            Lost(0),
            SLOT,
            Lost(0),
            SLOT,
            Lost(0),
            SLOT,
            Lost(0),
            SLOT,
            Refresh(0),
            Refresh(1),
            Verify(1),
            VerifyReplaced(1),
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
            Advance(-10_000),
            Refresh(0),
            Verify(1),
        ],
        // The child's announced end counts, also when its parent's would be later.
        &[
            Advance(5_000),
            Refresh(0),
            Verify(1),
            Advance(3_594_999),
            Refresh(1),
        ],
        // A replaced access token is as good as the one it replaces, and no longer.
        &[
            Refresh(0),
            Verify(1),
            VerifyReplaced(1),
            Advance(1_800_000),
            VerifyReplaced(1),
        ],
        // A clock that was set back gave a grandchild from before the race: the token's own age excuses nothing.
        &[
            Advance(19_000),
            Refresh(0),
            Advance(-10_000),
            Refresh(1),
            Advance(5_000),
            Lost(2),
            Refresh(0),
        ],
    ];
    for ops in histories {
        for window in [0, 10, 30] {
            follow(settings(window), &[&[Op::Create(0)][..], ops].concat());
        }
    }
}
