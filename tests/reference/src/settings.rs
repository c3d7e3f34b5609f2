//! What the rules depend on.

/// The settings that matter. Spans are milliseconds.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Whole seconds.
    pub access_validity: i64,
    /// Whole hours, or whole seconds of a timeout.
    pub refresh_validity: i64,
    /// Whether `session_idle_timeout` says it.
    pub is_idle_timeout: bool,
    /// Whole seconds that a session lives at most; 0: no such limit.
    pub absolute_lifetime: i64,
    /// Whole seconds; 0 turns it off.
    pub reuse_window: i64,
    /// Whether each verification asks if the session is there.
    pub blacklisting: bool,
    /// What a theft leads to.
    pub on_theft: OnTheft,
}

impl Settings {
    /// The application's variables for them.
    pub fn variables(&self) -> [(&'static str, String); 6] {
        let policy = match self.on_theft {
            OnTheft::Report => "report",
            OnTheft::RevokeSession => "revoke_session",
            OnTheft::RevokeUser => "revoke_user",
        };
        let lifetime = match self.is_idle_timeout {
            true => (
                "session_idle_timeout",
                (self.refresh_validity / 1000).to_string(),
            ),
            false => (
                "refresh_token_validity",
                (self.refresh_validity / 3_600_000).to_string(),
            ),
        };
        [
            (
                "access_token_validity",
                (self.access_validity / 1000).to_string(),
            ),
            lifetime,
            (
                "session_absolute_lifetime",
                (self.absolute_lifetime / 1000).to_string(),
            ),
            (
                "refresh_reuse_window",
                (self.reuse_window / 1000).to_string(),
            ),
            ("access_token_blacklisting", self.blacklisting.to_string()),
            ("on_token_theft", policy.to_owned()),
        ]
    }
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
