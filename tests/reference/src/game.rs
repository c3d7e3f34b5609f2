//! Playing a list of operations on the reference and on an implementation at once: every answer must be the one that
//! the rules give. A failure is a list of operations, which can be kept.

use std::collections::HashMap;

use crate::lineage::TokenId;
use crate::rules::{Expected, Reference};
use crate::settings::Settings;
use crate::subject::{Grant, Request, Response, Subject, Token};

/// A step. Numbers of tokens and of their sessions count what was handed out so far and wrap around, so that every list
/// can be played; those near the greatest count from the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// A session of this user.
    Create(u8),
    /// Presents a refresh token.
    Refresh(usize),
    /// The same, but the reply never arrives.
    Lost(usize),
    /// Presents the access token that came with a refresh token.
    Verify(usize),
    /// Presents the access token that replaced it, if one did.
    VerifyReplaced(usize),
    /// Deletes the session of a token.
    Delete(usize),
    /// Deletes all sessions of a user.
    DeleteAll(u8),
    /// Reads the session's data.
    Read(usize),
    /// Writes the session's data.
    Write(usize, u64),
    /// So many milliseconds go by; if they are negative the clock is set back.
    Advance(i64),
    /// The clean-up runs.
    Tick,
    /// The sessions are backed up.
    BackUp,
    /// The last backup is restored, if there is one.
    Restore,
}

impl Op {
    /// Steps by their names and numbers: `create0 refresh0 wait11 verify1`. `wait` counts seconds, `ms` milliseconds.
    ///
    /// # Panics
    /// If a word is no step.
    pub fn list(text: &str) -> Vec<Self> {
        let step = |word: &str| {
            let digits = word.find(|c: char| c.is_ascii_digit());
            let (name, number) = word.split_at(digits.unwrap_or(word.len()));
            let n: usize = number.parse().unwrap_or(0);
            match name {
                "create" => Self::Create(n as u8),
                "refresh" => Self::Refresh(n),
                "lost" => Self::Lost(n),
                "verify" => Self::Verify(n),
                "replaced" => Self::VerifyReplaced(n),
                "delete" => Self::Delete(n),
                "all" => Self::DeleteAll(n as u8),
                "read" => Self::Read(n),
                "write" => Self::Write(n, 4711),
                "wait" => Self::Advance(n as i64 * 1000),
                "ms" => Self::Advance(n as i64),
                "tick" => Self::Tick,
                "backup" => Self::BackUp,
                "restore" => Self::Restore,
                _ => panic!("{word} is no step"),
            }
        };
        text.split_whitespace().map(step).collect()
    }
}

/// One game: what the caller holds, and what the reference says.
pub struct Game<S> {
    subject: S,
    reference: Reference,
    /// The last that was granted with each refresh token, whether it has arrived or not.
    granted: HashMap<TokenId, Grant>,
    replaced: HashMap<TokenId, Token>,
    /// The tokens that have arrived, in order.
    arrived: Vec<TokenId>,
    handles: Vec<String>,
    replies: usize,
    last: Option<Expected>,
}

impl<S: Subject> Game<S> {
    /// A game that has not begun.
    pub fn new(subject: S, settings: Settings) -> Self {
        Self {
            subject,
            reference: Reference::new(settings),
            granted: HashMap::new(),
            replaced: HashMap::new(),
            arrived: Vec::new(),
            handles: Vec::new(),
            replies: 0,
            last: None,
        }
    }

    /// Plays on. How many replies were compared so far, or the first that was not as it must be.
    pub async fn play(&mut self, ops: &[Op]) -> Result<usize, String> {
        for (number, op) in ops.iter().enumerate() {
            self.step(*op)
                .await
                .map_err(|mismatch| format!("step {number}, {op:?}: {mismatch}"))?;
        }
        Ok(self.replies)
    }

    /// What was granted with a session's current refresh token, and how many refreshes that is from the first.
    pub fn current(&self, session: usize) -> (&Grant, u32) {
        let (token, generation) = self.reference.current(session);
        (&self.granted[&token], generation)
    }

    /// What the last step was answered with, as it had to be.
    pub fn last(&self) -> Option<&Expected> {
        self.last.as_ref()
    }

    fn picked(&self, number: usize) -> Option<TokenId> {
        let count = self.arrived.len();
        (count > 0).then(|| match number > usize::MAX / 2 {
            true => self.arrived[count - 1 - (usize::MAX - number) % count],
            false => self.arrived[number % count],
        })
    }

    async fn step(&mut self, op: Op) -> Result<(), String> {
        let picked = match op {
            Op::Refresh(number)
            | Op::Lost(number)
            | Op::Verify(number)
            | Op::VerifyReplaced(number)
            | Op::Delete(number)
            | Op::Read(number)
            | Op::Write(number, _) => match self.picked(number) {
                None => return Ok(()),
                picked => picked,
            },
            _ => None,
        };
        let now = self.subject.now();
        let at = now.unwrap_or(0);
        let (reference, granted) = (&mut self.reference, &self.granted);
        // What needs a token has one by now; nothing else looks at these.
        let token = picked.unwrap_or(0);
        let session = picked.map_or(0, |token| reference.token(token).session);
        let handle = self.handles.get(session).map_or("", |handle| handle);
        let (request, expected) = match op {
            Op::Create(user) => {
                let data = self.handles.len() as u64;
                let token = reference.create(user, Some(data), at);
                (Request::Create(user, data), Expected::Granted(token))
            }
            Op::Refresh(_) | Op::Lost(_) => {
                let refresh = &granted[&token].refresh.value;
                (Request::Refresh(refresh), reference.refresh(token, at))
            }
            Op::Verify(_) => {
                let access = &granted[&token].access;
                let expected = reference.verify(token, false, access.expires, at);
                (Request::Verify(&access.value), expected)
            }
            Op::VerifyReplaced(_) => {
                let Some(access) = self.replaced.get(&token) else {
                    return Ok(());
                };
                let expected = reference.verify(token, true, access.expires, at);
                (Request::Verify(&access.value), expected)
            }
            Op::Delete(_) => (Request::Delete(handle), reference.delete(session, at)),
            Op::DeleteAll(user) => (Request::DeleteAll(user), reference.delete_all(user)),
            Op::Read(_) => (Request::Read(handle), reference.read(session, at)),
            Op::Write(_, data) => (
                Request::Write(handle, data),
                reference.write(session, data, at),
            ),
            Op::Advance(milliseconds) => {
                let now = now.expect("the clock of this game stands still");
                (Request::Clock(now + milliseconds), Expected::Done)
            }
            Op::Tick => (Request::Tick, Expected::Done),
            Op::BackUp => {
                reference.back_up();
                (Request::BackUp, Expected::Done)
            }
            Op::Restore => match reference.restore() {
                true => (Request::Restore, Expected::Done),
                false => return Ok(()),
            },
        };
        let reply = self.subject.ask(request).await?;
        if let (Op::Create(_), Response::Granted(grant)) = (op, &reply) {
            self.handles.push(grant.handle.clone());
        }
        if let (Expected::Granted(token), false) = (&expected, matches!(op, Op::Lost(_)))
            && !self.arrived.contains(token)
        {
            self.arrived.push(*token);
        }
        let asked = !matches!(op, Op::Advance(_) | Op::Tick | Op::BackUp | Op::Restore);
        self.replies += usize::from(asked);
        self.compare(picked, &expected, reply)?;
        self.last = Some(expected);
        Ok(())
    }

    /// Holds a reply to what was asked with a token, or without one, against what must come.
    fn compare(
        &mut self,
        token: Option<TokenId>,
        expected: &Expected,
        reply: Response,
    ) -> Result<(), String> {
        let own = token.map(|token| &*self.handles[self.reference.token(token).session]);
        match (expected, reply) {
            (Expected::Granted(token), Response::Granted(grant)) => self.receive(*token, grant),
            (Expected::Good { replaced: true }, Response::Good(handle, Some(access)))
                if own == Some(&*handle) =>
            {
                let token = token.expect("a verification is of a token");
                let expires = self.granted[&token].access.expires;
                if access.expires != expires {
                    return Err(format!("{access:?} does not keep {expires}"));
                }
                self.replaced.insert(token, access);
                Ok(())
            }
            (Expected::Good { replaced: false }, Response::Good(handle, None))
            | (Expected::Theft, Response::Theft(handle))
                if own == Some(&*handle) =>
            {
                Ok(())
            }
            (Expected::Unauthorised, Response::Unauthorised)
            | (Expected::TryRefreshToken, Response::TryRefreshToken)
            | (Expected::Done, Response::Done) => Ok(()),
            (Expected::Deleted(any), Response::Deleted(told)) if *any == told => Ok(()),
            (Expected::Data(data), Response::Data(told)) if *data == told => Ok(()),
            (expected, reply) => Err(format!("expected {expected:?}, got {reply:?}")),
        }
    }

    /// A grant: new, or the very one that was handed out before, with an access token that may expire at another time.
    fn receive(&mut self, token: TokenId, grant: Grant) -> Result<(), String> {
        let facts = self.reference.token(token);
        if grant.handle != self.handles[facts.session] {
            return Err("another session's handle".to_owned());
        }
        let told = (grant.refresh.expires, grant.access.expires);
        if self.subject.now().is_some()
            && !(told.0 == facts.refresh_expires && self.reference.may_expire(token, told.1))
        {
            return Err(format!(
                "tokens that expire at {told:?}; the refresh token must at {}",
                facts.refresh_expires
            ));
        }
        let same = |granted: &Grant| granted.refresh.value == grant.refresh.value;
        match self.granted.get(&token) {
            Some(granted) if !same(granted) => {
                return Err("another child in the same slot".to_owned());
            }
            None if self.granted.values().any(same) => {
                return Err("a child that was handed out in another slot".to_owned());
            }
            _ => {}
        }
        self.granted.insert(token, grant);
        Ok(())
    }
}
