//! What the simulation is made of: the key table, processes that keep a copy of it, and tokens.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::time::Duration;

use super::{prune, publish, signing_key};
use crate::domain::keys::{
    AccessKeys, CACHE_TIME, PUBLISH_LEAD, Planner, RotationPolicy, SigningKey,
};
use crate::domain::time::Timestamp;
use crate::domain::token::key::Class;

/// The key table, and what was ever in it.
#[derive(Default)]
pub(super) struct Table {
    rows: BTreeMap<u32, Timestamp>,
    /// What they amount to now; made once for all processes.
    known: Option<(Vec<SigningKey>, AccessKeys)>,
    pub(super) published: Vec<(u32, Timestamp)>,
    pub(super) most_rows: usize,
}

impl Table {
    fn known(&mut self) -> &(Vec<SigningKey>, AccessKeys) {
        let rows = &self.rows;
        self.known.get_or_insert_with(|| {
            let keys: Vec<_> = rows
                .iter()
                .map(|(generation, signs_from)| signing_key(*generation, *signs_from))
                .collect();
            let access = AccessKeys::generations(&keys).unwrap();
            (keys, access)
        })
    }

    /// What a planner would publish.
    fn publish(
        &mut self,
        now: Timestamp,
        policy: RotationPolicy,
        planner: Planner,
    ) -> Option<(u32, Timestamp)> {
        match self.rows.is_empty() {
            true => Some((1, now)),
            false => publish(&self.known().0, now, policy, planner),
        }
    }

    /// One row of a name: whoever comes first.
    pub(super) fn insert(&mut self, generation: u32, signs_from: Timestamp) {
        if let Entry::Vacant(row) = self.rows.entry(generation) {
            row.insert(signs_from);
            self.known = None;
            self.published.push((generation, signs_from));
            self.most_rows = self.most_rows.max(self.rows.len());
        }
    }

    /// One tick. Gives what it publishes, for the caller to insert when the tick's pause is over.
    pub(super) fn tick(
        &mut self,
        now: Timestamp,
        policy: RotationPolicy,
    ) -> Option<(u32, Timestamp)> {
        if self.rows.is_empty() {
            return None;
        }
        let published = self.publish(now, policy, Planner::Maintenance);
        for generation in prune(&self.known().0, now, policy, Planner::Maintenance) {
            self.rows.remove(&generation);
            self.known = None;
        }
        published
    }
}

/// An access token: who signed it and how long it is good.
#[derive(Clone, Debug)]
pub(super) struct Token {
    pub(super) kid: String,
    pub(super) expires: Timestamp,
}

/// A process with its own clock and its own copy of the keys.
pub(super) struct Process {
    /// Milliseconds to add to real time.
    skew: i64,
    keys: Option<(AccessKeys, Timestamp)>,
    last_load: Timestamp,
}

impl Process {
    pub(super) fn new(skew: i64) -> Self {
        Self {
            skew,
            keys: None,
            last_load: Timestamp::EPOCH,
        }
    }

    /// Its clock.
    pub(super) fn now(&self, real: Timestamp) -> Timestamp {
        Timestamp::from_millis(real.as_millis().saturating_add_signed(self.skew))
    }

    /// When its clock will show this.
    pub(super) fn when(&self, shown: Timestamp) -> Timestamp {
        Timestamp::from_millis(shown.as_millis().saturating_add_signed(-self.skew))
    }

    fn load(&mut self, real: Timestamp, table: &mut Table, policy: RotationPolicy) -> AccessKeys {
        let now = self.now(real);
        if let Some((generation, signs_from)) = table.publish(now, policy, Planner::Request) {
            table.insert(generation, signs_from);
        }
        let keys = table.known().1.clone();
        self.keys = Some((keys.clone(), now));
        self.last_load = real;
        keys
    }

    fn keys(&mut self, real: Timestamp, table: &mut Table, policy: RotationPolicy) -> AccessKeys {
        let now = self.now(real);
        match self.keys.clone() {
            Some((keys, at)) if now < at.plus(CACHE_TIME) => keys,
            // Loaded beside the request, which goes on with what was there.
            Some((keys, at)) if now < at.plus(PUBLISH_LEAD) => {
                self.load(real, table, policy);
                keys
            }
            _ => self.load(real, table, policy),
        }
    }

    /// Signs a token.
    pub(super) fn sign(
        &mut self,
        real: Timestamp,
        table: &mut Table,
        policy: RotationPolicy,
    ) -> Token {
        let now = self.now(real);
        let key = self.keys(real, table, policy).signing(Class::Dynamic, now);
        let issued = Timestamp::from_secs(now.as_secs());
        Token {
            kid: key.kid().to_owned(),
            expires: issued.plus(policy.token_validity),
        }
    }

    /// Whether it knows the token's key.
    pub(super) fn verifies(
        &mut self,
        token: &Token,
        real: Timestamp,
        table: &mut Table,
        policy: RotationPolicy,
    ) -> bool {
        let now = self.now(real);
        if self
            .keys(real, table, policy)
            .named(Class::Dynamic, &token.kid, now)
            .is_some()
        {
            return true;
        }
        let keys = match &self.keys {
            // Loaded a moment ago, perhaps beside this very request.
            Some((keys, _)) if real < self.last_load.plus(Duration::from_secs(5)) => keys.clone(),
            _ => self.load(real, table, policy),
        };
        keys.named(Class::Dynamic, &token.kid, now).is_some()
    }
}
