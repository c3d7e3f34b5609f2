//! An implementation as a game sees it: what it is asked, and what it answers.

/// A token, and when it expires in milliseconds since the Unix epoch.
#[derive(Clone, Debug, PartialEq)]
pub struct Token {
    /// The token.
    pub value: String,
    /// When it is no longer good.
    pub expires: i64,
}

/// What a caller holds after a creation or a refresh.
#[derive(Clone, Debug)]
pub struct Grant {
    /// The session handle.
    pub handle: String,
    /// The refresh token.
    pub refresh: Token,
    /// The access token.
    pub access: Token,
}

/// What is asked of an implementation.
#[derive(Clone, Copy, Debug)]
pub enum Request<'a> {
    /// A session of this user with this data.
    Create(u8, u64),
    /// With this refresh token.
    Refresh(&'a str),
    /// With this access token.
    Verify(&'a str),
    /// By its handle.
    Delete(&'a str),
    /// By the user.
    DeleteAll(u8),
    /// By the handle.
    Read(&'a str),
    /// By the handle.
    Write(&'a str, u64),
    /// That its clock be set to this many milliseconds since the Unix epoch.
    Clock(i64),
    /// That the clean-up run.
    Tick,
    /// That the table of sessions be copied.
    BackUp,
    /// That the copy take the table's place.
    Restore,
}

/// What it answers.
#[derive(Debug)]
pub enum Response {
    /// OK of a creation or a refresh.
    Granted(Grant),
    /// OK of a verification: of the session of this handle, perhaps with another access token.
    Good(String, Option<Token>),
    /// No session, or a token that is good for nothing.
    Unauthorised,
    /// Refresh.
    TryRefreshToken,
    /// Theft of tokens of the session of this handle.
    Theft(String),
    /// OK of a deletion; whether there was a session.
    Deleted(bool),
    /// OK without anything to tell.
    Done,
    /// OK of a look at the data.
    Data(Option<u64>),
}

/// An implementation.
#[expect(
    async_fn_in_trait,
    reason = "nobody sends these futures to another thread"
)]
pub trait Subject {
    /// Where its clock stands. None if it runs: then nothing is said about when tokens expire.
    fn now(&self) -> Option<i64>;
    /// Answers. What is no answer of the contract is an error.
    async fn ask(&mut self, request: Request<'_>) -> Result<Response, String>;
}
