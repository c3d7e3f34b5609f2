//! Playing a list of operations on a service and on the reference at once.

use std::collections::HashMap;

use session_tests::prelude::*;

use crate::common::data;
use session_tests::reference::{Expected, OnTheft, Reference, Settings, TokenId};

/// A step. Numbers count what was handed out so far and wrap around, so that every list can be played.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Op {
    Create(u8),
    Refresh(usize),
    /// A refresh whose reply never arrives.
    Lost(usize),
    Verify(usize),
    /// With the access token that replaced the first one.
    VerifyReplaced(usize),
    Delete(usize),
    DeleteAll(u8),
    Read(usize),
    Write(usize, u64),
    Advance(i64),
    Tick,
}

impl Op {
    pub(crate) fn random(random: &mut Random) -> Self {
        let number = random.below(1 << 20);
        // The youngest tokens are the interesting ones.
        let recent = usize::MAX - random.below(6);
        let token = if random.one_in(4) { number } else { recent };
        match random.below(40) {
            0..=3 => Self::Create(number as u8 % 3),
            4..=13 => Self::Refresh(token),
            14..=16 => Self::Lost(token),
            17..=24 => Self::Verify(token),
            25 | 26 => Self::VerifyReplaced(token),
            27 => Self::Delete(token),
            28 if random.one_in(4) => Self::DeleteAll(number as u8 % 3),
            28..=30 => Self::Read(token),
            31..=33 => Self::Write(token, number as u64),
            34..=38 => Self::Advance(
                *random.pick(&[1, 900, 5_000, 10_000, 10_000, 30_000, 61_000, 1_800_000]),
            ),
            _ if random.one_in(3) => Self::Advance(*random.pick(&[HOUR, 3 * HOUR, 30 * HOUR])),
            _ => Self::Tick,
        }
    }
}

/// A service to play on.
pub(crate) struct Player {
    service: Service,
    settings: Settings,
}

/// One game: what the caller holds, and what the reference says.
struct Game<'a> {
    service: &'a Service,
    reference: Reference,
    /// By the reference's number of its refresh token; none for replies that were lost.
    held: HashMap<TokenId, Session>,
    /// In order of receipt.
    order: Vec<TokenId>,
    replaced: HashMap<TokenId, Token>,
    handles: Vec<String>,
    prefix: String,
    replies: usize,
}

impl Player {
    pub(crate) async fn start(db: Backend, settings: Settings) -> Self {
        let policy = match settings.on_theft {
            OnTheft::Report => "report",
            OnTheft::RevokeSession => "revoke_session",
            OnTheft::RevokeUser => "revoke_user",
        };
        let service = db
            .service()
            .set("access_token_validity", settings.access_validity / SECOND)
            .set("refresh_token_validity", settings.refresh_validity / HOUR)
            .set("refresh_reuse_window", settings.reuse_window / SECOND)
            .set("access_token_blacklisting", settings.blacklisting)
            .set("on_token_theft", policy)
            .set("access_token_signing_key_update_interval", 1)
            .start()
            .await;
        service.freeze().await;
        Self { service, settings }
    }

    /// How many replies were compared; or the first that was not as it must be.
    pub(crate) async fn play(&self, ops: &[Op]) -> Result<usize, String> {
        // A game of its own for each list: the users are new ones, and the clock goes on to a whole hour.
        let start = (self.service.now() / HOUR + 1) * HOUR;
        self.service.freeze_at(start).await;
        let mut game = Game {
            service: &self.service,
            reference: Reference::new(self.settings),
            held: HashMap::new(),
            order: Vec::new(),
            replaced: HashMap::new(),
            handles: Vec::new(),
            prefix: format!("{start}"),
            replies: 0,
        };
        for (number, op) in ops.iter().enumerate() {
            game.step(*op)
                .await
                .map_err(|mismatch| format!("step {number}, {op:?}: {mismatch}"))?;
        }
        Ok(game.replies)
    }
}

impl Game<'_> {
    fn token(&self, number: usize) -> Option<TokenId> {
        let count = self.order.len();
        (count > 0).then(|| match number > usize::MAX / 2 {
            true => self.order[count - 1 - (usize::MAX - number) % count],
            false => self.order[number % count],
        })
    }

    fn session(&self, number: usize) -> Option<usize> {
        Some(self.reference.tokens[self.token(number)?].session)
    }

    async fn step(&mut self, op: Op) -> Result<(), String> {
        let (service, now) = (self.service, self.service.now());
        let (expected, reply) = match op {
            Op::Create(user) => {
                let number = self.reference.session_count() as u64;
                let user_id = format!("{}-{user}", self.prefix);
                let token = self.reference.create(user, Some(number), now);
                let session = service.create_with_data(&user_id, &data(number)).await;
                self.handles.push(session.handle.clone());
                return self.receive(token, session);
            }
            Op::Refresh(number) | Op::Lost(number) => {
                let Some(token) = self.token(number) else {
                    return Ok(());
                };
                let reply = service.refresh(&self.held[&token].refresh.value).await;
                let expected = self.reference.refresh(token, now);
                match (&expected, reply.answer().as_str()) {
                    (Expected::Child(_), "OK") if matches!(op, Op::Lost(_)) => return Ok(()),
                    (Expected::Child(child), "OK") => {
                        return self.receive(*child, Session::refreshed(&reply));
                    }
                    _ => (expected, reply),
                }
            }
            Op::Verify(number) => {
                let Some(token) = self.token(number) else {
                    return Ok(());
                };
                let reply = service.verify(&self.held[&token].access.value).await;
                let expires = self.held[&token].access.expires;
                if reply.part("newAccessToken").is_some() {
                    let replaced = Token::read(&reply, "newAccessToken");
                    if replaced.expires != expires {
                        return Err(format!("{replaced:?} does not keep {expires}"));
                    }
                    self.replaced.insert(token, replaced);
                }
                (self.reference.verify(token, false, expires, now), reply)
            }
            Op::VerifyReplaced(number) => {
                let Some(token) = self.token(number) else {
                    return Ok(());
                };
                let Some(access) = self.replaced.get(&token) else {
                    return Ok(());
                };
                let reply = service.verify(&access.value).await;
                let expected = self.reference.verify(token, true, access.expires, now);
                (expected, reply)
            }
            Op::Delete(number) => {
                let Some(session) = self.session(number) else {
                    return Ok(());
                };
                let reply = service.revoke(&self.handles[session]).await;
                (self.reference.delete(session, now), reply)
            }
            Op::DeleteAll(user) => {
                let reply = service.revoke_all(&format!("{}-{user}", self.prefix)).await;
                (self.reference.delete_all(user), reply)
            }
            Op::Read(number) => {
                let Some(session) = self.session(number) else {
                    return Ok(());
                };
                let reply = service.data(&self.handles[session]).await;
                (self.reference.read(session, now), reply)
            }
            Op::Write(number, value) => {
                let Some(session) = self.session(number) else {
                    return Ok(());
                };
                let reply = service
                    .write_data(&self.handles[session], &data(value))
                    .await;
                (self.reference.write(session, Some(value), now), reply)
            }
            Op::Advance(milliseconds) => {
                service.advance(milliseconds).await;
                return Ok(());
            }
            Op::Tick => {
                service.tick().await;
                return Ok(());
            }
        };
        self.replies += 1;
        match as_expected(&expected, &reply) {
            true => Ok(()),
            false => Err(format!("expected {expected:?}, got {reply:?}")),
        }
    }

    /// A grant that has arrived: new, or the very one that was handed out before.
    fn receive(&mut self, token: TokenId, session: Session) -> Result<(), String> {
        self.replies += 1;
        let facts = &self.reference.tokens[token];
        let announced = (session.refresh.expires, session.id.expires);
        let expected = (facts.refresh_expires, facts.refresh_expires);
        if announced != expected || !self.reference.may_expire(token, session.access.expires) {
            return Err(format!(
                "announced {announced:?} and {}, expected {expected:?}",
                session.access.expires
            ));
        }
        if session.handle != self.handles[facts.session] {
            return Err("another session's handle".to_owned());
        }
        let same = |held: &Session| held.refresh.value == session.refresh.value;
        match self.held.get(&token) {
            // Its access token expires at another time.
            Some(held) if same(held) => {
                self.held.insert(token, session);
                return Ok(());
            }
            Some(_) => return Err("another child in the same slot".to_owned()),
            None if self.held.values().any(same) => {
                return Err("a child that was handed out in another slot".to_owned());
            }
            None => {}
        }
        self.held.insert(token, session);
        self.order.push(token);
        Ok(())
    }
}

fn as_expected(expected: &Expected, reply: &Reply) -> bool {
    let theft = reply.part("sessionTheftDetected.value").as_deref() == Some("true");
    let replaced = reply.part("newAccessToken").is_some();
    match (expected, reply.answer().as_str()) {
        (Expected::Good { replaced: expected }, "OK") => *expected == replaced,
        (Expected::Unauthorised, "UNAUTHORISED") => !theft,
        (Expected::Theft, "UNAUTHORISED") => theft,
        (Expected::TryRefreshToken, "TRY_REFRESH_TOKEN") | (Expected::Done, "OK") => true,
        (Expected::Deleted(any), "OK") => reply.part("deletedAnyEntry") == Some(any.to_string()),
        (Expected::Data(value), "OK") => reply.part("sessionData") == value.map(data),
        _ => false,
    }
}
