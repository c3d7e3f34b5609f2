//! The whole plan for a table under given settings: which rows, and why.

use std::time::Duration;

use super::HOUR;
use crate::domain::keys::{Change, KeyRing, KeyRow, KeyTable, KeyTableError, Planner, Reason};
use crate::domain::secret::testing::SeededRandom;
use crate::domain::time::Timestamp;
use crate::domain::token::key::Class;
use crate::testing::{START, config};

const OLD: &str = "the old master key of 32 bytes or more";
const NEW: &str = "the new master key of 32 bytes or more";
const KEY: &str = "access_token_signing_key.1";

/// A key table that takes what is planned for it.
struct Keys(Vec<KeyRow>);

impl Keys {
    fn plan(
        &mut self,
        settings: &[(&str, &str)],
        planner: Planner,
        now: Timestamp,
    ) -> Result<Vec<(String, Reason)>, KeyTableError> {
        let table = KeyTable::read(&self.0)?;
        let random = SeededRandom::new(now.as_millis());
        let changes = table.plan(&config(settings), planner, now, &random)?;
        let done = changes.into_iter().map(|change| match change {
            Change::Add(row, reason) => {
                self.0.push(row.clone());
                (row.name, reason)
            }
            Change::Remove(name, reason) => {
                self.0.retain(|row| row.name != name);
                (name, reason)
            }
        });
        Ok(done.collect())
    }

    /// All that is done until nothing is left to do, but for notes of what is in use.
    fn done(
        &mut self,
        settings: &[(&str, &str)],
        planner: Planner,
        now: Timestamp,
    ) -> Vec<(String, Reason)> {
        let mut all = Vec::new();
        loop {
            let done = self.plan(settings, planner, now).unwrap();
            if done.is_empty() {
                return all;
            }
            let is_note = |reason| matches!(reason, Reason::InUse | Reason::Superseded);
            all.extend(done.into_iter().filter(|(_, reason)| !is_note(*reason)));
        }
    }

    fn names(&self) -> Vec<&str> {
        self.0.iter().map(|row| &*row.name).collect()
    }

    fn ring(&self, settings: &[(&str, &str)], now: Timestamp) -> KeyRing {
        let table = KeyTable::read(&self.0).unwrap();
        table.ring(&config(settings), None, now).unwrap()
    }
}

fn named(names: &[(&str, Reason)]) -> Vec<(String, Reason)> {
    let owned = |(name, reason): &(&str, Reason)| ((*name).to_owned(), *reason);
    names.iter().map(owned).collect()
}

#[test]
fn a_request_makes_the_first_keys_and_they_sign_at_once() {
    let file = ("access_token_signing_key_path", "/keys/key");
    for dynamic in ["true", "false"] {
        let settings = [("access_token_signing_key_dynamic", dynamic)];
        let mut keys = Keys(Vec::new());
        assert_eq!(keys.done(&settings, Planner::Maintenance, START), []);
        let first = named(&[(KEY, Reason::First), ("refresh_token_key", Reason::First)]);
        assert_eq!(keys.done(&settings, Planner::Request, START), first);
        assert_eq!(keys.0[0].time, START);
        assert_eq!(keys.done(&settings, Planner::Request, START), []);
    }
    let first = Keys(Vec::new()).done(&[file], Planner::Request, START);
    assert_eq!(first, named(&[("refresh_token_key", Reason::First)]));
}

/// Of all that the plan calls needed none may be missing, and with it there is a ring.
#[test]
fn what_is_needed_is_what_a_ring_lacks() {
    let master = ("master_key", OLD);
    let both = ("master_key", &*format!("database,{OLD}"));
    for settings in [&[][..], &[master], &[both]] {
        let config = config(settings);
        let random = SeededRandom::new(1);
        let none = KeyTable::default();
        let changes = none
            .plan(&config, Planner::Request, START, &random)
            .unwrap();
        let rows: Vec<_> = changes.iter().filter_map(Change::needed).cloned().collect();
        assert_eq!(rows.len(), changes.len());
        assert!(
            KeyTable::read(&rows)
                .unwrap()
                .ring(&config, None, START)
                .is_ok()
        );
        if config.master_keys.signing().is_none() {
            for i in 0..rows.len() {
                let mut fewer = rows.clone();
                fewer.remove(i);
                let ring = KeyTable::read(&fewer).unwrap().ring(&config, None, START);
                assert_eq!(
                    ring.err(),
                    Some(KeyTableError::Incomplete),
                    "{}",
                    rows[i].name
                );
            }
        }
    }
}

#[test]
fn every_change_of_a_deployments_life_has_its_reason() {
    use Planner::{Maintenance, Request};
    let mut keys = Keys(Vec::new());
    let at = |hours: u32| START.plus(HOUR * hours);
    keys.done(&[], Request, START);
    let next = |number: u32| format!("access_token_signing_key.{number}");
    let done = keys.done(&[], Maintenance, at(12));
    assert_eq!(done, [(next(2), Reason::Next(2))]);
    let done = keys.done(&[], Maintenance, at(36));
    assert_eq!(
        done,
        [(next(3), Reason::Next(3)), (next(1), Reason::Served)]
    );
    let done = keys.done(&[], Request, at(72));
    assert_eq!(done, [(next(4), Reason::Next(4))]);
    // A master key is introduced, and two hours after the last token of the keys before it they go.
    let old = [("master_key", OLD), ("refresh_token_validity", "24")];
    let done = keys.done(&old, Request, at(80));
    let check = done[1].0.clone();
    let first = "first_master_key".to_owned();
    let introduced = [first, check.clone()].map(|name| (name, Reason::MasterKey));
    assert_eq!(done, introduced);
    assert_eq!(keys.done(&old, Maintenance, at(83)), []);
    let millisecond = Duration::from_millis(1);
    let served = [2, 3, 4].map(|number| (next(number), Reason::Served));
    assert_eq!(
        keys.done(&old, Maintenance, at(83).plus(millisecond)),
        served
    );
    let served = named(&[("refresh_token_key", Reason::Served)]);
    assert_eq!(
        keys.done(&old, Maintenance, at(106).plus(millisecond)),
        served
    );
    // It is changed for another.
    let changed = [("master_key", &*format!("{NEW},{OLD}"))];
    let done = keys.done(&changed, Request, at(200));
    assert_eq!(done[0].1, Reason::MasterKey);
    assert_eq!(keys.done(&changed, Maintenance, at(201)), []);
    let new = [("master_key", NEW)];
    let done = keys.done(&new, Maintenance, at(202));
    assert_eq!(done, [(check, Reason::Dropped)]);
    let wrong = keys.plan(&old, Maintenance, at(203));
    assert_eq!(wrong, Err(KeyTableError::MasterKeyWrong));
    let missing = keys.plan(&[], Request, at(203));
    assert_eq!(missing, Err(KeyTableError::MasterKeyMissing));
}

/// KR7: another database, a restored backup or the leak procedure make a key of the same number, and no name names both.
#[test]
fn kr7_a_name_is_of_one_key() {
    let kid = |seed: u64| {
        let mut keys = Keys(Vec::new());
        keys.done(&[], Planner::Request, START.plus(HOUR * seed as u32));
        let signing = keys.ring(&[], START.plus(HOUR * 5)).access;
        signing
            .signing(Class::Dynamic, START.plus(HOUR * 5))
            .kid()
            .to_owned()
    };
    assert!(kid(1).starts_with("1.") && kid(2).starts_with("1."));
    assert_ne!(kid(1), kid(2));
}

/// Tokens of a key from before keys had fingerprints stay good, and it goes on under its name.
#[test]
fn kr7_a_key_from_before_keeps_its_name() {
    let mut keys = Keys(Vec::new());
    keys.done(&[], Planner::Request, START);
    for row in &mut keys.0 {
        row.value = row
            .value
            .trim_end_matches('=')
            .replace('+', "-")
            .replace('/', "_");
    }
    keys.done(&[], Planner::Maintenance, START.plus(HOUR * 12));
    let access = keys.ring(&[], START).access;
    assert_eq!(access.signing(Class::Dynamic, START).kid(), "1");
    let next = access.signing(Class::Dynamic, START.plus(HOUR * 24));
    assert!(next.kid().starts_with("2."), "{}", next.kid());
    assert!(access.named(Class::Dynamic, "1", START).is_some());
    assert!(access.named(Class::Dynamic, "2", START).is_none());
}

/// KR5: of two master keys that are introduced at the same time the second is refused from its first load on.
#[test]
fn kr5_one_of_two_first_master_keys_is_the_deployments() {
    let mut keys = Keys(Vec::new());
    let (old, new) = ([("master_key", OLD)], [("master_key", NEW)]);
    // Both have seen the empty table; the row of the one that comes first stays.
    keys.plan(&old, Planner::Request, START).unwrap();
    let wrong = Err(KeyTableError::MasterKeyWrong);
    assert_eq!(keys.plan(&new, Planner::Request, START), wrong);
    keys.done(&old, Planner::Request, START);
    assert_eq!(keys.plan(&new, Planner::Request, START), wrong);
    keys.done(&old, Planner::Maintenance, START);
    assert!(!keys.names().contains(&"first_master_key"));
    assert_eq!(keys.plan(&new, Planner::Request, START), wrong);
}

/// Back from a master key to the keys in the database, and long after to the master key again: the countdown of the
/// stored keys begins anew.
#[test]
fn kr5_the_way_back_from_a_master_key_logs_nobody_out() {
    let mut keys = Keys(Vec::new());
    let back = [("master_key", &*format!("database,{OLD}"))];
    let forth = [("master_key", OLD)];
    let at = |hours: u32| START.plus(HOUR * hours);
    keys.done(&[], Planner::Request, START);
    keys.done(&forth, Planner::Request, at(1));
    for hours in 2..=2400 {
        keys.done(&back, Planner::Request, at(hours));
    }
    keys.done(&back, Planner::Maintenance, at(2400));
    let stored = keys.ring(&back, at(2400)).refresh_keys()[0].clone();
    assert_eq!(keys.done(&forth, Planner::Maintenance, at(2401)), []);
    let ring = keys.ring(&forth, at(2401));
    assert!(ring.refresh_keys().contains(&stored));
    assert_eq!(keys.names().len(), 6, "{:?}", keys.names());
}

/// KR8: after a change of the interval, or to keys that don't rotate, the keys of the earlier slots are accepted and
/// published until their last tokens have expired, and others never.
#[test]
fn kr8_slots_of_an_earlier_length_are_published_as_long_as_they_are_accepted() {
    let mut keys = Keys(Vec::new());
    let daily = [("master_key", OLD)];
    let hourly = [daily[0], ("access_token_signing_key_update_interval", "1")];
    let fixed = [daily[0], ("access_token_signing_key_dynamic", "false")];
    let at = |hours: u32| START.plus(HOUR * hours);
    let mut kids = Vec::new();
    for (n, settings) in [&daily[..], &hourly, &fixed].into_iter().enumerate() {
        let now = at(n as u32);
        keys.done(settings, Planner::Request, now);
        let access = keys.ring(settings, now).access;
        kids.push(access.signing(Class::Dynamic, now).kid().to_owned());
        let published = access.published(now);
        for kid in &kids {
            assert!(access.named(Class::Dynamic, kid, now).is_some(), "{kid}");
            assert!(published.iter().any(|(_, key)| key.kid() == kid), "{kid}");
        }
        // A length that never was in use.
        let other = kids[0].replacen(".24.", ".12.", 1);
        assert!(access.named(Class::Dynamic, &other, now).is_none());
    }
    let late = at(9);
    let access = keys.ring(&fixed, late).access;
    let dynamic = access
        .published(late)
        .into_iter()
        .filter(|(class, _)| *class == Class::Dynamic);
    assert_eq!(dynamic.count(), 1);
    assert!(access.named(Class::Dynamic, &kids[1], late).is_none());
}
