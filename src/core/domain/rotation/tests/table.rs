//! One test for each row of the table. P is current, C and C' are its children, G is a child of C, O is older.

use crate::domain::device::Binding;
use std::time::Duration;

use crate::domain::id::{Generation, SessionHandle, UserId};
use crate::domain::json::Json;
use crate::domain::lifetime::Limits;
use crate::domain::request_times::RequestTimes;
use crate::domain::reuse::{ChildFactory, ReuseWindow};
use crate::domain::rotation::{
    AccessDecision, Outcome, RefreshDecision, Refusal, confirm_access, decide_access,
    decide_confirmed, decide_refresh,
};
use crate::domain::secret::Key;
use crate::domain::secret::testing::SeededRandom;
use crate::domain::session::{Confirmation, StoredSession};
use crate::domain::time::Timestamp;
use crate::domain::token::access::{AccessClaims, OptionalClaims};
use crate::domain::token::refresh::{IssueTime, RefreshToken};
use crate::testing::START;

const VALIDITY: Duration = Duration::from_secs(3600);

/// The family of tokens around P; no two of them are of one slot.
pub(super) struct Family {
    pub(super) o: RefreshToken,
    pub(super) p: RefreshToken,
    pub(super) c: RefreshToken,
    pub(super) c2: RefreshToken,
    pub(super) g: RefreshToken,
    keys: [Key; 1],
    random: SeededRandom,
}

impl Family {
    pub(super) fn new() -> Self {
        let random = SeededRandom::new(3);
        let key = Key::generate(&random);
        let handle = SessionHandle::generate(&random);
        let child = |of: &RefreshToken, secs| {
            let issue = IssueTime::Once(START.plus(Duration::from_secs(secs)));
            let end = issue.time().plus(VALIDITY);
            of.as_parent().child(issue, false, end, &key, &random)
        };
        let o = RefreshToken::first(handle, false, START, START.plus(VALIDITY), &key, &random);
        let p = child(&o, 10);
        let (c, c2) = (child(&p, 20), child(&p, 30));
        let g = child(&c, 40);
        let keys = [key];
        Self {
            o,
            p,
            c,
            c2,
            g,
            keys,
            random,
        }
    }

    pub(super) fn tokens(&self) -> [&RefreshToken; 5] {
        [&self.o, &self.p, &self.c, &self.c2, &self.g]
    }

    pub(super) fn factory(&self) -> ChildFactory<'_> {
        ChildFactory {
            keys: &self.keys,
            window: ReuseWindow::new(Duration::from_secs(10), VALIDITY),
            validity: VALIDITY,
            limits: Limits::default(),
            other_validities: &[],
            anti_csrf: false,
            tolerates_races: true,
            random: &self.random,
        }
    }

    pub(super) fn refresh(&self, row: &StoredSession, presented: &RefreshToken) -> RefreshDecision {
        decide_refresh(Some(row.clone()), presented, &self.factory(), at(now()))
    }

    /// What comes of presenting a token that needs no confirmation.
    fn outcome(&self, current: &RefreshToken, presented: &RefreshToken) -> Outcome {
        done(self.refresh(&row(current), presented))
    }
}

fn done(decision: RefreshDecision) -> Outcome {
    match decision {
        RefreshDecision::Done(outcome) => outcome,
        decision => panic!("{decision:?}"),
    }
}

/// A request that takes no time.
pub(super) fn at(now: Timestamp) -> RequestTimes {
    RequestTimes { started: now, now }
}

/// The row when `token` is current.
pub(super) fn row(token: &RefreshToken) -> StoredSession {
    StoredSession {
        user_id: UserId::parse("bob").unwrap(),
        current: token.double_hash(),
        generation: token.claims.generation,
        expires_at: token.claims.expires_at,
        limits: Limits::default(),
        issued_at: None,
        authentication: None,
        payload: None,
        binding: Binding::Unbound,
    }
}

/// The access token that came with `token`, a child of `parent`.
pub(super) fn access(token: &RefreshToken, parent: Option<&RefreshToken>) -> AccessClaims {
    AccessClaims {
        user_id: UserId::parse("bob").unwrap(),
        handle: token.claims.handle,
        issued_at: token.claims.issued_at,
        expires_at: token.claims.issued_at.plus(Duration::from_secs(60)),
        refresh: token.double_hash(),
        parent: parent.map(RefreshToken::hash),
        payload: Json::parse("{}".to_owned()),
        anti_csrf: None,
        key: None,
        optional: OptionalClaims::default(),
    }
}

pub(super) fn now() -> Timestamp {
    START.plus(Duration::from_secs(50))
}

#[test]
fn the_current_refresh_token_gets_a_child() {
    let family = Family::new();
    for token in [&family.p, &family.o] {
        let outcome = family.outcome(token, token);
        assert_eq!(outcome, Outcome::IssueChild(row(token)));
    }
}

#[test]
fn a_child_of_the_current_token_is_confirmed_and_expires_as_announced() {
    let family = Family::new();
    for child in [&family.c, &family.c2] {
        let confirmation = Confirmation {
            parent: family.p.double_hash(),
            child: child.double_hash(),
            issued_at: child.claims.issued_at,
            expires_at: child.claims.issued_at.plus(VALIDITY),
        };
        let decision = family.refresh(&row(&family.p), child);
        assert_eq!(decision, RefreshDecision::Confirm(confirmation));
    }
}

#[test]
fn a_row_that_was_set_back_after_the_confirmation_is_no_theft() {
    let family = Family::new();
    let stored = Some(row(&family.p));
    let outcome = decide_confirmed(stored, &family.c, &family.factory(), at(now()));
    assert_eq!(outcome, Outcome::Refuse(Refusal::AheadOfDatabase));
}

#[test]
fn an_older_token_is_theft() {
    let family = Family::new();
    let [o, p, c, c2, g] = family.tokens();
    for (current, presented) in [(p, o), (c, p), (c, o), (g, o), (g, p), (g, c)] {
        let outcome = family.outcome(current, presented);
        assert_eq!(outcome, Outcome::Theft(row(current)));
    }
    // Of the same generation, but of another branch.
    assert_eq!(family.outcome(c, c2), Outcome::Theft(row(c)));
    assert_eq!(family.outcome(c2, c), Outcome::Theft(row(c2)));
}

#[test]
fn a_child_of_another_branch_is_theft() {
    let family = Family::new();
    let outcome = family.outcome(&family.c2, &family.g);
    assert_eq!(outcome, Outcome::Theft(row(&family.c2)));
}

#[test]
fn a_token_ahead_of_the_database_is_refused_without_theft() {
    let family = Family::new();
    let [o, p, c, c2, g] = family.tokens();
    for (current, presented) in [(o, c), (o, c2), (o, g), (p, g)] {
        let refusal = Outcome::Refuse(Refusal::AheadOfDatabase);
        assert_eq!(family.outcome(current, presented), refusal);
    }
}

#[test]
fn without_a_live_session_nothing_is_theft() {
    let family = Family::new();
    let decide = |stored, token: &RefreshToken| {
        done(decide_refresh(stored, token, &family.factory(), at(now())))
    };
    let mut expired = row(&family.p);
    expired.expires_at = now();
    for token in family.tokens() {
        for stored in [None, Some(expired.clone())] {
            let refusal = Outcome::Refuse(Refusal::NoSession);
            assert_eq!(decide(stored, token), refusal);
        }
    }
    expired.expires_at = now().plus(Duration::from_millis(1));
    assert_eq!(
        decide(Some(expired.clone()), &family.p),
        Outcome::IssueChild(expired)
    );
}

#[test]
fn a_token_ends_when_its_receiver_was_told() {
    let family = Family::new();
    let mut long = row(&family.p);
    long.expires_at = START.plus(VALIDITY * 2);
    for token in [&family.o, &family.p, &family.c] {
        let end = token.claims.expires_at;
        let decide = |now| decide_refresh(Some(long.clone()), token, &family.factory(), at(now));
        let expired = RefreshDecision::Done(Outcome::Refuse(Refusal::TokenExpired));
        assert_eq!(decide(end), expired);
        assert_ne!(decide(end.minus(Duration::from_millis(1))), expired);
    }
}

#[test]
fn an_access_token_whose_refresh_token_is_current_is_replaced() {
    let Family { p, c, .. } = Family::new();
    // The compare-and-set has run: C is current, whoever made it so.
    assert_eq!(
        decide_access(Some(row(&c)), &access(&c, Some(&p)), now()),
        AccessDecision::Replace(row(&c))
    );
}

/// What an access token confirms is what its refresh token would.
#[test]
fn an_access_token_confirms_its_refresh_token() {
    let Family { p, c, .. } = Family::new();
    let confirmation = Confirmation {
        parent: p.double_hash(),
        child: c.double_hash(),
        issued_at: c.claims.issued_at,
        expires_at: c.claims.expires_at,
    };
    assert_eq!(
        confirm_access(&access(&c, Some(&p)), VALIDITY),
        Some(confirmation)
    );
    assert_eq!(confirm_access(&access(&c, None), VALIDITY), None);
}

#[test]
fn an_access_token_of_another_lineage_must_refresh() {
    let family = Family::new();
    let [o, p, c, c2, g] = family.tokens();
    for (current, token, parent) in [(c, c2, p), (g, c, p), (g, p, o), (p, g, c), (o, c, p)] {
        assert_eq!(
            decide_access(Some(row(current)), &access(token, Some(parent)), now()),
            AccessDecision::TryRefresh
        );
    }
}

#[test]
fn an_access_token_with_a_parent_is_refused_without_a_session() {
    let Family { p, c, .. } = Family::new();
    let mut expired = row(&c);
    expired.expires_at = now();
    for stored in [None, Some(expired.clone())] {
        assert_eq!(
            decide_access(stored, &access(&c, Some(&p)), now()),
            AccessDecision::Refuse
        );
    }
}

#[test]
fn generations_end_somewhere_without_a_wrap() {
    let family = Family::new();
    let mut last = row(&family.p);
    last.generation = Generation(u32::MAX);
    let decision = family.refresh(&last, &family.c);
    assert_eq!(done(decision), Outcome::Theft(last));
}
