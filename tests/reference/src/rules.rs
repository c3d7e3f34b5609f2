//! Sessions as the contract's table describes them, in a page.

use std::collections::HashMap;

use crate::lineage::{Lineage, Standing, TokenId};
use crate::settings::{OnTheft, Settings};

/// What was handed out by one creation or refresh.
#[derive(Clone, Copy, Debug)]
pub struct Token {
    /// Its session's number.
    pub session: usize,
    issued: i64,
    /// Milliseconds since the Unix epoch.
    pub refresh_expires: i64,
}

#[derive(Clone, Debug)]
struct Session {
    user: u8,
    current: TokenId,
    expires: i64,
    /// When it ends, refreshed or not.
    ends: i64,
    data: Option<u64>,
    deleted: bool,
}

/// What must be answered.
#[derive(Clone, Debug, PartialEq)]
pub enum Expected {
    /// This token, perhaps handed out before.
    Granted(TokenId),
    /// OK of a verification.
    Good {
        /// With another access token.
        replaced: bool,
    },
    /// The session is gone, or the token good for nothing.
    Unauthorised,
    /// Another refresh token is current, or the access token has expired.
    TryRefreshToken,
    /// Two parties hold tokens of the session.
    Theft,
    /// OK of a deletion; whether there was a session.
    Deleted(bool),
    /// OK without anything to tell.
    Done,
    /// OK of a look at the data.
    Data(Option<u64>),
}

/// Everything there is.
#[derive(Clone, Debug)]
pub struct Reference {
    settings: Settings,
    sessions: Vec<Session>,
    backup: Option<Vec<Session>>,
    /// In order of issue.
    tokens: Vec<Token>,
    lineage: Lineage,
    /// The child of a token in the time slot that begins then.
    children: HashMap<(TokenId, i64), TokenId>,
}

impl Reference {
    /// Nothing yet. All times are milliseconds since the Unix epoch.
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            sessions: Vec::new(),
            backup: None,
            tokens: Vec::new(),
            lineage: Lineage::default(),
            children: HashMap::new(),
        }
    }

    /// A token that was handed out.
    pub fn token(&self, token: TokenId) -> Token {
        self.tokens[token]
    }

    /// How many tokens were handed out.
    pub fn token_count(&self) -> usize {
        self.tokens.len()
    }

    /// A session's current refresh token, and how many refreshes it is from the first.
    pub fn current(&self, session: usize) -> (TokenId, u32) {
        let current = self.sessions[session].current;
        (current, self.lineage.generation(current))
    }

    /// A new session, by its first token.
    pub fn create(&mut self, user: u8, data: Option<u64>, now: i64) -> TokenId {
        let session = self.sessions.len();
        let ends = match self.settings.absolute_lifetime {
            0 => i64::MAX,
            lifetime => now - now.rem_euclid(1000) + lifetime,
        };
        self.sessions.push(Session {
            user,
            current: 0,
            expires: 0,
            ends,
            data,
            deleted: false,
        });
        let token = self.issue(session, None, now);
        self.confirm(token);
        token
    }

    fn issue(&mut self, session: usize, parent: Option<TokenId>, at: i64) -> TokenId {
        let issued = at - at.rem_euclid(1000);
        self.tokens.push(Token {
            session,
            issued,
            refresh_expires: (issued + self.settings.refresh_validity)
                .min(self.sessions[session].ends),
        });
        self.lineage.add(parent)
    }

    fn is_live(&self, session: usize, now: i64) -> bool {
        !self.sessions[session].deleted && now < self.sessions[session].expires
    }

    fn confirm(&mut self, token: TokenId) {
        let facts = self.tokens[token];
        let session = &mut self.sessions[facts.session];
        session.current = token;
        session.expires = facts.refresh_expires;
    }

    /// A refresh token is presented.
    pub fn refresh(&mut self, token: TokenId, now: i64) -> Expected {
        let Token {
            session,
            refresh_expires,
            ..
        } = self.tokens[token];
        if !self.is_live(session, now) || now >= refresh_expires {
            return Expected::Unauthorised;
        }
        let slot = match self.window() {
            0 => now,
            window => now - now.rem_euclid(window),
        };
        let current = self.sessions[session].current;
        match self.lineage.standing(token, current) {
            Standing::Current => {}
            Standing::Child => self.confirm(token),
            Standing::Old if self.raced(token, current, now) => {
                // Access tokens of the winner's time may have expired by now.
                let fresh = now < self.tokens[current].issued + self.access_validity() / 2;
                return Expected::Granted(match fresh {
                    true => current,
                    false => self.child(current, slot),
                });
            }
            Standing::Old => {
                self.theft(session);
                return Expected::Theft;
            }
            Standing::Ahead => return Expected::Unauthorised,
        }
        Expected::Granted(self.child(token, slot))
    }

    /// The child of this slot; without slots, one more. The row lives half an idle timeout from then at least.
    fn child(&mut self, parent: TokenId, slot: i64) -> TokenId {
        let child = self.child_of_slot(parent, slot);
        let facts = self.tokens[child];
        let session = &mut self.sessions[facts.session];
        let needed = facts.issued + self.settings.refresh_validity / 2;
        if self.settings.is_idle_timeout && session.expires < needed {
            session.expires = session.expires.max(facts.refresh_expires);
        }
        child
    }

    fn child_of_slot(&mut self, parent: TokenId, slot: i64) -> TokenId {
        let there = self.children.get(&(parent, slot));
        if let Some(child) = there.filter(|_| self.window() > 0) {
            return *child;
        }
        let child = self.issue(self.tokens[parent].session, Some(parent), slot);
        self.children.insert((parent, slot), child);
        child
    }

    /// At most half of an idle timeout.
    fn access_validity(&self) -> i64 {
        match self.settings.is_idle_timeout {
            true => (self.settings.refresh_validity / 2).min(self.settings.access_validity),
            false => self.settings.access_validity,
        }
    }

    /// A slot is no longer than a sixtieth of the access token's validity, in whole seconds, but no shorter than one.
    fn window(&self) -> i64 {
        let sixtieth = self.access_validity() / 60_000 * 1000;
        self.settings.reuse_window.min(sixtieth.max(1000))
    }

    /// How far ahead of this clock another one may be.
    fn skew(&self) -> i64 {
        (self.access_validity() / 20).clamp(1000, 2500)
    }

    /// How far apart two requests of one race may be.
    fn reach(&self) -> i64 {
        let sixtieth = self.access_validity() / 60_000 * 1000;
        sixtieth.clamp(1000, 60_000) + self.skew()
    }

    /// Whether an access token of this refresh token may expire then: with a child at a slot's start in the last quarter of
    /// its validity, or the last half of a short one.
    pub fn may_expire(&self, token: TokenId, expires: i64) -> bool {
        let facts = self.tokens[token];
        let window = self.window();
        let latest = (facts.issued + self.access_validity()).min(facts.refresh_expires);
        let validity = latest - facts.issued;
        if window == 0 || self.lineage.parent(token).is_none() {
            return expires == latest;
        }
        let share = if validity < 240_000 { 2 } else { 4 };
        let back = validity / window / share * window;
        let earliest = latest - latest.rem_euclid(window) - back;
        // At the end of a session there may be no whole slot.
        (expires % window == 0 && expires <= latest && expires >= earliest)
            || (expires == latest && earliest < facts.issued + window)
    }

    /// Whether the current token comes from this one, or from its parent, by refreshes of one race.
    fn raced(&self, token: TokenId, current: TokenId, now: i64) -> bool {
        let issued = |token: TokenId| self.tokens[token].issued;
        let is_now = |at: i64| at <= now + self.skew() && now <= at + self.reach();
        let is_twin = |at: i64| (at - issued(token)).abs() <= self.reach();
        // From the current token up to a child of `ancestor`: three at most.
        let line = |ancestor: TokenId| {
            let up = std::iter::once(current).chain(self.lineage.ancestors(current));
            let line: Vec<_> = up.take_while(|at| *at != ancestor).collect();
            let first = *line.last()?;
            let is_line = self.lineage.parent(first) == Some(ancestor) && line.len() <= 3;
            is_line.then_some(line)
        };
        let own = || line(token).is_some_and(|line| line.iter().all(|at| is_now(issued(*at))));
        let of_parent = || {
            let line = self.lineage.parent(token).and_then(line);
            line.is_some_and(|line| {
                let (first, later) = line.split_last().expect("it is not empty");
                is_twin(issued(*first))
                    && later
                        .iter()
                        .all(|at| is_now(issued(*at)) || is_twin(issued(*at)))
            })
        };
        self.window() > 0 && (own() || of_parent())
    }

    fn theft(&mut self, session: usize) {
        let user = self.sessions[session].user;
        match self.settings.on_theft {
            OnTheft::Report => {}
            OnTheft::RevokeSession => self.sessions[session].deleted = true,
            OnTheft::RevokeUser => {
                self.delete_all(user);
            }
        }
    }

    /// An access token: of this refresh token, `plain` if it names no parent.
    pub fn verify(&mut self, token: TokenId, plain: bool, expires: i64, now: i64) -> Expected {
        let Token {
            session, issued, ..
        } = self.tokens[token];
        // A minute's grace for clocks that differ.
        if now >= expires || issued / 1000 > now / 1000 + 60 {
            return Expected::TryRefreshToken;
        }
        let live = self.is_live(session, now);
        if plain || self.lineage.parent(token).is_none() {
            return match self.settings.blacklisting && !live {
                true => Expected::Unauthorised,
                false => Expected::Good { replaced: false },
            };
        }
        if !live {
            return Expected::Unauthorised;
        }
        match self.lineage.standing(token, self.sessions[session].current) {
            Standing::Current | Standing::Child => {
                self.confirm(token);
                Expected::Good { replaced: true }
            }
            Standing::Old | Standing::Ahead => Expected::TryRefreshToken,
        }
    }

    /// `DELETE /session`.
    pub fn delete(&mut self, session: usize, now: i64) -> Expected {
        let live = self.is_live(session, now);
        self.sessions[session].deleted |= live;
        Expected::Deleted(live)
    }

    /// `DELETE /session/all`.
    pub fn delete_all(&mut self, user: u8) -> Expected {
        for session in &mut self.sessions {
            session.deleted |= session.user == user;
        }
        Expected::Done
    }

    /// `GET /session/data`.
    pub fn read(&self, session: usize, now: i64) -> Expected {
        match self.is_live(session, now) {
            true => Expected::Data(self.sessions[session].data),
            false => Expected::Unauthorised,
        }
    }

    /// `PUT /session/data`.
    pub fn write(&mut self, session: usize, data: u64, now: i64) -> Expected {
        if !self.is_live(session, now) {
            return Expected::Unauthorised;
        }
        self.sessions[session].data = Some(data);
        Expected::Done
    }

    /// The table of sessions is copied.
    pub fn back_up(&mut self) {
        self.backup = Some(self.sessions.clone());
    }

    /// The copy takes the table's place; whether there is one.
    pub fn restore(&mut self) -> bool {
        let Some(backup) = &self.backup else {
            return false;
        };
        for (number, session) in self.sessions.iter_mut().enumerate() {
            match backup.get(number) {
                Some(then) => *session = then.clone(),
                None => session.deleted = true,
            }
        }
        true
    }
}
