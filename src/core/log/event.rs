//! Everything that is logged. A name, once released, stays; so do the names of its fields.

use std::fmt::Display;

use serde_json::Value;

use super::Level;
use crate::domain::config::TheftPolicy;
use crate::domain::id::{Generation, HandleHash};
use crate::domain::maintenance::Report;
use crate::domain::setting::ConfigError;

/// Something that happened. A session is named by its row's key, a user never.
#[derive(Clone, Copy)]
pub enum Event<'a> {
    /// A setting is wrong; nothing is served.
    Misconfigured(&'a ConfigError),
    /// The settings can't be read now.
    SettingsUnreadable {
        /// What happened.
        reason: &'a dyn Display,
    },
    /// `api_keys` is not set.
    OpenToAnyone,
    /// A request got a 500 or 503.
    RequestFailed {
        /// Method and path of its endpoint.
        endpoint: &'a dyn Display,
        /// The status that the caller got.
        status: u16,
        /// What happened.
        reason: &'a dyn Display,
        /// How long it took, in milliseconds.
        took_ms: u64,
    },
    /// The keys could not be loaded, or are not those of these settings.
    KeysNotLoaded {
        /// What happened.
        reason: &'a dyn Display,
    },
    /// Two parties hold tokens of one session.
    TokenTheftDetected {
        /// Which session.
        session: HandleHash,
        /// The generation of the token that was presented.
        presented: Generation,
        /// The generation of the current one.
        current: Generation,
        /// What was done about it.
        policy: TheftPolicy,
    },
    /// A refresh token is younger than its row: an older backup was restored.
    TokenAheadOfDatabase {
        /// Which session.
        session: HandleHash,
        /// What that means.
        reason: &'a dyn Display,
    },
    /// A user logged in.
    SessionCreated {
        /// Which session.
        session: HandleHash,
    },
    /// A refresh token was exchanged.
    SessionRefreshed {
        /// Which session.
        session: HandleHash,
        /// The generation of the token that was handed out.
        generation: Generation,
    },
    /// A session was removed.
    SessionRevoked {
        /// Which session.
        session: HandleHash,
    },
    /// All sessions of a user were removed.
    UserRevoked,
    /// A signing key was published by a request, since no tick had.
    SigningKeyPublished {
        /// The name of its row.
        key: &'a str,
    },
    /// The tables were created or upgraded.
    TablesChanged,
    /// A signing key that is overdue could not be published; those at hand go on.
    SigningKeyNotPublished {
        /// The name of its row.
        key: &'a str,
        /// What happened.
        reason: &'a dyn Display,
    },
    /// A tick of the scheduled component ended.
    Maintenance(&'a Report),
    /// Whoever asked was gone before the reply.
    ReplyNotTaken,
    /// Edge: the session service gave no answer.
    NoReplyFromService {
        /// What happened.
        reason: &'a dyn Display,
    },
    /// Edge: the site gave no reply.
    NoReplyFromSite {
        /// What happened.
        reason: &'a dyn Display,
    },
    /// Edge: a session that nobody needs could not be revoked; it ends when it expires.
    SessionLeftBehind {
        /// What happened.
        reason: &'a dyn Display,
    },
    /// Edge: a session was ended, since its payload has grown beyond a cookie.
    SessionTooLarge {
        /// What happened.
        reason: &'a dyn Display,
    },
    /// A token was refused.
    TokenRefused {
        /// Which kind of token.
        token: TokenKind,
        /// Of which session, if the token is authentic.
        session: Option<HandleHash>,
        /// Why.
        reason: &'a dyn Display,
    },
}

/// Which kind of token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenKind {
    /// Checked on `PUT /session`.
    Access,
    /// Exchanged on `PUT /refresh`.
    Refresh,
}

impl Event<'_> {
    /// Its stable name.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Misconfigured(_) => "misconfigured",
            Self::SettingsUnreadable { .. } => "settings_unreadable",
            Self::OpenToAnyone => "open_to_anyone",
            Self::RequestFailed { .. } => "request_failed",
            Self::KeysNotLoaded { .. } => "keys_not_loaded",
            Self::TokenTheftDetected { .. } => "token_theft_detected",
            Self::TokenAheadOfDatabase { .. } => "token_ahead_of_database",
            Self::SessionCreated { .. } => "session_created",
            Self::SessionRefreshed { .. } => "session_refreshed",
            Self::SessionRevoked { .. } => "session_revoked",
            Self::UserRevoked => "user_revoked",
            Self::SigningKeyPublished { .. } => "signing_key_published",
            Self::SigningKeyNotPublished { .. } => "signing_key_not_published",
            Self::TablesChanged => "tables_changed",
            Self::Maintenance(_) => "maintenance",
            Self::ReplyNotTaken => "reply_not_taken",
            Self::NoReplyFromService { .. } => "no_reply_from_service",
            Self::NoReplyFromSite { .. } => "no_reply_from_site",
            Self::SessionLeftBehind { .. } => "session_left_behind",
            Self::SessionTooLarge { .. } => "session_too_large",
            Self::TokenRefused { .. } => "token_refused",
        }
    }

    /// How much it matters.
    pub fn level(&self) -> Level {
        match self {
            Self::Misconfigured(_)
            | Self::SettingsUnreadable { .. }
            | Self::RequestFailed { .. }
            | Self::KeysNotLoaded { .. }
            | Self::SigningKeyNotPublished { .. }
            | Self::NoReplyFromService { .. }
            | Self::NoReplyFromSite { .. } => Level::Error,
            Self::Maintenance(report) if report.error.is_some() => Level::Error,
            Self::OpenToAnyone
            | Self::TokenTheftDetected { .. }
            | Self::TokenAheadOfDatabase { .. }
            | Self::ReplyNotTaken
            | Self::SessionLeftBehind { .. }
            | Self::SessionTooLarge { .. } => Level::Warn,
            Self::SessionCreated { .. }
            | Self::SessionRefreshed { .. }
            | Self::SessionRevoked { .. }
            | Self::UserRevoked
            | Self::SigningKeyPublished { .. }
            | Self::TablesChanged
            | Self::Maintenance(_) => Level::Info,
            Self::TokenRefused { .. } => Level::Debug,
        }
    }

    /// Its fields, by their stable names.
    pub fn fields(&self) -> Vec<(&'static str, Value)> {
        match self {
            Self::Misconfigured(error) => {
                let value = error.value.as_deref().map(|value| ("value", value.into()));
                [("variable", error.variable.into())]
                    .into_iter()
                    .chain(value)
                    .chain([("allowed", error.allowed.as_str().into())])
                    .collect()
            }
            Self::OpenToAnyone | Self::UserRevoked | Self::TablesChanged | Self::ReplyNotTaken => {
                Vec::new()
            }
            Self::RequestFailed {
                endpoint,
                status,
                reason,
                took_ms,
            } => vec![
                ("endpoint", endpoint.to_string().into()),
                ("status", (*status).into()),
                ("reason", reason.to_string().into()),
                ("took_ms", (*took_ms).into()),
            ],
            Self::SettingsUnreadable { reason }
            | Self::KeysNotLoaded { reason }
            | Self::NoReplyFromService { reason }
            | Self::NoReplyFromSite { reason }
            | Self::SessionLeftBehind { reason }
            | Self::SessionTooLarge { reason } => vec![("reason", reason.to_string().into())],
            Self::SigningKeyNotPublished { key, reason } => vec![
                ("key", (*key).into()),
                ("reason", reason.to_string().into()),
            ],
            Self::TokenTheftDetected {
                session,
                presented,
                current,
                policy,
            } => vec![
                ("session", session.as_str().into()),
                ("generation", presented.0.into()),
                ("current_generation", current.0.into()),
                ("policy", policy.word().into()),
            ],
            Self::TokenAheadOfDatabase { session, reason } => vec![
                ("session", session.as_str().into()),
                ("reason", reason.to_string().into()),
            ],
            Self::SessionCreated { session } | Self::SessionRevoked { session } => {
                vec![("session", session.as_str().into())]
            }
            Self::SessionRefreshed {
                session,
                generation,
            } => vec![
                ("session", session.as_str().into()),
                ("generation", generation.0.into()),
            ],
            Self::SigningKeyPublished { key } => vec![("key", (*key).into())],
            Self::Maintenance(report) => report.fields(),
            Self::TokenRefused {
                token,
                session,
                reason,
            } => {
                let session = session.map(|session| ("session", session.as_str().into()));
                [("token", token.word().into())]
                    .into_iter()
                    .chain(session)
                    .chain([("reason", reason.to_string().into())])
                    .collect()
            }
        }
    }
}

impl TokenKind {
    fn word(self) -> &'static str {
        match self {
            Self::Access => "access",
            Self::Refresh => "refresh",
        }
    }
}
