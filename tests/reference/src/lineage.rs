//! Which token comes from which, and what that makes of one that is presented.

/// A refresh token, by its number in order of issue.
pub type TokenId = usize;

/// The tokens that were handed out.
#[derive(Clone, Debug, Default)]
pub struct Lineage(Vec<Node>);

#[derive(Clone, Copy, Debug)]
struct Node {
    parent: Option<TokenId>,
    generation: u32,
}

/// How a token stands to the current one of its session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It is that token.
    Current,
    /// It is a child of it.
    Child,
    /// It is older, or of another branch: two parties hold tokens, or requests raced.
    Old,
    /// It is too young for the database, which was set back.
    Ahead,
}

impl Lineage {
    /// One more token: a child of this one, or the first of a session.
    pub fn add(&mut self, parent: Option<TokenId>) -> TokenId {
        let generation = parent.map_or(0, |parent| self.generation(parent) + 1);
        self.0.push(Node { parent, generation });
        self.0.len() - 1
    }

    /// What it is a child of.
    pub fn parent(&self, token: TokenId) -> Option<TokenId> {
        self.0[token].parent
    }

    /// Its parent, the parent of that, and so on.
    pub fn ancestors(&self, token: TokenId) -> impl Iterator<Item = TokenId> {
        std::iter::successors(self.parent(token), |token| self.parent(*token))
    }

    /// How many refreshes lie between it and the first.
    pub fn generation(&self, token: TokenId) -> u32 {
        self.0[token].generation
    }

    /// How `token` stands to `current`.
    pub fn standing(&self, token: TokenId, current: TokenId) -> Standing {
        if token == current {
            Standing::Current
        } else if self.parent(token) == Some(current) {
            Standing::Child
        } else if self.generation(token) <= self.generation(current) + 1 {
            Standing::Old
        } else {
            Standing::Ahead
        }
    }
}
