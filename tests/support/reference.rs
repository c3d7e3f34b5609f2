//! The reference: sessions as the contract's table describes them, in a page. It knows no SQL, no MAC and no cache.

use std::collections::HashMap;

/// What the settings of a run are.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Milliseconds.
    pub access_validity: i64,
    /// Milliseconds.
    pub refresh_validity: i64,
    /// Milliseconds; 0 turns it off.
    pub reuse_window: i64,
    /// Whether each verification asks if the session is there.
    pub blacklisting: bool,
    /// What a theft leads to.
    pub on_theft: OnTheft,
}

/// What the service does about a theft before it reports it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum OnTheft {
    /// Nothing but the report.
    Report,
    /// The session's end.
    RevokeSession,
    /// The end of all of the user's sessions.
    RevokeUser,
}

/// A refresh token, by its number in order of issue.
pub type TokenId = usize;

/// What was handed out by one creation or refresh.
#[derive(Clone, Debug)]
pub struct Token {
    /// Its session's number.
    pub session: usize,
    /// What it is a child of.
    pub parent: Option<TokenId>,
    generation: u32,
    issued: i64,
    /// Milliseconds since the Unix epoch.
    pub refresh_expires: i64,
}

#[derive(Clone, Debug)]
struct Session {
    user: u8,
    current: TokenId,
    generation: u32,
    expires: i64,
    data: Option<u64>,
    deleted: bool,
}

/// What must be answered.
#[derive(Clone, Debug, PartialEq)]
pub enum Expected {
    /// This child, perhaps handed out before.
    Child(TokenId),
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
    /// In order of issue.
    pub tokens: Vec<Token>,
    /// The child of a token in a time slot.
    children: HashMap<(TokenId, i64), TokenId>,
}

impl Reference {
    /// Nothing yet. All times are milliseconds since the Unix epoch.
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            sessions: Vec::new(),
            tokens: Vec::new(),
            children: HashMap::new(),
        }
    }

    /// A new session, by its first token.
    pub fn create(&mut self, user: u8, data: Option<u64>, now: i64) -> TokenId {
        let session = self.sessions.len();
        let token = self.issue(session, None, 0, now - now.rem_euclid(1000));
        self.sessions.push(Session {
            user,
            current: token,
            generation: 0,
            expires: self.tokens[token].refresh_expires,
            data,
            deleted: false,
        });
        token
    }

    fn issue(
        &mut self,
        session: usize,
        parent: Option<TokenId>,
        generation: u32,
        issued: i64,
    ) -> TokenId {
        self.tokens.push(Token {
            session,
            parent,
            generation,
            issued,
            refresh_expires: issued + self.settings.refresh_validity,
        });
        self.tokens.len() - 1
    }

    fn is_live(&self, session: usize, now: i64) -> bool {
        !self.sessions[session].deleted && now < self.sessions[session].expires
    }

    fn confirm(&mut self, token: TokenId) {
        let Token {
            session,
            generation,
            refresh_expires,
            ..
        } = self.tokens[token];
        let session = &mut self.sessions[session];
        session.current = token;
        session.generation = generation;
        session.expires = refresh_expires;
    }

    /// A refresh token is presented.
    pub fn refresh(&mut self, token: TokenId, now: i64) -> Expected {
        let Token {
            session,
            parent,
            generation,
            refresh_expires,
            ..
        } = self.tokens[token];
        if !self.is_live(session, now) || now >= refresh_expires {
            return Expected::Unauthorised;
        }
        let window = self.window();
        let slot = match window {
            0 => now,
            _ => now - now.rem_euclid(window),
        };
        let issued = slot - slot.rem_euclid(1000);
        let in_slot = self.children.get(&(token, slot)).copied();
        let in_slot = in_slot.filter(|_| window > 0);
        let state = &self.sessions[session];
        if token != state.current {
            if parent == Some(state.current) {
                self.confirm(token);
            } else if window > 0 && self.raced(token, state.current, slot) {
                return Expected::Child(state.current);
            } else if generation <= state.generation + 1 {
                self.theft(session);
                return Expected::Theft;
            } else {
                return Expected::Unauthorised;
            }
        }
        if let Some(child) = in_slot {
            return Expected::Child(child);
        }
        let child = self.issue(session, Some(token), generation + 1, issued);
        self.children.insert((token, slot), child);
        Expected::Child(child)
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
        if window == 0 || self.tokens[token].parent.is_none() {
            return expires == latest;
        }
        let last = (validity / 10 / window).max(3) * window;
        expires % window == 0 && expires <= latest && expires > latest - last
    }

    /// Whether the current token comes from this one through children of this very slot.
    fn raced(&self, token: TokenId, current: TokenId, slot: i64) -> bool {
        let parent = |child: &TokenId| {
            let parent = self.tokens[*child].parent?;
            (self.children.get(&(parent, slot)) == Some(child)).then_some(parent)
        };
        std::iter::successors(parent(&current), parent).any(|ancestor| ancestor == token)
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
            session, parent, ..
        } = self.tokens[token];
        if now >= expires {
            return Expected::TryRefreshToken;
        }
        let live = self.is_live(session, now);
        let Some(parent) = parent.filter(|_| !plain) else {
            return match self.settings.blacklisting && !live {
                true => Expected::Unauthorised,
                false => Expected::Good { replaced: false },
            };
        };
        if !live {
            return Expected::Unauthorised;
        }
        if self.sessions[session].current == parent {
            self.confirm(token);
        }
        match self.sessions[session].current == token {
            true => Expected::Good { replaced: true },
            false => Expected::TryRefreshToken,
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
    pub fn write(&mut self, session: usize, data: Option<u64>, now: i64) -> Expected {
        if !self.is_live(session, now) {
            return Expected::Unauthorised;
        }
        self.sessions[session].data = data;
        Expected::Done
    }

    /// A session's current refresh token and its generation.
    pub fn current(&self, session: usize) -> (TokenId, u32) {
        let session = &self.sessions[session];
        (session.current, session.generation)
    }

    /// How many sessions were made.
    pub fn session_count(&self) -> usize {
        self.sessions.len()
    }
}
