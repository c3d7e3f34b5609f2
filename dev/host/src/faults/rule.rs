//! Which calls a rule is about, and when it acts on them.

use dev_host_control::{DatabaseKind, FaultRule, On};

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
    pub(crate) database: Option<DatabaseKind>,
    pub(crate) operation: Operation,
    /// The statement, or the variable's name, or nothing for `Open`.
    pub(crate) sql: &'a str,
}

/// Whether `rule` is about this call.
pub(super) fn matches(rule: &FaultRule, call: Call<'_>) -> bool {
    let operation = match rule.on {
        On::Any => call.operation != Operation::Variable,
        On::Statement => matches!(call.operation, Operation::Query | Operation::Execute),
        On::Variable => call.operation == Operation::Variable,
        On::Open => call.operation == Operation::Open,
        On::Query => call.operation == Operation::Query,
        On::Execute => call.operation == Operation::Execute,
    };
    let part = rule.sql_contains.as_deref().unwrap_or_default();
    operation
        && (rule.database.is_none() || rule.database == call.database)
        && call.sql.contains(part)
}

/// Whether `rule` acts on the `count`-th call that it is about.
pub(super) fn is_due(rule: &FaultRule, count: u64) -> bool {
    let first = rule.nth.max(1);
    count >= first && rule.times.is_none_or(|times| count - first < times)
}
