//! What is to be changed about the key table, and why.

use std::time::Duration;

use super::derived::slot_hours;
use super::table::{KeyTable, KeyTableError, SigningKey, Used, row};
use super::{KeyRow, PRUNE_MARGIN, PUBLISH_LEAD};
use crate::domain::config::Config;
use crate::domain::secret::Random;
use crate::domain::time::Timestamp;

/// How keys rotate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RotationPolicy {
    /// Whether they do.
    pub dynamic: bool,
    /// How long each signs.
    pub interval: Duration,
    /// How long a token that it signed is good.
    pub token_validity: Duration,
}

/// Who asks for the plan, and so how far ahead it looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Planner {
    /// A request: it makes the first keys, adds a key when one is overdue, and removes none.
    Request,
    /// The scheduled component: it publishes from the middle of the interval on, and removes what has served.
    Maintenance,
}

/// One operation on the key table. Each may be done by several at once, and again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Add this row, unless one of its name is there.
    Add(KeyRow, Reason),
    /// Remove the row of this name.
    Remove(String, Reason),
}

/// Why the table is to be changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Without it nothing could be signed or authenticated.
    First,
    /// This master key is in use from now on; without the row another one would pass, too.
    MasterKey,
    /// This generation is the next to sign.
    Next(u32),
    /// All that it signed has expired.
    Served,
    /// The settings no longer name this master key.
    Dropped,
    /// It is in use now; later the table has to know until when it was.
    InUse,
    /// A later row says the same.
    Superseded,
}

impl Change {
    /// The row to add, if there are no keys to work with before it is there.
    pub fn needed(&self) -> Option<&KeyRow> {
        match self {
            Self::Add(row, Reason::First | Reason::MasterKey) => Some(row),
            _ => None,
        }
    }
}

impl KeyTable {
    /// Plans the next step. New rows are made of `random` at `now`.
    ///
    /// # Errors
    /// If the master key is wrong: then nothing may be changed.
    pub fn plan(
        &self,
        config: &Config,
        planner: Planner,
        now: Timestamp,
        random: &dyn Random,
    ) -> Result<Vec<Change>, KeyTableError> {
        let masters = &config.master_keys;
        self.check_master(masters)?;
        let needed = self.needed(config, planner, now, random);
        // What else there is to do is seen from the table that has them.
        if !needed.is_empty() {
            return Ok(needed);
        }
        let from_file = config.access.key_path.is_some();
        let mut changes = match masters.signing() {
            Some(_) if planner == Planner::Maintenance => self.retire(config, now),
            None if !from_file && !self.generations.is_empty() => {
                rotate(&self.generations, now, config.access.rotation, planner)
                    .into_iter()
                    .map(|step| step.change(random))
                    .collect()
            }
            _ => Vec::new(),
        };
        let used = self.used(config).filter(|used| {
            let last = self.last_used(*used);
            last.is_none_or(|last| now >= last.plus(row::MARK_INTERVAL))
        });
        changes.extend(used.map(|used| Change::Add(row::mark(used, now), Reason::InUse)));
        if planner == Planner::Maintenance {
            changes.extend(self.superseded());
        }
        Ok(changes)
    }

    /// What has to be noted as long as it is in use.
    fn used(&self, config: &Config) -> Option<Used> {
        let masters = &config.master_keys;
        match masters.signing() {
            Some(_) => Some(Used::Slots(slot_hours(config.access.rotation))),
            // A master key has signed, and the keys in the database sign again.
            None if !masters.is_empty() && !self.checks.is_empty() => Some(Used::Database),
            None => None,
        }
    }

    fn superseded(&self) -> impl Iterator<Item = Change> {
        let old = self
            .marks
            .iter()
            .filter(|mark| self.last_used(mark.used) > Some(mark.at));
        let first = (self.first.is_some() && !self.checks.is_empty()).then_some(row::FIRST_MASTER);
        old.map(|mark| mark.row_name())
            .chain(first)
            .map(|name| Change::Remove(name.to_owned(), Reason::Superseded))
    }

    fn needed(
        &self,
        config: &Config,
        planner: Planner,
        now: Timestamp,
        random: &dyn Random,
    ) -> Vec<Change> {
        let masters = &config.master_keys;
        if let Some(signing) = masters.signing() {
            let known = self.checks.iter().any(|check| check.is_of(signing));
            // Of two master keys that are introduced at the same time one comes first, and the other is wrong.
            let row = match self.checks.is_empty() && self.first.is_none() {
                true => row::first_master(signing, now),
                false => row::check(signing, now),
            };
            let row = (!known).then_some(Change::Add(row, Reason::MasterKey));
            return row.into_iter().collect();
        }
        // The first request makes the first keys.
        if planner == Planner::Maintenance && masters.is_empty() {
            return Vec::new();
        }
        let mut rows = Vec::new();
        if config.access.key_path.is_none() && self.generations.is_empty() {
            rows.push(row::generation(1, now, random));
        }
        if self.refresh.is_none() {
            rows.push(row::refresh(now, random));
        }
        let first = |row| Change::Add(row, Reason::First);
        rows.into_iter().map(first).collect()
    }

    /// With a master key: the keys from before it go once nothing that they signed can still be good, and so do the
    /// traces of master keys that the settings no longer name.
    fn retire(&self, config: &Config, now: Timestamp) -> Vec<Change> {
        let ends = self.ends(config);
        let over = |end: Option<Timestamp>| end.is_some_and(|end| now > end);
        let mut changes = Vec::new();
        if over(ends.generations) {
            let generations = self.generations.iter().map(|key| key.generation);
            changes.extend(generations.map(|number| served(row::generation_name(number))));
        }
        if over(ends.refresh) && self.refresh.is_some() {
            changes.push(served(row::REFRESH.to_owned()));
        }
        let masters = config.master_keys.all();
        let dropped = self
            .checks
            .iter()
            .filter(|check| !masters.iter().any(|master| check.is_of(master)));
        changes.extend(dropped.map(|check| Change::Remove(check.row_name(), Reason::Dropped)));
        changes
    }
}

fn served(name: String) -> Change {
    Change::Remove(name, Reason::Served)
}

/// A step of a rotation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Add this generation, which signs from then on.
    Publish(u32, Timestamp),
    /// Remove it.
    Prune(u32),
}

impl Step {
    fn change(self, random: &dyn Random) -> Change {
        match self {
            Self::Publish(generation, signs_from) => {
                let row = row::generation(generation, signs_from, random);
                Change::Add(row, Reason::Next(generation))
            }
            Self::Prune(generation) => served(row::generation_name(generation)),
        }
    }
}

/// The next steps for `keys`, at least one, sorted by generation.
pub(super) fn rotate(
    keys: &[SigningKey],
    now: Timestamp,
    policy: RotationPolicy,
    planner: Planner,
) -> Vec<Step> {
    let mut steps = Vec::new();
    let Some(newest) = keys.last().filter(|_| policy.dynamic) else {
        return steps;
    };
    let ends = newest.signs_from.plus(policy.interval);
    let due = match planner {
        Planner::Request => ends,
        Planner::Maintenance => ends.minus(policy.interval / 2),
    };
    if now >= due && newest.generation < u32::MAX {
        let signs_from = ends.max(now.plus(PUBLISH_LEAD));
        steps.push(Step::Publish(newest.generation + 1, signs_from));
    }
    if planner == Planner::Maintenance {
        let has_served = |pair: &&[SigningKey]| {
            let last_expiry = pair[1].signs_from.plus(policy.token_validity);
            now > last_expiry.plus(PRUNE_MARGIN)
        };
        let served = keys.windows(2).take_while(has_served);
        steps.extend(served.map(|pair| Step::Prune(pair[0].generation)));
    }
    steps
}
