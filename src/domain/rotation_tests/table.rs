//! One test for each row of the table. P is current, C and C' are its children, G is a child of C, O is older.

use std::time::Duration;

use crate::domain::id::{Generation, SessionHandle, UserId};
use crate::domain::json::Json;
use crate::domain::rotation::{
    AccessDecision, Confirmation, RefreshDecision, Refusal, StoredSession, decide_access,
    decide_refresh,
};
use crate::domain::secret::Key;
use crate::domain::secret::testing::SeededRandom;
use crate::domain::time::Timestamp;
use crate::domain::token::access::AccessClaims;
use crate::domain::token::refresh::{Issue, RefreshToken};
use crate::testing::START;

const VALIDITY: Duration = Duration::from_secs(3600);

/// The family of tokens around P.
pub(super) struct Family {
    pub(super) o: RefreshToken,
    pub(super) p: RefreshToken,
    pub(super) c: RefreshToken,
    pub(super) c2: RefreshToken,
    pub(super) g: RefreshToken,
}

impl Family {
    pub(super) fn new() -> Self {
        let random = SeededRandom::new(3);
        let key = Key::generate(&random);
        let handle = SessionHandle::generate(&random);
        let child = |of: &RefreshToken, secs| {
            let issue = Issue::Once(START.plus(Duration::from_secs(secs)));
            of.child(issue, VALIDITY, &key, &random)
        };
        let o = RefreshToken::first(handle, START, VALIDITY, &key, &random);
        let p = child(&o, 10);
        let (c, c2) = (child(&p, 20), child(&p, 30));
        let g = child(&c, 40);
        Self { o, p, c, c2, g }
    }
}

/// The row when `token` is current.
pub(super) fn row(token: &RefreshToken) -> StoredSession {
    StoredSession {
        user_id: UserId::parse("bob").unwrap(),
        current: token.double_hash(),
        generation: token.claims.generation,
        expires_at: token.claims.expires_at,
        payload: None,
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
    }
}

fn now() -> Timestamp {
    START.plus(Duration::from_secs(50))
}

fn refresh(current: &RefreshToken, presented: &RefreshToken) -> RefreshDecision {
    decide_refresh(Some(&row(current)), presented, now())
}

#[test]
fn the_current_refresh_token_gets_a_child() {
    let family = Family::new();
    assert_eq!(refresh(&family.p, &family.p), RefreshDecision::IssueChild);
    assert_eq!(refresh(&family.o, &family.o), RefreshDecision::IssueChild);
}

#[test]
fn a_child_of_the_current_token_is_confirmed_and_expires_as_announced() {
    let Family { p, c, c2, .. } = Family::new();
    for child in [c, c2] {
        let confirmation = Confirmation {
            parent: p.double_hash(),
            child: child.double_hash(),
            expires_at: child.claims.issued_at.plus(VALIDITY),
        };
        assert_eq!(refresh(&p, &child), RefreshDecision::Confirm(confirmation));
    }
}

#[test]
fn an_older_token_is_theft() {
    let Family { o, p, c, c2, g } = Family::new();
    for (current, presented) in [(&p, &o), (&c, &p), (&c, &o), (&g, &o), (&g, &p), (&g, &c)] {
        assert_eq!(refresh(current, presented), RefreshDecision::Theft);
    }
    // Of the same generation, but of another branch.
    assert_eq!(refresh(&c, &c2), RefreshDecision::Theft);
    assert_eq!(refresh(&c2, &c), RefreshDecision::Theft);
}

#[test]
fn a_child_of_another_branch_is_theft() {
    let Family { c2, g, .. } = Family::new();
    assert_eq!(refresh(&c2, &g), RefreshDecision::Theft);
}

#[test]
fn a_token_ahead_of_the_database_is_refused_without_theft() {
    let Family { o, p, c, c2, g } = Family::new();
    for (current, presented) in [(&o, &c), (&o, &c2), (&o, &g), (&p, &g)] {
        let refusal = RefreshDecision::Refuse(Refusal::AheadOfDatabase);
        assert_eq!(refresh(current, presented), refusal);
    }
}

#[test]
fn without_a_live_session_nothing_is_theft() {
    let Family { o, p, c, c2, g } = Family::new();
    let mut expired = row(&p);
    expired.expires_at = now();
    for token in [&o, &p, &c, &c2, &g] {
        for stored in [None, Some(&expired)] {
            assert_eq!(
                decide_refresh(stored, token, now()),
                RefreshDecision::Refuse(Refusal::NoSession)
            );
        }
    }
    expired.expires_at = now().plus(Duration::from_millis(1));
    assert_eq!(
        decide_refresh(Some(&expired), &p, now()),
        RefreshDecision::IssueChild
    );
}

#[test]
fn a_token_ends_when_its_receiver_was_told() {
    let Family { o, p, c, .. } = Family::new();
    let mut long = row(&p);
    long.expires_at = START.plus(VALIDITY * 2);
    for token in [&o, &p, &c] {
        let end = token.claims.expires_at;
        let at = |now| decide_refresh(Some(&long), token, now);
        assert_eq!(at(end), RefreshDecision::Refuse(Refusal::TokenExpired));
        let before = at(end.minus(Duration::from_millis(1)));
        assert_ne!(before, RefreshDecision::Refuse(Refusal::TokenExpired));
    }
}

#[test]
fn an_access_token_whose_refresh_token_is_current_is_replaced() {
    let Family { p, c, .. } = Family::new();
    // The compare-and-set has run: C is current, whoever made it so.
    assert_eq!(
        decide_access(Some(&row(&c)), &access(&c, Some(&p)), now()),
        AccessDecision::Replace
    );
}

#[test]
fn an_access_token_of_another_lineage_must_refresh() {
    let Family { o, p, c, c2, g } = Family::new();
    for (current, token, parent) in [
        (&c, &c2, &p),
        (&g, &c, &p),
        (&g, &p, &o),
        (&p, &g, &c),
        (&o, &c, &p),
    ] {
        assert_eq!(
            decide_access(Some(&row(current)), &access(token, Some(parent)), now()),
            AccessDecision::TryRefresh
        );
    }
}

#[test]
fn an_access_token_with_a_parent_is_refused_without_a_session() {
    let Family { p, c, .. } = Family::new();
    let mut expired = row(&c);
    expired.expires_at = now();
    for stored in [None, Some(&expired)] {
        assert_eq!(
            decide_access(stored, &access(&c, Some(&p)), now()),
            AccessDecision::Refuse
        );
    }
}

#[test]
fn generations_end_somewhere_without_a_wrap() {
    let Family { p, c, .. } = Family::new();
    let mut last = row(&p);
    last.generation = Generation(u32::MAX);
    assert_eq!(
        decide_refresh(Some(&last), &c, now()),
        RefreshDecision::Theft
    );
}
