use proptest::prelude::*;

use super::*;
use crate::testing::cases;

const VALIDITY: Duration = Duration::from_secs(300);
const STALENESS: Duration = Duration::from_secs(60);
const DAWN: Timestamp = Timestamp::from_secs(1_700_000_000);

fn handle(number: u32) -> HandleHash {
    HandleHash::of_text(&number.to_string())
}

#[test]
fn a_cursor_is_read_as_it_is_written() {
    let (at, handle) = (DAWN, handle(1));
    let text = Cursor { at, handle }.to_string();
    assert_eq!(Cursor::parse(&text), Some(Cursor { at, handle }));
    let hash = handle.as_str();
    for bad in [
        "",
        ".",
        hash,
        &format!("{text}0"),
        &format!("+1.{hash}"),
        &format!(".{hash}"),
        "1.x",
    ] {
        assert_eq!(Cursor::parse(bad), None, "{bad}");
    }
}

/// What can happen to a reader, and to the database.
#[derive(Clone, Copy, Debug)]
enum Event {
    /// Time goes by.
    Wait(u64),
    /// The clock on the wall is set.
    SetClock(i64),
    /// A session is revoked, by a clock that differs by so much, and is seen so much later.
    Revoke { skew: i64, late: u64 },
    /// A check of the nth last session that was revoked. If it reads, the read takes so long and may fail.
    Check {
        session: usize,
        takes: u64,
        fails: bool,
    },
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => (0_u64..3000).prop_map(Event::Wait),
        1 => (0_u64..400_000).prop_map(Event::Wait),
        1 => (-4_000_000_i64..4_000_000).prop_map(Event::SetClock),
        5 => (-30_000_i64..=30_000, 0_u64..15_000)
            .prop_map(|(skew, late)| Event::Revoke { skew, late }),
        8 => (0_usize..4, 0_u64..900, prop::bool::weighted(0.3))
            .prop_map(|(session, takes, fails)| Event::Check { session, takes, fails }),
    ]
}

/// Revoked: when, by the clock of whoever did it, and from when on, by the one that never goes back, it is seen.
struct Tombstone {
    at: Timestamp,
    seen_from: u64,
}

/// A database and one reader.
struct World {
    monotonic: u64,
    wall: i64,
    feed: Feed,
    rows: Vec<Tombstone>,
    failing_since: Option<u64>,
}

impl World {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis((DAWN.as_millis() as i64 + self.wall) as u64)
    }

    fn wait(&mut self, millis: u64) {
        self.monotonic += millis;
        self.wall += millis as i64;
    }

    fn read(&mut self, takes: u64, fails: bool) {
        let began = (self.monotonic, self.now());
        let from = read_from(self.feed.since(), self.now(), VALIDITY);
        let seen = |row: &&(u32, &Tombstone)| {
            row.1.seen_from <= began.0 && row.1.at >= from && row.1.at < began.1.plus(AHEAD)
        };
        let rows = (0..).zip(&self.rows).collect::<Vec<_>>();
        let found: Vec<_> = rows.iter().filter(seen).map(|row| handle(row.0)).collect();
        self.wait(takes);
        match fails {
            true => {
                self.failing_since.get_or_insert(began.0);
                self.feed.has_failed(self.monotonic);
            }
            false => {
                self.failing_since = None;
                self.feed.has_read(began, &found);
            }
        }
    }

    /// Whether a check accepts a session's token without asking the database.
    fn accepts(&mut self, session: u32, takes: u64, fails: bool) -> bool {
        loop {
            match self.feed.step(self.monotonic, self.now()) {
                Step::Memory => return !self.feed.may_be_revoked(handle(session)),
                Step::Read | Step::ReadPage => self.read(takes, fails),
                Step::AskDatabase => return false,
                Step::AskDatabaseAndLoad => {
                    self.read(takes, fails);
                    return false;
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(cases(2000))]

    /// RV6: no token is accepted a second and the time of a read after its session's revocation is seen, as long as reads
    /// succeed; never later than the limit while they fail. Clocks differ by up to 30 s; one that is set makes it read
    /// everything.
    #[test]
    fn rv6_no_revocation_is_missed(events in prop::collection::vec(event(), 1..120)) {
        let mut world = World {
            monotonic: 0,
            wall: 0,
            feed: Feed::new(VALIDITY, STALENESS),
            rows: Vec::new(),
            failing_since: None,
        };
        for event in events {
            match event {
                Event::Wait(millis) => world.wait(millis),
                Event::SetClock(to) => {
                    // Everybody's clock is set, and what was revoked by the old one is as good as over.
                    world.wall += to;
                    world.rows.iter_mut().for_each(|row| row.seen_from = u64::MAX);
                }
                Event::Revoke { skew, late } => {
                    let at = (world.now().as_millis() as i64 + skew) as u64;
                    let (at, seen_from) = (Timestamp::from_millis(at), world.monotonic + late);
                    world.rows.push(Tombstone { at, seen_from });
                }
                Event::Check { session, takes, fails } => {
                    let Some(session) = world.rows.len().checked_sub(1 + session) else { continue };
                    let row = &world.rows[session];
                    let (at, seen_from) = (row.at, row.seen_from);
                    let began = world.monotonic;
                    let accepted = world.accepts(session as u32, takes, fails);
                    // Of a session that was revoked longer ago no token is good.
                    let matters = world.now() < at.plus(VALIDITY);
                    if accepted && matters && seen_from <= began {
                        let known_for = began - seen_from;
                        let limit = match world.failing_since {
                            Some(_) => millis(STALENESS),
                            None => MAX_AGE_MS,
                        };
                        prop_assert!(known_for <= limit, "{event:?}: accepted {known_for} ms after");
                    }
                }
            }
        }
    }

    /// What is in memory is bounded: it forgets what no token can be good for.
    #[test]
    fn what_is_over_is_forgotten(reads in prop::collection::vec((0_u64..200_000, 0_usize..50), 1..60)) {
        let mut feed = Feed::new(VALIDITY, STALENESS);
        let (mut now, mut number, mut added) = (0, 0, Vec::new());
        for (wait, count) in reads {
            now += wait;
            let found: Vec<_> = (0..count).map(|i| handle(number + i as u32)).collect();
            number += count as u32;
            feed.has_read((now, DAWN.plus(Duration::from_millis(now))), &found);
            added.push((now, found));
            let set = &feed.known.as_ref().unwrap().revoked;
            let turn = millis(kept_for(VALIDITY));
            let (mut most, mut least) = (0, 0);
            for (at, found) in &added {
                let age = now - at;
                most += if age <= 2 * turn + 200_000 { found.len() } else { 0 };
                least += if age <= turn { found.len() } else { 0 };
                prop_assert!(age > turn || found.iter().all(|it| set.contains(it.prefix())));
            }
            let size = set.young.len() + set.old.len();
            prop_assert!((least..=most).contains(&size), "{least} {size} {most}");
        }
    }
}

/// A page is read for the first check. Is there more, each check asks until reading everything pays; a failure does not make
/// each check try.
#[test]
fn an_instance_loads_from_its_20th_check() {
    let mut feed = Feed::new(VALIDITY, STALENESS);
    assert_eq!(feed.step(0, DAWN), Step::ReadPage);
    feed.has_failed(10);
    assert_eq!(feed.step(509, DAWN), Step::AskDatabase);
    assert_eq!(feed.step(510, DAWN), Step::ReadPage);
    let mut feed = Feed::new(VALIDITY, STALENESS);
    feed.found_long();
    for _ in 1..LOADS_FROM_CHECK {
        assert_eq!(feed.step(0, DAWN), Step::AskDatabase);
    }
    assert_eq!(feed.step(0, DAWN), Step::AskDatabaseAndLoad);
    feed.has_failed(10);
    assert_eq!(feed.step(5009, DAWN), Step::AskDatabase);
    assert_eq!(feed.step(5010, DAWN), Step::AskDatabaseAndLoad);
    feed.has_read((5020, DAWN), &[handle(1)]);
    assert_eq!(feed.step(6020, DAWN), Step::Memory);
    assert!(feed.may_be_revoked(handle(1)) && !feed.may_be_revoked(handle(2)));
    assert_eq!(feed.step(6021, DAWN), Step::Read);
    // Too much to read while a check waits.
    feed.forget();
    assert_eq!(feed.step(6022, DAWN), Step::AskDatabaseAndLoad);
}

/// Memory serves while reads fail, each of them for a while, and for no longer than the limit from the last good read.
#[test]
fn memory_serves_while_the_database_is_away_up_to_a_limit() {
    let mut feed = Feed::new(VALIDITY, STALENESS);
    feed.has_read((0, DAWN), &[]);
    let at = |ms| (ms, DAWN.plus(Duration::from_millis(ms)));
    let step = |feed: &mut Feed, ms| feed.step(ms, at(ms).1);
    assert_eq!(step(&mut feed, 1001), Step::Read);
    feed.has_failed(2000);
    assert_eq!(step(&mut feed, 2499), Step::Memory);
    assert_eq!(step(&mut feed, 2500), Step::Read);
    feed.has_failed(60_000);
    assert_eq!(step(&mut feed, 60_000), Step::Memory);
    assert_eq!(step(&mut feed, 60_001), Step::AskDatabase);
    assert_eq!(step(&mut feed, 60_500), Step::Read);
    feed.has_read(at(60_500), &[]);
    assert_eq!(step(&mut feed, 60_501), Step::Memory);
}
