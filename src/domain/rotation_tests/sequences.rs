//! Sequences: all of them up to six steps over P, C, C', G and O, and long random ones.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;

use super::subject::{Pure, rules};
use super::table::{Family, access, row};
use crate::domain::rotation::{
    AccessDecision, Confirmation, RefreshDecision, StoredSession, decide_access, decide_refresh,
};
use crate::testing::model::{self, Op, Rules};
use crate::testing::{START, cases, histories};

const O: usize = 0;
const P: usize = 1;
const C: usize = 2;
const C2: usize = 3;
const G: usize = 4;
const NAMES: [&str; 5] = ["O", "P", "C", "C'", "G"];
const PARENTS: [Option<usize>; 5] = [None, Some(O), Some(P), Some(P), Some(C)];
const GENERATIONS: [u32; 5] = [0, 1, 2, 2, 3];

/// The table, for a session that stays live: what happens, and what is current then.
fn table(current: usize, verb: &str, token: usize) -> (&'static str, usize) {
    let parent_is_current = PARENTS[token] == Some(current);
    let ahead = GENERATIONS[token] > GENERATIONS[current] + 1;
    match verb {
        "refresh" if token == current => ("ok", current),
        "refresh" if parent_is_current => ("ok", token),
        "refresh" if ahead => ("unauthorised", current),
        "refresh" => ("theft", current),
        _ if token == current => ("ok", current),
        _ if parent_is_current => ("ok", token),
        _ => ("try refresh", current),
    }
}

fn confirm(row: &mut StoredSession, confirmation: Confirmation) {
    if row.current == confirmation.parent {
        row.current = confirmation.child;
        row.generation = row.generation.next();
        row.expires_at = confirmation.expires_at;
    }
}

struct Sequences {
    family: [crate::domain::token::refresh::RefreshToken; 5],
    /// What has been seen to follow from what; decisions depend on nothing but the row.
    seen: BTreeMap<(usize, &'static str, usize), usize>,
    count: u64,
}

impl Sequences {
    fn step(
        &mut self,
        row: &StoredSession,
        current: usize,
        verb: &'static str,
        token: usize,
    ) -> (StoredSession, usize) {
        let now = START.plus(Duration::from_secs(50));
        let mut after = row.clone();
        let presented = &self.family[token];
        let parent = PARENTS[token].map(|parent| &self.family[parent]);
        let got = if verb == "refresh" {
            let mut decision = decide_refresh(Some(row), presented, now);
            if let RefreshDecision::Confirm(confirmation) = decision {
                confirm(&mut after, confirmation);
                decision = decide_refresh(Some(&after), presented, now);
            }
            match decision {
                RefreshDecision::IssueChild => "ok",
                RefreshDecision::Theft => "theft",
                RefreshDecision::Refuse(_) => "unauthorised",
                RefreshDecision::Confirm(_) => "confirmed in vain",
            }
        } else {
            let claims = access(presented, parent);
            if let Some(parent) = claims.parent {
                let confirmation = Confirmation {
                    parent: parent.double(),
                    child: claims.refresh,
                    expires_at: presented.claims.expires_at,
                };
                confirm(&mut after, confirmation);
            }
            match decide_access(Some(&after), &claims, now) {
                AccessDecision::Replace => "ok",
                AccessDecision::TryRefresh => "try refresh",
                AccessDecision::Refuse => "unauthorised",
            }
        };
        let (expected, next) = table(current, verb, token);
        let what = format!(
            "{verb} {} while {} is current",
            NAMES[token], NAMES[current]
        );
        assert_eq!(got, expected, "{what}");
        assert_eq!(after.current, self.family[next].double_hash(), "{what}");
        assert_eq!(after.generation, self.family[next].claims.generation);
        (after, next)
    }

    fn all(&mut self, row: &StoredSession, current: usize, steps: usize) {
        self.count += 1;
        if steps == 0 {
            return;
        }
        for verb in ["refresh", "verify"] {
            for token in [O, P, C, C2, G] {
                // What a step leads to is worked out once for each row that can come about.
                let next = match self.seen.get(&(current, verb, token)) {
                    Some(next) => *next,
                    None => {
                        let (after, next) = self.step(row, current, verb, token);
                        assert_eq!(after.expires_at, self.family[next].claims.expires_at);
                        self.seen.insert((current, verb, token), next);
                        next
                    }
                };
                let after = super::table::row(&self.family[next]);
                self.all(&after, next, steps - 1);
            }
        }
    }
}

#[test]
fn th1_every_sequence_of_up_to_6_steps_is_as_the_table_says() {
    let Family { o, p, c, c2, g } = Family::new();
    let start = row(&p);
    let mut sequences = Sequences {
        family: [o, p, c, c2, g],
        seen: BTreeMap::new(),
        count: 0,
    };
    sequences.all(&start, P, 6);
    assert_eq!(sequences.count, 1_111_111);
    // P, then C or C', then G: four rows, ten steps from each.
    assert_eq!(sequences.seen.len(), 40);
}

fn follow(rules: Rules, ops: &[Op]) {
    let (mut subject, texts) = Pure::new(rules, START);
    model::check(&mut subject, rules, texts, START, ops);
}

proptest! {
    #![proptest_config(cases(300))]

    #[test]
    fn random_histories_are_as_the_model_says(
        window in prop_oneof![Just(0), Just(10), Just(30)],
        blacklisting: bool,
        theft_revokes: bool,
        ops in histories::ops(40),
    ) {
        follow(Rules { blacklisting, theft_revokes, ..rules(window) }, &ops);
    }
}

const SLOT: Op = Op::Wait(Duration::from_secs(10));

/// Histories that are worth keeping by name.
#[test]
fn histories() {
    use Op::{BackUp, Refresh, RefreshAndLose, Restore, SetBack, Verify, VerifyReplacement, Wait};
    let histories: [&[Op]; 9] = [
        // TH2: the victim goes on, then the thief presents what it copied.
        &[Refresh(0), Verify(1), SLOT, Refresh(0)],
        // TH3: the thief goes on, then the victim presents its own.
        &[
            Refresh(0),
            SLOT,
            Refresh(0),
            Verify(1),
            Verify(2),
            Refresh(2),
        ],
        // TH4: a thief that sleeps on a child of another slot.
        &[
            Refresh(0),
            SLOT,
            Refresh(0),
            Verify(2),
            SLOT,
            Refresh(2),
            Verify(3),
            Refresh(1),
        ],
        // TH7: two refreshes in one slot are one.
        &[
            Refresh(0),
            Wait(Duration::from_secs(9)),
            Refresh(0),
            Verify(1),
            Refresh(1),
            Verify(1),
        ],
        // TH8: ten lost replies.
        &[
            RefreshAndLose(0),
            SLOT,
            RefreshAndLose(0),
            SLOT,
            RefreshAndLose(0),
            SLOT,
            RefreshAndLose(0),
            SLOT,
            RefreshAndLose(0),
            SLOT,
            RefreshAndLose(0),
            SLOT,
            RefreshAndLose(0),
            SLOT,
            RefreshAndLose(0),
            SLOT,
            RefreshAndLose(0),
            SLOT,
            RefreshAndLose(0),
            SLOT,
            Refresh(0),
            Refresh(1),
            Verify(1),
            VerifyReplacement(1),
        ],
        // DB9: a backup from before two confirmations.
        &[
            BackUp,
            Refresh(0),
            SLOT,
            Refresh(1),
            SLOT,
            Refresh(2),
            Restore,
            Refresh(2),
            Refresh(0),
        ],
        // A clock that is set back makes the children of its slots once more.
        &[
            Refresh(0),
            SLOT,
            Refresh(0),
            SetBack(Duration::from_secs(10)),
            Refresh(0),
            Verify(1),
        ],
        // The child's announced end counts, also when its parent's would be later.
        &[
            Wait(Duration::from_secs(5)),
            Refresh(0),
            Verify(1),
            Wait(Duration::from_millis(3_594_999)),
            Refresh(1),
        ],
        // A replaced access token is as good as the one it replaces, and no longer.
        &[
            Refresh(0),
            Verify(1),
            VerifyReplacement(1),
            Wait(Duration::from_secs(60)),
            VerifyReplacement(1),
        ],
    ];
    for ops in histories {
        for window in [0, 10] {
            follow(rules(window), ops);
        }
    }
}
