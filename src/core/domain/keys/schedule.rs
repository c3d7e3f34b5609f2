//! When the key that signs began to, and when the next one takes over: for those who watch.

use super::KeyTable;
use crate::domain::config::Config;
use crate::domain::time::Timestamp;

/// The access-token keys at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// How many may have signed a token that is still good, or will sign next.
    pub keys: u64,
    /// Since when the one that signs does; none for a key that never changes.
    pub since: Option<Timestamp>,
    /// When the next one takes over; in the past if it is overdue, none if it never will.
    pub until: Option<Timestamp>,
}

impl Schedule {
    /// The schedule at `now`, by the key table and the settings.
    pub fn new(table: &KeyTable, config: &Config, now: Timestamp) -> Self {
        let fixed = Self {
            keys: 1,
            since: None,
            until: None,
        };
        let dynamic = config.access.rotation.dynamic;
        if config.access.key_path.is_some() {
            fixed
        } else if config.master_keys.signing().is_none() {
            Self::of_generations(table, config, now)
        } else if dynamic {
            Self::of_slots(config, now)
        } else {
            fixed
        }
    }

    fn of_generations(table: &KeyTable, config: &Config, now: Timestamp) -> Self {
        let rotation = config.access.rotation;
        let keys = &table.generations;
        let due = keys.iter().rposition(|key| key.signs_from <= now);
        let since = due.map(|at| keys[at].signs_from);
        let published = due.and_then(|at| keys.get(at + 1));
        let until = match published {
            Some(next) => Some(next.signs_from),
            None => since.map(|since| since.plus(rotation.interval)),
        };
        Self {
            keys: keys.len() as u64,
            since,
            until: until.filter(|_| rotation.dynamic),
        }
    }

    fn of_slots(config: &Config, now: Timestamp) -> Self {
        let rotation = config.access.rotation;
        let since = now.slot_start(rotation.interval);
        let oldest = now
            .minus(rotation.token_validity)
            .slot_start(rotation.interval);
        let earlier = since.since(oldest).as_secs() / rotation.interval.as_secs();
        Self {
            keys: earlier + 1,
            since: Some(since),
            until: Some(since.plus(rotation.interval)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::domain::keys::{Key, SigningKey};

    const HOUR: Duration = Duration::from_secs(3600);
    const START: Timestamp = Timestamp::from_secs(1_700_000_000);

    fn config(settings: &[(&str, &str)]) -> Config {
        let value = |name: &str| {
            let found = settings.iter().find(|(of, _)| *of == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        Config::parse(&value).unwrap()
    }

    fn table(times: &[Timestamp]) -> KeyTable {
        let keys = times.iter().zip(1..);
        KeyTable {
            generations: keys
                .map(|(signs_from, generation)| SigningKey {
                    generation,
                    key: Key::from_bytes([7; 32]),
                    has_fingerprint: true,
                    signs_from: *signs_from,
                })
                .collect(),
            ..KeyTable::default()
        }
    }

    fn schedule(keys: u64, since: Timestamp, until: Timestamp) -> Schedule {
        Schedule {
            keys,
            since: Some(since),
            until: Some(until),
        }
    }

    #[test]
    fn generations_go_on_until_the_next_one_signs() {
        let config = config(&[]);
        let one = table(&[START]);
        let day = 24 * HOUR;
        let until = START.plus(day);
        assert_eq!(
            Schedule::new(&one, &config, START.plus(HOUR)),
            schedule(1, START, until)
        );
        // Overdue.
        assert_eq!(
            Schedule::new(&one, &config, START.plus(2 * day)),
            schedule(1, START, until)
        );
        let next = until.plus(HOUR);
        let two = table(&[START, next]);
        assert_eq!(
            Schedule::new(&two, &config, START.plus(day)),
            schedule(2, START, next)
        );
        assert_eq!(
            Schedule::new(&two, &config, next),
            schedule(2, next, next.plus(day))
        );
    }

    #[test]
    fn derived_keys_go_by_the_slots_of_the_clock() {
        let config = config(&[
            ("master_key", "a master key of thirty-two bytes at least"),
            ("access_token_signing_key_update_interval", "1"),
            ("access_token_validity", "7200"),
        ]);
        let hour = Timestamp::from_secs(START.as_secs() / 3600 * 3600);
        let now = hour.plus(HOUR / 2);
        let none = KeyTable::default();
        assert_eq!(
            Schedule::new(&none, &config, now),
            schedule(3, hour, hour.plus(HOUR))
        );
    }

    #[test]
    fn a_key_that_never_changes_has_no_times() {
        for settings in [
            &[("access_token_signing_key_path", "/keys/key")][..],
            &[
                ("master_key", "a master key of thirty-two bytes at least"),
                ("access_token_signing_key_dynamic", "false"),
            ],
        ] {
            let fixed = Schedule::new(&KeyTable::default(), &config(settings), START);
            assert_eq!((fixed.keys, fixed.since, fixed.until), (1, None, None));
        }
        let static_key = config(&[("access_token_signing_key_dynamic", "false")]);
        let times = Schedule::new(&table(&[START]), &static_key, START.plus(HOUR));
        assert_eq!((times.since, times.until), (Some(START), None));
    }
}
