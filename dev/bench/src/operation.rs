//! The operations that are measured, by name.

use std::fmt;

use clap::ValueEnum;

/// What a window of load consists of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, ValueEnum)]
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
    /// Whether it is measured with CDI, too: those that sign or check an access token.
    pub(crate) fn is_cdis(self) -> bool {
        use Operation::{Chain, Confirm, Create, Refresh, Verify};
        matches!(self, Create | Verify | Refresh | Chain | Confirm)
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.to_possible_value();
        f.pad(value.as_ref().map_or("", |value| value.get_name()))
    }
}
