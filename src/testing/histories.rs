//! Random operations for the model.

use std::time::Duration;

use proptest::prelude::*;

use super::model::Op;

/// Random operations. Small numbers are likely, so that tokens are presented again.
pub(crate) fn ops(length: usize) -> impl Strategy<Value = Vec<Op>> {
    let wait = prop_oneof![
        6 => (1_u64..4_000).prop_map(Duration::from_millis),
        6 => (5_u64..30).prop_map(Duration::from_secs),
        3 => (1_500_u64..1_810).prop_map(Duration::from_secs),
    ];
    let op = prop_oneof![
        8 => (0_usize..12).prop_map(Op::Refresh),
        2 => (0_usize..12).prop_map(Op::RefreshAndLose),
        6 => (0_usize..12).prop_map(Op::Verify),
        2 => (0_usize..12).prop_map(Op::VerifyReplacement),
        6 => wait.prop_map(Op::Wait),
        1 => (1_u64..90).prop_map(|secs| Op::SetBack(Duration::from_secs(secs))),
        1 => Just(Op::BackUp),
        1 => Just(Op::Restore),
    ];
    // A revocation ends the fun, so it comes last or not at all.
    (
        prop::collection::vec(op.clone(), 1..length),
        prop::option::of(prop::collection::vec(op, 1..6)),
    )
        .prop_map(|(mut ops, after)| {
            if let Some(after) = after {
                ops.push(Op::Revoke);
                ops.extend(after);
            }
            ops
        })
}
