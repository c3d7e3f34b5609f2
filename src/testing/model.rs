//! The rotation table once more: a tree of tokens and a pointer to the current one. Written from the API's
//! description alone, to hold implementations against; a failure is a list of operations.

use std::time::Duration;

use crate::domain::time::Timestamp;

/// One step of two parties who hold tokens of one session. Numbers pick one of the tokens handed out so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Op {
    /// Presents a refresh token.
    Refresh(usize),
    /// The same, but the reply is lost.
    RefreshAndLose(usize),
    /// Presents the access token that came with a refresh token.
    Verify(usize),
    /// Presents the access token that replaced it, if one did.
    VerifyReplacement(usize),
    /// Time goes by.
    Wait(Duration),
    /// The clock is set back.
    SetBack(Duration),
    /// The database is backed up.
    BackUp,
    /// The last backup is restored.
    Restore,
    /// The session is revoked.
    Revoke,
}

/// What an implementation answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reply {
    Child {
        refresh: String,
        access: String,
        access_expires: Timestamp,
    },
    Verified {
        replacement: Option<String>,
    },
    TryRefresh,
    Unauthorised,
    Theft,
}

/// An implementation with one session, that starts with the tokens given to [`check`].
pub(crate) trait Subject {
    fn refresh(&mut self, token: &str, now: Timestamp) -> Reply;
    fn verify(&mut self, token: &str, now: Timestamp) -> Reply;
    fn back_up(&mut self, now: Timestamp);
    fn restore(&mut self, now: Timestamp);
    fn revoke(&mut self, now: Timestamp);
}

/// The settings that matter.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    pub(crate) window: Duration,
    pub(crate) access_validity: Duration,
    pub(crate) refresh_validity: Duration,
    pub(crate) blacklisting: bool,
    pub(crate) theft_revokes: bool,
}

#[derive(Debug, PartialEq, Eq)]
enum Expected {
    /// This node of the tree.
    Child(usize),
    Verified {
        replaced: bool,
    },
    TryRefresh,
    Unauthorised,
    Theft,
}

struct Node {
    parent: Option<usize>,
    generation: u64,
    /// Milliseconds.
    issued: u64,
    /// The slot in which it was made; none if every refresh makes another one.
    slot: Option<u64>,
    refresh: Option<String>,
    /// The access token that came with it last, and the one that replaced an access token of it.
    access: Option<Access>,
    replacement: Option<Access>,
}

/// An access token, and when it expires in milliseconds.
#[derive(Clone)]
struct Access {
    text: String,
    expires: u64,
}

#[derive(Clone, Copy)]
struct Row {
    current: usize,
    expires: u64,
}

struct Model {
    rules: Rules,
    nodes: Vec<Node>,
    row: Option<Row>,
    backup: Option<Row>,
    now: u64,
}

impl Model {
    fn live(&self) -> Option<Row> {
        self.row.filter(|row| self.now < row.expires)
    }

    fn expiry(&self, node: usize) -> u64 {
        self.nodes[node].issued + self.rules.refresh_validity.as_millis() as u64
    }

    /// A slot's length in milliseconds.
    fn window(&self) -> u64 {
        let longest = (self.rules.access_validity.as_secs() / 60).max(1);
        self.rules.window.as_secs().min(longest) * 1000
    }

    /// Whether an access token of this node may expire then.
    fn may_expire(&self, node: usize, expires: u64) -> bool {
        let validity = self.rules.access_validity.as_millis() as u64;
        let (window, latest) = (self.window(), self.nodes[node].issued + validity);
        if window == 0 || self.nodes[node].parent.is_none() {
            return expires == latest;
        }
        let last = (validity / 10 / window).max(3) * window;
        expires.is_multiple_of(window) && expires <= latest && expires + last > latest
    }

    fn child_of(&mut self, parent: usize) -> usize {
        let window = self.window();
        let slot = self.now.checked_div(window);
        let same = |node: &Node| node.parent == Some(parent) && node.slot == slot;
        if slot.is_some()
            && let Some(there) = self.nodes.iter().position(same)
        {
            return there;
        }
        self.nodes.push(Node {
            parent: Some(parent),
            generation: self.nodes[parent].generation + 1,
            issued: slot.map_or(self.now / 1000 * 1000, |slot| slot * window),
            slot,
            refresh: None,
            access: None,
            replacement: None,
        });
        self.nodes.len() - 1
    }

    /// Whether the current token comes from this one through children of the present slot.
    fn raced(&self, node: usize, current: usize) -> bool {
        let slot = self.now.checked_div(self.window());
        let of_slot = |node: &usize| slot.is_some() && self.nodes[*node].slot == slot;
        std::iter::successors(Some(current), |node| self.nodes[*node].parent)
            .take_while(of_slot)
            .any(|descendant| self.nodes[descendant].parent == Some(node))
    }

    /// Something of a child of the current token is used.
    fn make_current(&mut self, node: usize) {
        self.row = Some(Row {
            current: node,
            expires: self.expiry(node),
        });
    }

    fn refresh(&mut self, node: usize) -> Expected {
        let Some(row) = self.live() else {
            return Expected::Unauthorised;
        };
        if self.now >= self.expiry(node) {
            return Expected::Unauthorised;
        }
        if node == row.current {
            return Expected::Child(self.child_of(node));
        }
        if self.nodes[node].parent == Some(row.current) {
            self.make_current(node);
            return Expected::Child(self.child_of(node));
        }
        if self.nodes[node].generation > self.nodes[row.current].generation + 1 {
            return Expected::Unauthorised;
        }
        if self.raced(node, row.current) {
            return Expected::Child(row.current);
        }
        if self.rules.theft_revokes {
            self.row = None;
        }
        Expected::Theft
    }

    fn verify(&mut self, node: usize, expires: u64, replacement: bool) -> Expected {
        let issued = self.nodes[node].issued / 1000;
        if self.now >= expires || issued > self.now / 1000 + 60 {
            return Expected::TryRefresh;
        }
        if replacement || self.nodes[node].parent.is_none() {
            return match self.live() {
                None if self.rules.blacklisting => Expected::Unauthorised,
                _ => Expected::Verified { replaced: false },
            };
        }
        if self
            .live()
            .is_some_and(|row| self.nodes[node].parent == Some(row.current))
        {
            self.make_current(node);
        }
        match self.live() {
            None => Expected::Unauthorised,
            Some(row) if row.current == node => Expected::Verified { replaced: true },
            Some(_) => Expected::TryRefresh,
        }
    }
}

/// Runs the operations on an implementation; panics at the first answer that the table does not give.
///
/// `texts` are the first refresh and access token, issued at `now`.
pub(crate) fn check(
    subject: &mut impl Subject,
    rules: Rules,
    texts: (String, String),
    now: Timestamp,
    ops: &[Op],
) {
    let mut model = Model {
        rules,
        nodes: vec![Node {
            parent: None,
            generation: 0,
            issued: now.as_secs() * 1000,
            slot: None,
            refresh: Some(texts.0),
            access: Some(Access {
                text: texts.1,
                expires: (now.as_secs() + rules.access_validity.as_secs()) * 1000,
            }),
            replacement: None,
        }],
        row: None,
        backup: None,
        now: now.as_millis(),
    };
    model.make_current(0);
    let mut known = vec![0];
    for (step, op) in ops.iter().enumerate() {
        let at = Timestamp::from_millis(model.now);
        let picked = |number: usize| known[number % known.len()];
        match *op {
            Op::Refresh(number) | Op::RefreshAndLose(number) => {
                let node = picked(number);
                let text = model.nodes[node].refresh.clone().unwrap();
                let reply = subject.refresh(&text, at);
                let expected = model.refresh(node);
                compare(&mut model, node, &expected, reply, step, *op);
                if let (Expected::Child(child), Op::Refresh(_)) = (expected, op)
                    && !known.contains(&child)
                {
                    known.push(child);
                }
            }
            Op::Verify(number) => {
                let node = picked(number);
                let access = model.nodes[node].access.clone().unwrap();
                let reply = subject.verify(&access.text, at);
                let expected = model.verify(node, access.expires, false);
                compare(&mut model, node, &expected, reply, step, *op);
            }
            Op::VerifyReplacement(number) => {
                let node = picked(number);
                if let Some(access) = model.nodes[node].replacement.clone() {
                    let reply = subject.verify(&access.text, at);
                    let expected = model.verify(node, access.expires, true);
                    compare(&mut model, node, &expected, reply, step, *op);
                }
            }
            Op::Wait(duration) => model.now += duration.as_millis() as u64,
            Op::SetBack(duration) => model.now -= duration.as_millis() as u64,
            Op::BackUp => {
                subject.back_up(at);
                model.backup = model.live();
            }
            Op::Restore => {
                subject.restore(at);
                model.row = model.backup;
            }
            Op::Revoke => {
                subject.revoke(at);
                model.row = None;
            }
        }
    }
}

fn compare(model: &mut Model, node: usize, expected: &Expected, reply: Reply, step: usize, op: Op) {
    match (expected, reply) {
        (
            Expected::Child(child),
            Reply::Child {
                refresh,
                access,
                access_expires,
            },
        ) => {
            let expires = access_expires.as_millis();
            assert!(
                model.may_expire(*child, expires),
                "step {step}, {op:?}: an access token that expires {access_expires:?}"
            );
            let mut others = model.nodes.iter().filter_map(|node| node.refresh.as_ref());
            match &model.nodes[*child].refresh {
                Some(before) => assert_eq!(refresh, *before, "step {step}, {op:?}: another child"),
                None => assert!(
                    others.all(|other| refresh != *other),
                    "step {step}, {op:?}: a child that was there before"
                ),
            }
            model.nodes[*child].refresh = Some(refresh);
            model.nodes[*child].access = Some(Access {
                text: access,
                expires,
            });
        }
        (
            Expected::Verified { replaced: true },
            Reply::Verified {
                replacement: Some(text),
            },
        ) => {
            // It expires with the one that it replaces.
            let expires = model.nodes[node].access.as_ref().unwrap().expires;
            model.nodes[node].replacement = Some(Access { text, expires });
        }
        (Expected::Verified { replaced: false }, Reply::Verified { replacement: None })
        | (Expected::TryRefresh, Reply::TryRefresh)
        | (Expected::Unauthorised, Reply::Unauthorised)
        | (Expected::Theft, Reply::Theft) => {}
        (expected, reply) => panic!("step {step}, {op:?}: expected {expected:?}, got {reply:?}"),
    }
}
