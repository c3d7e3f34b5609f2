//! The whole plan for a table under given settings: which rows, and why.

use std::time::Duration;

use super::HOUR;
use crate::domain::keys::{Change, KeyRow, KeyTable, KeyTableError, Planner, Reason};
use crate::domain::secret::testing::SeededRandom;
use crate::domain::time::Timestamp;
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

    fn done(
        &mut self,
        settings: &[(&str, &str)],
        planner: Planner,
        now: Timestamp,
    ) -> Vec<(String, Reason)> {
        self.plan(settings, planner, now).unwrap()
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
    let check = done[0].0.clone();
    assert_eq!(done, [(check.clone(), Reason::MasterKey)]);
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
