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
        let token = self.issue(self.sessions.len(), None, now);
        self.sessions.push(Session {
            user,
            current: token,
            expires: self.tokens[token].refresh_expires,
            data,
            deleted: false,
        });
        token
    }

    fn issue(&mut self, session: usize, parent: Option<TokenId>, at: i64) -> TokenId {
        let issued = at - at.rem_euclid(1000);
        self.tokens.push(Token {
            session,
            issued,
            refresh_expires: issued + self.settings.refresh_validity,
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
            Standing::Old if self.raced(token, current, slot) => return Expected::Granted(current),
            Standing::Old => {
                self.theft(session);
                return Expected::Theft;
            }
            Standing::Ahead => return Expected::Unauthorised,
        }
        Expected::Granted(self.child(token, slot))
    }

    /// The child of this slot; without slots, one more.
    fn child(&mut self, parent: TokenId, slot: i64) -> TokenId {
        let there = self.children.get(&(parent, slot));
        if let Some(child) = there.filter(|_| self.window() > 0) {
            return *child;
        }
        let child = self.issue(self.tokens[parent].session, Some(parent), slot);
        self.children.insert((parent, slot), child);
        child
    }

    /// A slot is no longer than a sixtieth of the access token's validity, in whole seconds, but no shorter than one.
    fn window(&self) -> i64 {
        let sixtieth = self.settings.access_validity / 60_000 * 1000;
        self.settings.reuse_window.min(sixtieth.max(1000))
    }

    /// Whether an access token of this refresh token may expire then: with a child at a slot's start among the last
    /// tenth of its validity, or the last three slots.
    pub fn may_expire(&self, token: TokenId, expires: i64) -> bool {
        let (window, validity) = (self.window(), self.settings.access_validity);
        let latest = self.tokens[token].issued + validity;
        if window == 0 || self.lineage.parent(token).is_none() {
            return expires == latest;
        }
        let last = (validity / 10 / window).max(3) * window;
        expires % window == 0 && expires <= latest && expires > latest - last
    }

    /// Whether the current token comes from this one through children of this very slot.
    fn raced(&self, token: TokenId, current: TokenId, slot: i64) -> bool {
        let of_slot = |child: &TokenId| {
            let parent = self.lineage.parent(*child);
            parent.is_some_and(|parent| self.children.get(&(parent, slot)) == Some(child))
        };
        self.window() > 0
            && std::iter::once(current)
                .chain(self.lineage.ancestors(current))
                .take_while(of_slot)
                .any(|child| self.lineage.parent(child) == Some(token))
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
