//! Sequences: all of them up to six steps over P, C, C', G and O. Long random ones are in `service/tests/model.rs`.

use std::collections::BTreeMap;

use session_reference::lineage::{Lineage, Standing};

use super::table::{Family, access, at, now, row};
use crate::domain::rotation::{
    AccessDecision, Outcome, RefreshDecision, confirm_access, decide_access, decide_confirmed,
};
use crate::domain::session::StoredSession;

const O: usize = 0;
const P: usize = 1;
const C: usize = 2;
const C2: usize = 3;
const G: usize = 4;
const NAMES: [&str; 5] = ["O", "P", "C", "C'", "G"];
const PARENTS: [Option<usize>; 5] = [None, Some(O), Some(P), Some(P), Some(C)];

struct Sequences {
    family: Family,
    lineage: Lineage,
    /// What has been seen to follow from what; decisions depend on nothing but the row.
    seen: BTreeMap<(usize, &'static str, usize), usize>,
    count: u64,
}

impl Sequences {
    /// The table, for a session that stays live: what happens, and what is current then.
    fn table(&self, current: usize, verb: &str, token: usize) -> (&'static str, usize) {
        match (self.lineage.standing(token, current), verb) {
            (Standing::Current | Standing::Child, _) => ("ok", token),
            (Standing::Old, "refresh") => ("theft", current),
            (Standing::Ahead, "refresh") => ("unauthorised", current),
            _ => ("try refresh", current),
        }
    }

    fn step(
        &mut self,
        row: &StoredSession,
        current: usize,
        verb: &'static str,
        token: usize,
    ) -> (StoredSession, usize) {
        let mut after = row.clone();
        let tokens = self.family.tokens();
        let presented = tokens[token];
        let parent = PARENTS[token].map(|parent| tokens[parent]);
        let got = if verb == "refresh" {
            let outcome = match self.family.refresh(row, presented) {
                RefreshDecision::Done(outcome) => outcome,
                RefreshDecision::Confirm(confirmation) => {
                    after.confirm(confirmation);
                    let (factory, at) = (self.family.factory(), at(now()));
                    decide_confirmed(Some(after.clone()), presented, &factory, at)
                }
            };
            match outcome {
                Outcome::IssueChild(_) => "ok",
                Outcome::HandOut(..) => "twin",
                Outcome::Theft(_) => "theft",
                Outcome::Refuse(_) => "unauthorised",
            }
        } else {
            let claims = access(presented, parent);
            let validity = presented.claims.expires_at.since(claims.issued_at);
            if let Some(confirmation) = confirm_access(&claims, validity) {
                after.confirm(confirmation);
            }
            match decide_access(Some(after.clone()), &claims, now()) {
                AccessDecision::Replace(_) => "ok",
                AccessDecision::TryRefresh => "try refresh",
                AccessDecision::Refuse => "unauthorised",
            }
        };
        let (expected, next) = self.table(current, verb, token);
        let what = format!(
            "{verb} {} while {} is current",
            NAMES[token], NAMES[current]
        );
        assert_eq!(got, expected, "{what}");
        assert_eq!(after.current, tokens[next].double_hash(), "{what}");
        assert_eq!(after.generation, tokens[next].claims.generation);
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
                        assert_eq!(
                            after.expires_at,
                            self.family.tokens()[next].claims.expires_at
                        );
                        self.seen.insert((current, verb, token), next);
                        next
                    }
                };
                let after = super::table::row(self.family.tokens()[next]);
                self.all(&after, next, steps - 1);
            }
        }
    }
}

#[test]
fn th1_every_sequence_of_up_to_6_steps_is_as_the_table_says() {
    let (family, mut lineage) = (Family::new(), Lineage::default());
    assert_eq!(PARENTS.map(|parent| lineage.add(parent)), [O, P, C, C2, G]);
    let start = row(&family.p);
    let mut sequences = Sequences {
        family,
        lineage,
        seen: BTreeMap::new(),
        count: 0,
    };
    sequences.all(&start, P, 6);
    assert_eq!(sequences.count, 1_111_111);
    // P, then C or C', then G: four rows, ten steps from each.
    assert_eq!(sequences.seen.len(), 40);
}
