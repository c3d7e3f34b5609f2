//! When a session ends: the one clamp for all that ends with it, and what an idle timeout means for its tokens.
//!
//! NIST SP 800-63B-4 §5.2 has two limits: an overall timeout, which nothing extends, and an inactivity timeout. The
//! service sees a refresh, not a request; so an access token is good for half of the inactivity timeout at most, and who
//! goes on using the site refreshes in time. A user is out half of it to all of it after the last request.

use std::time::Duration;

use super::time::Timestamp;

/// The shortest lifetime, absolute or idle.
pub const MIN: Duration = Duration::from_secs(60);

/// The longest absolute lifetime: ten years.
pub const MAX_ABSOLUTE: Duration = Duration::from_secs(3650 * 24 * 3600);

/// The longest idle timeout: 365 days, as the longest `refresh_token_validity`.
pub const MAX_IDLE: Duration = Duration::from_secs(365 * 24 * 3600);

/// How long sessions live, by the settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LifetimePolicy {
    /// How long a session lives without a refresh: `session_idle_timeout`, else `refresh_token_validity`.
    pub idle: Duration,
    /// Whether `session_idle_timeout` says so. Only then are access tokens cut to half of it: without that setting all is as
    /// it was before there was one.
    pub is_idle_timeout: bool,
    /// How long it lives at most: `session_absolute_lifetime`.
    pub absolute: Option<Duration>,
}

/// What a login asks for its session. [`LifetimePolicy::limits`] checks it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RequestedLifetime {
    /// How long it lives at most.
    pub absolute: Option<Duration>,
    /// How long it lives without a refresh.
    pub idle: Option<Duration>,
}

/// Why a login does not get the lifetime that it asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("lifetime.{field} must be {} to {} seconds", MIN.as_secs(), most.as_secs())]
pub struct LifetimeError {
    field: &'static str,
    most: Duration,
}

impl LifetimePolicy {
    /// Refuses a lifetime that is shorter than [`MIN`] or longer than the settings allow.
    ///
    /// # Errors
    /// The first field that is out of range.
    pub fn check(&self, asked: RequestedLifetime) -> Result<(), LifetimeError> {
        let absolute = self.absolute.unwrap_or(MAX_ABSOLUTE);
        let fields = [
            ("absolute", asked.absolute, absolute),
            ("idle", asked.idle, self.idle),
        ];
        let is_wrong =
            |asked: Option<Duration>, most| asked.is_some_and(|asked| asked < MIN || asked > most);
        match fields
            .into_iter()
            .find(|(_, asked, most)| is_wrong(*asked, *most))
        {
            Some((field, _, most)) => Err(LifetimeError { field, most }),
            None => Ok(()),
        }
    }

    /// The limits of a session that is made at `now`. More than the settings allow is cut.
    pub fn limits(&self, asked: RequestedLifetime, now: Timestamp) -> Limits {
        let absolute = asked.absolute.into_iter().chain(self.absolute).min();
        Limits {
            ends_at: absolute.map(|absolute| now.plus(absolute)),
            idle_timeout: asked.idle,
        }
    }
}

/// The limits of one session, as its row has them; none in rows from before there were limits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// When it ends, refreshed or not.
    pub ends_at: Option<Timestamp>,
    /// How long it lives without a refresh; none: what the settings say. The settings' counts if that is shorter.
    pub idle_timeout: Option<Duration>,
}

impl Limits {
    /// The clamp: nothing of a session outlives its end.
    pub fn clamp(&self, end: Timestamp) -> Timestamp {
        self.ends_at.map_or(end, |ends_at| end.min(ends_at))
    }

    /// When a refresh token that was issued then, and with it its session, ends without a refresh.
    pub fn end(&self, issued_at: Timestamp, idle: Duration) -> Timestamp {
        self.clamp(issued_at.plus(self.idle(idle)))
    }

    /// How long the session lives without a refresh, if the settings say `idle`.
    pub fn idle(&self, idle: Duration) -> Duration {
        self.idle_timeout.map_or(idle, |own| own.min(idle))
    }

    /// How long an access token of the session is good, and how long its row must outlive the issue of a child: half of the
    /// idle timeout, whole seconds; none without one.
    pub fn half_idle(&self, policy: &LifetimePolicy) -> Option<Duration> {
        let has_timeout = policy.is_idle_timeout || self.idle_timeout.is_some();
        has_timeout.then(|| Duration::from_secs(self.idle(policy.idle).as_secs() / 2))
    }

    /// How long an access token of the session is good, where others are good for `validity`, as long as the session is.
    pub fn access_validity(&self, validity: Duration, policy: &LifetimePolicy) -> Duration {
        self.half_idle(policy)
            .map_or(validity, |half| half.min(validity))
    }
}

#[cfg(test)]
mod tests;
