//! Rules by which dev-host lets calls to databases and variables fail, wait or be cut, as its control API writes them.

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

/// An error as a MySQL server reports it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
    Hang(bool),
    /// The connection is closed, and the statement is not run.
    CutBefore(bool),
    /// The statement is run, and then the connection is closed before the answer.
    CutAfter(bool),
    /// The call waits until [`super::Control::resume`] is called with this name, and goes on then.
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
        Self::Hang(true)
    }

    /// The connection is lost before the statement was run.
    pub fn cut_before() -> Self {
        Self::CutBefore(true)
    }

    /// The connection is lost after the statement was run.
    pub fn cut_after() -> Self {
        Self::CutAfter(true)
    }

    /// The call waits to be resumed by this name.
    pub fn pause(name: impl Into<String>) -> Self {
        Self::Pause(name.into())
    }
}

/// One rule: which calls it counts, which of those it acts on, and how.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FaultRule {
    /// The kind of call.
    pub on: On,
    /// Only statements whose text contains this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sql_contains: Option<String>,
    /// Only calls to this interface: `mysql` or `sqlite`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub database: Option<String>,
    /// The first matching call to act on, from 1.
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

    /// Only calls to the interface `mysql` or `sqlite`.
    #[must_use]
    pub fn database(mut self, name: impl Into<String>) -> Self {
        self.database = Some(name.into());
        self
    }

    /// Acts on the `nth` matching call first, counted from 1 when the rule is set.
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
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct FaultState {
    /// The rule.
    #[serde(flatten)]
    pub rule: FaultRule,
    /// How many calls matched.
    pub matched: u64,
    /// On how many of them it acted.
    pub fired: u64,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn rules_are_written_as_the_control_api_reads_them() {
        let rule = FaultRule::new(On::Execute, Action::error(1213, "Deadlock found"))
            .sql_contains("UPDATE")
            .database("mysql")
            .nth(2);
        assert_eq!(
            serde_json::to_value(&rule).unwrap(),
            json!({"on": "execute", "sql_contains": "UPDATE", "database": "mysql", "nth": 2, "times": 1,
                   "do": {"error": {"code": 1213, "message": "Deadlock found"}}})
        );
        let actions = [
            (Action::DelayMs(5), json!({"delay_ms": 5})),
            (Action::hang(), json!({"hang": true})),
            (Action::cut_before(), json!({"cut_before": true})),
            (Action::cut_after(), json!({"cut_after": true})),
            (Action::pause("here"), json!({"pause": "here"})),
        ];
        for (action, expected) in actions {
            assert_eq!(serde_json::to_value(action).unwrap(), expected);
        }
        let always = FaultRule::new(On::Any, Action::hang()).for_ever();
        assert_eq!(serde_json::to_value(always).unwrap()["times"], json!(null));
    }

    #[test]
    fn states_are_read_with_their_counts() {
        let state: FaultState = serde_json::from_value(json!({
            "on": "open", "sql_contains": null, "nth": 1, "times": null, "do": {"hang": true},
            "matched": 3, "fired": 2
        }))
        .unwrap();
        assert_eq!(
            state.rule,
            FaultRule::new(On::Open, Action::hang()).for_ever()
        );
        assert_eq!((state.matched, state.fired), (3, 2));
    }
}
