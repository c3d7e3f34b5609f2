//! Sixty rotations with virtual clocks: processes with copies of the keys, skews and pauses. Every token verifies
//! from its first to its last moment, everywhere; no interval has two keys.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use proptest::prelude::*;

use super::processes::{Process, Table, Token};
use super::{HOUR, policy};
use crate::domain::keys::{PUBLISH_LEAD, RotationPolicy};
use crate::domain::time::Timestamp;
use crate::testing::dice::Dice;
use crate::testing::{START, cases};

const ROTATIONS: u32 = 60;

/// What clocks differ from the true time by, at most: 30 s.
const SKEW: i64 = 30_000;

/// How long a tick may be paused between looking and publishing, so that some seconds of its lead are left.
const PAUSE: u64 = 25_000;

enum Event {
    /// A process signs a token, which all verify at once and later.
    Request(usize),
    /// A process verifies a token.
    Verify(usize, Token),
    /// The scheduled component looks at the table (and will in an hour, unless this was an extra tick),
    Tick { again: bool },
    /// and after a pause publishes what it planned.
    Publish(u32, Timestamp),
}

struct World {
    dice: Dice,
    policy: RotationPolicy,
    table: Table,
    processes: Vec<Process>,
    queue: BinaryHeap<Reverse<(Timestamp, usize)>>,
    events: Vec<Option<Event>>,
    verified: u64,
}

impl World {
    fn at(&mut self, when: Timestamp, event: Event) {
        self.queue.push(Reverse((when, self.events.len())));
        self.events.push(Some(event));
    }

    fn gap(&self) -> Duration {
        let interval = self.policy.interval.as_millis() as u64;
        let longest = match self.dice.below(10) {
            0..2 => 5_000,
            2..4 => 100_000,
            _ => interval / 2,
        };
        Duration::from_millis(1 + self.dice.below(longest))
    }

    fn verify(&mut self, process: usize, token: &Token, now: Timestamp) {
        let verifier = &mut self.processes[process];
        if verifier.now(now) >= token.expires {
            return;
        }
        let good = verifier.verifies(token, now, &mut self.table, self.policy);
        assert!(
            good,
            "{token:?} at {now:?} on {process}: {:?}",
            self.table.published
        );
        self.verified += 1;
    }

    fn happen(&mut self, now: Timestamp, event: Event) {
        match event {
            Event::Request(process) => {
                let token = self.processes[process].sign(now, &mut self.table, self.policy);
                for other in 0..self.processes.len() {
                    self.verify(other, &token, now);
                    // And at the last moment of its life, as that process sees it.
                    let end = self.processes[other]
                        .when(token.expires)
                        .minus(Duration::from_millis(1));
                    let middle = self
                        .dice
                        .below(end.as_millis().saturating_sub(now.as_millis()));
                    self.at(
                        now.plus(Duration::from_millis(middle)),
                        Event::Verify(other, token.clone()),
                    );
                    self.at(end.max(now), Event::Verify(other, token.clone()));
                }
                let next = now.plus(self.gap());
                self.at(next, Event::Request(process));
            }
            Event::Verify(process, token) => self.verify(process, &token, now),
            Event::Tick { again } => {
                let skew = self.dice.below(2 * SKEW as u64) as i64 - SKEW;
                let clock = Process::new(skew).now(now);
                if let Some((generation, signs_from)) = self.table.tick(clock, self.policy) {
                    let pause = Duration::from_millis(self.dice.below(PAUSE));
                    self.at(now.plus(pause), Event::Publish(generation, signs_from));
                }
                if again {
                    self.at(now.plus(HOUR), Event::Tick { again });
                    // Now and then another one runs at the same time.
                    if self.dice.below(10) == 0 {
                        let soon = Duration::from_millis(self.dice.below(9_000));
                        self.at(now.plus(soon), Event::Tick { again: false });
                    }
                }
            }
            Event::Publish(generation, signs_from) => self.table.insert(generation, signs_from),
        }
    }

    fn run(&mut self) {
        let end = START.plus(self.policy.interval * ROTATIONS);
        let tail = self.policy.token_validity + self.policy.interval;
        while let Some(Reverse((now, number))) = self.queue.pop() {
            let Some(event) = self.events[number].take() else {
                continue;
            };
            let over = match event {
                Event::Verify(..) => false,
                Event::Request(_) => now > end,
                // Ticks go on as long as there are tokens.
                Event::Tick { .. } | Event::Publish(..) => now > end.plus(tail),
            };
            if !over {
                self.happen(now, event);
            }
        }
    }
}

/// Runs a world to its end.
fn simulate(seed: u64, processes: usize, policy: RotationPolicy, ticks: bool) -> World {
    let dice = Dice::new(seed);
    let skew = |_| Process::new(dice.below(2 * SKEW as u64 + 1) as i64 - SKEW);
    let processes: Vec<_> = (0..processes).map(skew).collect();
    let mut world = World {
        dice,
        policy,
        table: Table::default(),
        processes,
        queue: BinaryHeap::new(),
        events: Vec::new(),
        verified: 0,
    };
    for process in 0..world.processes.len() {
        let first = START.plus(world.gap());
        world.at(first, Event::Request(process));
    }
    if ticks {
        let first = START.plus(Duration::from_millis(world.dice.below(3_600_000)));
        world.at(first, Event::Tick { again: true });
    }
    world.run();
    world
}

fn check(world: &World, ticks: bool) {
    let published = &world.table.published;
    let interval = world.policy.interval;
    for pair in published.windows(2) {
        let [(before, from), (after, then)] = pair else {
            unreachable!()
        };
        assert_eq!(*after, before + 1);
        assert!(
            *then >= from.plus(interval),
            "two keys in one interval: {published:?}"
        );
        if ticks && interval > HOUR * 2 {
            assert_eq!(*then, from.plus(interval), "a tick was in time");
        }
    }
    // Without ticks a key signs until the first request after its interval, and 90 s on.
    let least = if ticks { ROTATIONS - 2 } else { ROTATIONS / 2 };
    assert!(published.len() as u32 >= least, "{published:?}");
    assert!(world.verified > 1000);
    if ticks {
        let overlapping = world.policy.token_validity.as_secs() / interval.as_secs();
        let hours = 2 + PUBLISH_LEAD.as_secs() / 3600 + 3;
        let most = overlapping + hours * 3600 / interval.as_secs() + 4;
        assert!(
            world.table.most_rows as u64 <= most,
            "{}",
            world.table.most_rows
        );
    }
}

proptest! {
    #![proptest_config(cases(12))]

    #[test]
    fn with_ticks_every_token_verifies_everywhere_all_its_life(
        seed: u64,
        processes in 2_usize..5,
        hours in prop_oneof![Just(1), Just(6), Just(24)],
        validity in prop_oneof![Just(10), Just(600), Just(3600), Just(100_000)],
    ) {
        let policy = policy(HOUR * hours, Duration::from_secs(validity));
        check(&simulate(seed, processes, policy, true), true);
    }

    #[test]
    fn with_requests_alone_every_token_verifies_everywhere_all_its_life(
        seed: u64,
        processes in 2_usize..5,
        hours in prop_oneof![Just(1), Just(24)],
        validity in prop_oneof![Just(10), Just(3600), Just(100_000)],
    ) {
        let policy = policy(HOUR * hours, Duration::from_secs(validity));
        check(&simulate(seed, processes, policy, false), false);
    }
}
