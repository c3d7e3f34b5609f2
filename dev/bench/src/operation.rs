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

/// All of them, by their names on the command line and in tables.
const NAMES: [(&str, Operation); 9] = [
    ("create", Operation::Create),
    ("verify", Operation::Verify),
    ("refresh", Operation::Refresh),
    ("chain", Operation::Chain),
    ("confirm", Operation::Confirm),
    ("read", Operation::Read),
    ("write", Operation::Write),
    ("delete", Operation::Delete),
    ("mix", Operation::Mix),
];

impl Operation {
    /// All of them.
    pub(crate) fn all() -> Vec<Self> {
        NAMES.map(|(_, operation)| operation).to_vec()
    }

    /// Whether it is measured with CDI, too: those that sign or check an access token.
    pub(crate) fn is_cdis(self) -> bool {
        use Operation::{Chain, Confirm, Create, Refresh, Verify};
        matches!(self, Create | Verify | Refresh | Chain | Confirm)
    }

    /// Its name.
    pub(crate) fn name(self) -> &'static str {
        NAMES[self as usize].0
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
        let named = NAMES.into_iter().find(|(known, _)| *known == name);
        let names = NAMES.map(|(known, _)| known).join(", ");
        named
            .map(|(_, operation)| operation)
            .ok_or_else(|| format!("there is no operation {name}; there are {names}"))
    }
}
