//! Every event in the log. A name is stable once released; so are the names of its fields.

use std::fmt::Display;

use serde_json::Value;

use super::Level;
use crate::domain::config::TheftPolicy;
use crate::domain::id::{Generation, HandleHash};
use crate::domain::maintenance::Report;
use crate::domain::setting::ConfigError;

/// An event. A session is named by the key of its row; users are never named.
#[derive(Clone, Copy)]
pub enum Event<'a> {
    /// A setting is invalid; no request is served.
    Misconfigured(&'a ConfigError),
    /// The settings cannot be read at the moment.
    SettingsUnreadable {
        /// The cause.
        reason: &'a dyn Display,
    },
    /// `api_keys` is not set.
    OpenToAnyone,
    /// A request failed with a reason that its caller must not see: a 500, 503 or, through CDI, 429.
    RequestFailed {
        /// Method and path of its endpoint.
        endpoint: &'a dyn Display,
        /// The status of the reply.
        status: u16,
        /// The cause.
        reason: &'a dyn Display,
        /// How long it took, in milliseconds.
        took_ms: u64,
    },
    /// The keys cannot be loaded, or contradict the settings.
    KeysNotLoaded {
        /// The cause.
        reason: &'a dyn Display,
    },
    /// The revocations cannot be read; checks go on with those in memory for a while.
    RevocationsNotRead {
        /// The cause.
        reason: &'a dyn Display,
    },
    /// A refresh token was presented that a successor had replaced: two parties hold tokens of one session.
    TokenTheftDetected {
        /// Its session.
        session: HandleHash,
        /// The generation of the token that was presented.
        presented: Generation,
        /// The generation of the current one.
        current: Generation,
        /// What the service does about it.
        policy: TheftPolicy,
    },
    /// A refresh token is newer than its row: an older backup was restored.
    TokenAheadOfDatabase {
        /// Its session.
        session: HandleHash,
        /// An explanation.
        reason: &'a dyn Display,
    },
    /// A session was created.
    SessionCreated {
        /// Its session.
        session: HandleHash,
    },
    /// A refresh token was exchanged.
    SessionRefreshed {
        /// Its session.
        session: HandleHash,
        /// The generation of the token that was handed out.
        generation: Generation,
    },
    /// A session was bound to a key of a device.
    DeviceBound {
        /// Its session.
        session: HandleHash,
    },
    /// A session that had to be bound to a key before its first refresh was not; it is ended.
    DeviceBindingMissing {
        /// Its session.
        session: HandleHash,
    },
    /// A token of a bound session came without a proof of its key: there may be a copy of it.
    DeviceProofMissing {
        /// Its session.
        session: HandleHash,
    },
    /// A proof was not one of the session's key: there may be a copy of its tokens.
    DeviceProofWrong {
        /// Its session.
        session: HandleHash,
        /// What is wrong with it.
        reason: &'a dyn Display,
    },
    /// A session was revoked.
    SessionRevoked {
        /// Its session.
        session: HandleHash,
    },
    /// A fresh login put a new session in the place of one.
    SessionReauthenticated {
        /// The new session.
        session: HandleHash,
        /// The old one, which was revoked.
        replaced: HandleHash,
    },
    /// All sessions of a user were revoked.
    UserRevoked,
    /// A request published a signing key, because no tick of the scheduled component had.
    SigningKeyPublished {
        /// The name of its row.
        key: &'a str,
    },
    /// The tables were created or upgraded.
    TablesChanged,
    /// A request could not publish a signing key that is overdue; the current one goes on signing.
    SigningKeyNotPublished {
        /// The name of its row.
        key: &'a str,
        /// The cause.
        reason: &'a dyn Display,
    },
    /// A tick of the scheduled component ended.
    Maintenance(&'a Report),
    /// The caller disconnected before the reply.
    ReplyNotTaken,
    /// Edge: the session service gave no answer.
    NoReplyFromService {
        /// The cause.
        reason: &'a dyn Display,
    },
    /// Edge: the site gave no reply.
    NoReplyFromSite {
        /// The cause.
        reason: &'a dyn Display,
    },
    /// Edge: a session that is no longer needed could not be revoked; it ends when it expires.
    SessionLeftBehind {
        /// The cause.
        reason: &'a dyn Display,
    },
    /// Edge: a session was ended, since its payload has grown beyond a cookie.
    SessionTooLarge {
        /// The cause.
        reason: &'a dyn Display,
    },
    /// A token was rejected.
    TokenRefused {
        /// The kind of token.
        token: TokenKind,
        /// Its session, if the token is authentic.
        session: Option<HandleHash>,
        /// The cause.
        reason: &'a dyn Display,
    },
}

/// The kind of a token.
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
            Self::RevocationsNotRead { .. } => "revocations_not_read",
            Self::TokenTheftDetected { .. } => "token_theft_detected",
            Self::TokenAheadOfDatabase { .. } => "token_ahead_of_database",
            Self::SessionCreated { .. } => "session_created",
            Self::SessionRefreshed { .. } => "session_refreshed",
            Self::DeviceBound { .. } => "device_bound",
            Self::DeviceBindingMissing { .. } => "device_binding_missing",
            Self::DeviceProofMissing { .. } => "device_proof_missing",
            Self::DeviceProofWrong { .. } => "device_proof_wrong",
            Self::SessionRevoked { .. } => "session_revoked",
            Self::SessionReauthenticated { .. } => "session_reauthenticated",
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

    /// Its level.
    pub fn level(&self) -> Level {
        match self {
            Self::Misconfigured(_)
            | Self::SettingsUnreadable { .. }
            | Self::RequestFailed { .. }
            | Self::KeysNotLoaded { .. }
            | Self::RevocationsNotRead { .. }
            | Self::SigningKeyNotPublished { .. }
            | Self::NoReplyFromService { .. }
            | Self::NoReplyFromSite { .. } => Level::Error,
            Self::Maintenance(report) if report.error.is_some() => Level::Error,
            Self::OpenToAnyone
            | Self::TokenTheftDetected { .. }
            | Self::TokenAheadOfDatabase { .. }
            | Self::DeviceBindingMissing { .. }
            | Self::DeviceProofMissing { .. }
            | Self::DeviceProofWrong { .. }
            | Self::ReplyNotTaken
            | Self::SessionLeftBehind { .. }
            | Self::SessionTooLarge { .. } => Level::Warn,
            Self::SessionCreated { .. }
            | Self::SessionRefreshed { .. }
            | Self::DeviceBound { .. }
            | Self::SessionRevoked { .. }
            | Self::SessionReauthenticated { .. }
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
            | Self::RevocationsNotRead { reason }
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
            Self::TokenAheadOfDatabase { session, reason }
            | Self::DeviceProofWrong { session, reason } => vec![
                ("session", session.as_str().into()),
                ("reason", reason.to_string().into()),
            ],
            Self::SessionCreated { session }
            | Self::DeviceBound { session }
            | Self::DeviceBindingMissing { session }
            | Self::DeviceProofMissing { session }
            | Self::SessionRevoked { session } => {
                vec![("session", session.as_str().into())]
            }
            Self::SessionReauthenticated { session, replaced } => vec![
                ("session", session.as_str().into()),
                ("replaced", replaced.as_str().into()),
            ],
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
