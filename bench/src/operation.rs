//! The operations that are measured, by name.

use std::fmt;
use std::str::FromStr;

/// What a window of load consists of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Operation {
    /// `POST /session`.
    Create,
    /// `PUT /session` with an access token that needs no confirmation.
    Verify,
    /// `PUT /refresh` with the current refresh token, again and again.
    Refresh,
    /// `PUT /refresh` with the refresh token of the reply before: each confirms its parent.
    Chain,
    /// `PUT /session` with the access token of a refresh: it confirms the refresh.
    Confirm,
    /// `GET /session/data`.
    Read,
    /// `PUT /session/data`.
    Write,
    /// `DELETE /session`.
    Delete,
    /// 90 % verify, 5 % refresh with its confirmation, 3 % create, 2 % delete.
    Mix,
}

impl Operation {
    /// All of them.
    pub(crate) const ALL: [Self; 9] = [
        Self::Create,
        Self::Verify,
        Self::Refresh,
        Self::Chain,
        Self::Confirm,
        Self::Read,
        Self::Write,
        Self::Delete,
        Self::Mix,
    ];

    /// Whether clients can't share sessions, because it follows one through its changes.
    pub(crate) fn changes_its_session(self) -> bool {
        matches!(self, Self::Chain | Self::Mix)
    }

    /// Its name on the command line and in tables.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Verify => "verify",
            Self::Refresh => "refresh",
            Self::Chain => "chain",
            Self::Confirm => "confirm",
            Self::Read => "read",
            Self::Write => "write",
            Self::Delete => "delete",
            Self::Mix => "mix",
        }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Operation {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|operation| operation.name() == name)
            .ok_or_else(|| {
                let names = Self::ALL.map(Self::name).join(", ");
                format!("there is no operation {name}; there are {names}")
            })
    }
}
