//! Random operations for games against the reference.

use proptest::prelude::*;
use session_reference::game::Op;

/// Random operations on a session of user 0 and perhaps others. Small numbers are likely, so that tokens are presented
/// again.
pub(crate) fn ops(length: usize) -> impl Strategy<Value = Vec<Op>> {
    let wait = prop_oneof![
        6 => 1_i64..4_000,
        6 => (5_i64..30).prop_map(|secs| secs * 1000),
        3 => (1_500_i64..1_810).prop_map(|secs| secs * 1000),
    ];
    let op = prop_oneof![
        16 => (0_usize..12).prop_map(Op::Refresh),
        4 => (0_usize..12).prop_map(Op::Lost),
        12 => (0_usize..12).prop_map(Op::Verify),
        4 => (0_usize..12).prop_map(Op::VerifyReplaced),
        12 => wait.prop_map(Op::Advance),
        2 => (1_i64..90).prop_map(|secs| Op::Advance(-secs * 1000)),
        2 => Just(Op::BackUp),
        2 => Just(Op::Restore),
        1 => (0_u8..2).prop_map(Op::Create),
        1 => (0_usize..12).prop_map(Op::Read),
        1 => (0_usize..12, 0_u64..100).prop_map(|(token, data)| Op::Write(token, data)),
    ];
    let end = prop_oneof![
        3 => (0_usize..12).prop_map(Op::Delete),
        1 => (0_u8..2).prop_map(Op::DeleteAll),
    ];
    // A revocation ends the fun, so it comes last or not at all.
    let after = (end, prop::collection::vec(op.clone(), 1..6));
    (
        prop::collection::vec(op, 1..length),
        prop::option::of(after),
    )
        .prop_map(|(ops, after)| {
            let mut all = vec![Op::Create(0)];
            all.extend(ops);
            if let Some((end, after)) = after {
                all.push(end);
                all.extend(after);
            }
            all
        })
}
