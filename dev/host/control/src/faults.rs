//! Rules by which calls to databases and variables fail, wait or are cut.

use serde::{Deserialize, Serialize};

/// Which calls a rule looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum On {
    /// Opening a connection.
    Open,
    /// A statement whose rows are wanted.
    Query,
    /// A statement without rows.
    Execute,
    /// Either kind of statement.
    Statement,
    /// Reading a variable; `sql_contains` is about its name.
    Variable,
    /// Every call to a database.
    Any,
}

/// A kind of database, as guests know it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DatabaseKind {
    /// MySQL or MariaDB.
    MySql,
    /// SQLite, whose statements are queries if they begin with SELECT.
    Sqlite,
}

/// An error as a MySQL server reports it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServerError {
    /// The server's number, for example 1213 for a deadlock.
    pub code: u16,
    /// The server's text.
    pub message: String,
}

/// What happens to a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// The statement is not run; the caller gets this error.
    Error(ServerError),
    /// The call waits this many milliseconds first.
    DelayMs(u64),
    /// The call never returns while the rule stands.
    Hang,
    /// The connection is lost, and the statement is not run.
    CutBefore,
    /// The statement is run, and then the connection is lost before the answer.
    CutAfter,
    /// The call waits until it is resumed by this name, and goes on then.
    Pause(String),
}

impl Action {
    /// An error of a MySQL server.
    pub fn error(code: u16, message: impl Into<String>) -> Self {
        Self::Error(ServerError {
            code,
            message: message.into(),
        })
    }

    /// The call never returns while the rule stands.
    pub fn hang() -> Self {
        Self::Hang
    }

    /// The connection is lost before the statement was run.
    pub fn cut_before() -> Self {
        Self::CutBefore
    }

    /// The connection is lost after the statement was run.
    pub fn cut_after() -> Self {
        Self::CutAfter
    }

    /// The call waits to be resumed by this name.
    pub fn pause(name: impl Into<String>) -> Self {
        Self::Pause(name.into())
    }
}

/// One rule: which calls it counts, which of those it acts on, and how.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultRule {
    /// The kind of call.
    pub on: On,
    /// Only statements whose text contains this.
    pub sql_contains: Option<String>,
    /// Only calls to this kind of database.
    pub database: Option<DatabaseKind>,
    /// The first matching call to act on, counted from 1 when the rule is set.
    pub nth: u64,
    /// How many matching calls to act on from there; `None` is all of them.
    pub times: Option<u64>,
    /// What to do.
    #[serde(rename = "do")]
    pub action: Action,
}

impl FaultRule {
    /// A rule that acts once, on the first such call.
    pub fn new(on: On, action: Action) -> Self {
        Self {
            on,
            sql_contains: None,
            database: None,
            nth: 1,
            times: Some(1),
            action,
        }
    }

    /// Only statements whose text contains `part`.
    #[must_use]
    pub fn sql_contains(mut self, part: impl Into<String>) -> Self {
        self.sql_contains = Some(part.into());
        self
    }

    /// Only calls to this kind of database.
    #[must_use]
    pub fn database(mut self, kind: DatabaseKind) -> Self {
        self.database = Some(kind);
        self
    }

    /// Acts on the `nth` matching call first.
    #[must_use]
    pub fn nth(mut self, nth: u64) -> Self {
        self.nth = nth;
        self
    }

    /// Acts on this many matching calls.
    #[must_use]
    pub fn times(mut self, times: u64) -> Self {
        self.times = Some(times);
        self
    }

    /// Acts on every matching call from the nth on.
    #[must_use]
    pub fn for_ever(mut self) -> Self {
        self.times = None;
        self
    }
}

/// A rule that is in force, and what it has done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FaultState {
    /// The rule.
    pub rule: FaultRule,
    /// How many calls matched.
    pub matched: u64,
    /// On how many of them it acted.
    pub fired: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_misspelled_is_refused() {
        let good = FaultRule::new(On::Any, Action::Hang);
        let good = serde_json::to_value(&good).unwrap();
        assert!(serde_json::from_value::<FaultRule>(good.clone()).is_ok());
        for (key, value) in [("on", "nothing"), ("do", "explode"), ("nht", "2")] {
            let mut wrong = good.clone();
            wrong[key] = value.into();
            assert!(
                serde_json::from_value::<FaultRule>(wrong).is_err(),
                "{key} {value}"
            );
        }
    }
}
