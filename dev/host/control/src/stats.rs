//! What a host has counted.

use serde::{Deserialize, Serialize};

/// What has happened since the start or since `DELETE /stats`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stats {
    /// HTTP requests that reached a component, those of other components included.
    pub requests: u64,
    /// Component instances that were made.
    pub instances: u64,
    /// Instances that trapped.
    pub traps: u64,
    /// What guests and host asked of one another.
    pub turns: Turns,
    /// What would have hung, crashed or slowed Spin.
    pub violations: Vec<String>,
    /// Connections to a database.
    pub connections: Connections,
    /// The statements that were run, by text; the most frequent first.
    pub statements: Vec<StatementCount>,
}

/// What guests and host asked of one another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Turns {
    /// Calls of guests, whatever for: to functions of the host, and to the runtime's own.
    pub calls: u64,
    /// Timers that guests set.
    pub timers: u64,
    /// Variables that guests read.
    pub variables: u64,
}

/// Connections to a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Connections {
    /// Open now.
    pub open: u64,
    /// The most that were open at once.
    pub max_open: u64,
    /// Opened in all.
    pub opened: u64,
}

/// One statement and how often it was run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatementCount {
    /// Its text, with placeholders.
    pub sql: String,
    /// How often.
    pub count: u64,
}

impl Stats {
    /// How many statements were run in all.
    pub fn statements_run(&self) -> u64 {
        self.statements_containing("")
    }

    /// How many statements were run whose text contains `part`.
    pub fn statements_containing(&self, part: &str) -> u64 {
        self.statements
            .iter()
            .filter(|statement| statement.sql.contains(part))
            .map(|statement| statement.count)
            .sum()
    }
}
