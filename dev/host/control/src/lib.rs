//! The control API of dev-host: what its callers send and what it answers, as JSON over HTTP.
//!
//! | Request | Body | Answer |
//! |---|---|---|
//! | `GET /clock` | | [`Clock`] |
//! | `PUT /clock` | [`ClockChange`] | [`Clock`] |
//! | `PUT /entropy` | [`Seed`] | [`Seed`] |
//! | `GET`, `PUT`, `DELETE /faults` | for `PUT` a list of [`FaultRule`] | a list of [`FaultState`] |
//! | `GET /paused` | | [`Paused`] |
//! | `POST /resume` | [`Resume`] | the same |
//! | `GET`, `DELETE /stats` | | [`Stats`] |
//! | `POST /tick` | [`TickRequest`] | [`Tick`] |
//! | `PUT /variables` | components' variables by name, which have these values from now on | the same |
//!
//! What is refused is answered with 400 and [`Refusal`].

mod faults;
mod stats;

use serde::{Deserialize, Serialize};

pub use self::faults::{Action, DatabaseKind, FaultRule, FaultState, On, ServerError};
pub use self::stats::{Connections, StatementCount, Stats, Turns};

/// What the wall clock is to show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClockTarget {
    /// This instant, in milliseconds since the Unix epoch; it runs on from there.
    NowMs(i64),
    /// So many milliseconds more than now, or less; whether it stands still stays as it is.
    AdvanceMs(i64),
    /// This instant until told otherwise.
    FrozenMs(i64),
    /// The system's time.
    Real,
}

/// A change of the wall clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClockChange {
    /// What it is to show.
    pub to: ClockTarget,
    /// Whether every scheduled run that falls due on the way is made.
    #[serde(default)]
    pub run_due: bool,
}

/// The wall clock, and what a change of it has brought about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clock {
    /// Milliseconds since the Unix epoch.
    pub now_ms: i64,
    /// How many scheduled runs were due on the way and have been made.
    pub ticks: u64,
    /// How many of those failed.
    pub failed: u64,
}

/// What the components' randomness is drawn from; `None` is the system.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seed {
    /// The same seed gives the same numbers.
    pub seed: Option<u64>,
}

/// Names at which calls are waiting, one entry for each call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Paused {
    /// As the rules gave them.
    pub paused: Vec<String>,
}

/// Lets the calls go on that wait at a name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Resume {
    /// The name.
    pub name: String,
}

/// One run of a scheduled component, now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TickRequest {
    /// Its id.
    pub component: String,
    /// The time of the trigger in seconds since the Unix epoch; `None` is now.
    pub timestamp: Option<u64>,
}

/// The outcome of one run of a scheduled component.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tick {
    /// Whether it succeeded.
    pub ok: bool,
    /// What it reported otherwise.
    pub error: Option<String>,
}

/// Why a request was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// In words.
    pub message: String,
}
