//! Fault rules as the control API takes them, and which calls they are about.

use serde::{Deserialize, Serialize};

/// Which kind of database a call goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Database {
    MySql,
    Sqlite,
}

/// What a call does. Variables have no database. SQLite knows statements only; those that read count as queries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    Open,
    Query,
    Execute,
    Variable,
}

/// A call that is about to be made.
#[derive(Clone, Copy)]
pub(crate) struct Call<'a> {
    pub(crate) database: Option<Database>,
    pub(crate) operation: Operation,
    /// The statement, or the variable's name, or nothing for `Open`.
    pub(crate) sql: &'a str,
}

/// An error as a database server reports it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ServerError {
    pub(crate) code: u16,
    pub(crate) message: String,
}

/// A rule as the control API takes it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rule {
    on: On,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sql_contains: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    database: Option<Database>,
    #[serde(default = "first")]
    nth: u64,
    /// `null`: for ever.
    #[serde(default = "once")]
    times: Option<u64>,
    #[serde(rename = "do")]
    pub(super) action: Action,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum On {
    Open,
    Query,
    Execute,
    Statement,
    Variable,
    /// Any call to a database.
    Any,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Action {
    Error(ServerError),
    DelayMs(u64),
    Hang(True),
    CutBefore(True),
    CutAfter(True),
    Pause(String),
}

/// The only value that switches of the API take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "bool", into = "bool")]
pub(super) struct True;

impl TryFrom<bool> for True {
    type Error = &'static str;

    fn try_from(value: bool) -> Result<Self, Self::Error> {
        value.then_some(Self).ok_or("must be true")
    }
}

impl From<True> for bool {
    fn from(_: True) -> bool {
        true
    }
}

fn first() -> u64 {
    1
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "serde wants the type of the field"
)]
fn once() -> Option<u64> {
    Some(1)
}

impl Rule {
    /// Whether the rule is about this call.
    pub(super) fn matches(&self, call: Call<'_>) -> bool {
        let operation = match self.on {
            On::Any => call.operation != Operation::Variable,
            On::Statement => matches!(call.operation, Operation::Query | Operation::Execute),
            On::Variable => call.operation == Operation::Variable,
            On::Open => call.operation == Operation::Open,
            On::Query => call.operation == Operation::Query,
            On::Execute => call.operation == Operation::Execute,
        };
        operation
            && self
                .database
                .is_none_or(|database| Some(database) == call.database)
            && self
                .sql_contains
                .as_deref()
                .is_none_or(|part| call.sql.contains(part))
    }

    /// Whether it acts on the `count`-th call that it is about.
    pub(super) fn is_due(&self, count: u64) -> bool {
        let first = self.nth.max(1);
        count >= first && self.times.is_none_or(|times| count - first < times)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrong_rules_are_refused() {
        for rule in [
            serde_json::json!({"on": "nothing", "do": {"hang": true}}),
            serde_json::json!({"on": "any", "do": {"hang": false}}),
            serde_json::json!({"on": "any", "do": {"explode": true}}),
            serde_json::json!({"on": "any", "do": {"hang": true}, "nht": 2}),
        ] {
            assert!(
                serde_json::from_value::<Rule>(rule.clone()).is_err(),
                "{rule}"
            );
        }
    }
}
