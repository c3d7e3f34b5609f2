//! The thief game (TH9): somebody copies all of an owner's cookies and goes on like a browser. How soon is it seen?
//!
//! Over the real service, with clocks that the game moves, on one replica and on several that differ.
//! `cargo test -p session-service -- th9_ ck2_ --nocapture` prints the figures.

use session_core::domain::time::Timestamp;
use session_core::testing::START;
use session_core::testing::dice::Dice;

use super::fleet::{Fleet, Rollout};
use crate::{Grant, Refreshed, Token, Verified};

/// When the thief refreshes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Strategy {
    /// When its own access token has expired, as any browser does.
    Patient,
    /// The same, and it asks whenever the owner asks, or up to a second later.
    InRhythm,
    /// At some moment before its access token expires.
    Early,
    /// At any time, whether its access token has expired or not.
    Random,
}

/// Somebody with cookies, who asks the site now and then.
#[derive(Clone)]
struct Party {
    refresh: Token,
    access: Token,
    /// Nothing of the access token's refresh token has been used.
    unconfirmed: bool,
    /// Asks at this time and every period after it, in milliseconds.
    phase: u64,
    period: u64,
    /// A refresh is followed by the request that it was for.
    repeats: bool,
    next: Timestamp,
    /// What makes it refresh when it need not.
    strategy: Strategy,
}

impl Party {
    fn new(grant: &Grant, dice: &Dice) -> Self {
        // 0.2 to 60 s, no order of magnitude likelier than another.
        let period = (200.0 * 300_f64.powf(dice.below(1001) as f64 / 1000.0)) as u64;
        let mut party = Self {
            refresh: grant.refresh.clone(),
            access: grant.access.clone(),
            unconfirmed: false,
            phase: START.as_millis() + dice.below(period),
            period,
            repeats: dice.below(2) == 0,
            next: START,
            strategy: Strategy::Patient,
        };
        party.wait(START, dice);
        party
    }

    /// A thief with all that this one has.
    fn robbed(&self, strategy: Strategy, now: Timestamp, dice: &Dice) -> Self {
        let mut thief = self.clone();
        thief.strategy = strategy;
        thief.repeats = dice.below(2) == 0;
        if strategy == Strategy::InRhythm {
            thief.phase += dice.below(1000);
        } else {
            thief.period = (200.0 * 300_f64.powf(dice.below(1001) as f64 / 1000.0)) as u64;
            thief.phase = START.as_millis() + dice.below(thief.period);
        }
        thief.wait(now, dice);
        thief
    }

    /// Sets when it asks next. Before its access token expires there is nothing new to ask, but for confirming it.
    fn wait(&mut self, now: Timestamp, dice: &Dice) {
        let left = self
            .access
            .expires
            .as_millis()
            .saturating_sub(now.as_millis());
        let from = match self.strategy {
            Strategy::Early | Strategy::Random if left > 0 => dice.below(match self.strategy {
                Strategy::Early => left,
                _ => 2 * left,
            }),
            _ if self.unconfirmed => 0,
            _ => left,
        };
        let earliest = now.as_millis() + from.max(1);
        let periods = earliest.saturating_sub(self.phase).div_ceil(self.period);
        self.next = Timestamp::from_millis(self.phase + periods * self.period);
    }

    /// Asks the site at its time; whether that gave a theft away.
    fn ask(&mut self, fleet: &Fleet, dice: &Dice) -> bool {
        let now = self.next;
        fleet.set_now(now);
        let renews = match self.strategy {
            Strategy::Early | Strategy::Random => true,
            Strategy::Patient | Strategy::InRhythm => !self.verify(fleet, dice),
        };
        if renews {
            match fleet.refresh(&self.refresh, dice) {
                Refreshed::Ok(grant) => {
                    (self.refresh, self.access) = (grant.refresh, grant.access);
                    self.unconfirmed = true;
                }
                Refreshed::TheftDetected(..) => return true,
                answer => panic!("nobody ended the session: {answer:?}"),
            }
            if self.repeats {
                self.verify(fleet, dice);
            }
        }
        self.wait(now, dice);
        false
    }

    /// Whether its access token is good.
    fn verify(&mut self, fleet: &Fleet, dice: &Dice) -> bool {
        match fleet.verify(&self.access, dice) {
            Verified::Ok(_, replacement) => {
                self.access = replacement.unwrap_or_else(|| self.access.clone());
                self.unconfirmed = false;
                true
            }
            Verified::TryRefreshToken | Verified::Reauthenticate(..) => false,
            answer => panic!("nobody ended the session: {answer:?}"),
        }
    }
}

/// How many access tokens' lives after the theft it was seen; none within a hundred of them.
fn lives_until_seen(strategy: Strategy, fleet: &Fleet, dice: &Dice) -> Option<f64> {
    let mut owner = Party::new(&fleet.create(), dice);
    let theft = START.as_millis() + dice.below(4_000 * fleet.validity);
    while owner.next.as_millis() < theft {
        assert!(!owner.ask(fleet, dice), "an alarm before there was a thief");
    }
    let mut thief = owner.robbed(strategy, Timestamp::from_millis(theft), dice);
    let life = 1000 * fleet.validity;
    loop {
        let who = match owner.next <= thief.next {
            true => &mut owner,
            false => &mut thief,
        };
        let lives = (who.next.as_millis() - theft) as f64 / life as f64;
        if lives > 100.0 {
            return None;
        }
        if who.ask(fleet, dice) {
            return Some(lives);
        }
    }
}

/// A whole number of seconds between these; no order of magnitude is likelier than another.
fn some_validity((shortest, longest): (f64, f64), dice: &Dice) -> u64 {
    let share = dice.below(1001) as f64 / 1000.0;
    (shortest * (longest / shortest).powf(share)) as u64
}

const ROLLOUTS: [Rollout; 5] = [
    Rollout::None,
    Rollout::AccessValidity,
    Rollout::RefreshValidity,
    Rollout::ReuseWindow,
    Rollout::MasterKey,
];

/// The lives until each game's theft was seen, sorted; those that were not come last.
fn games(
    strategy: Strategy,
    validities: (f64, f64),
    count: usize,
    fleet: impl Fn(u64, u64, &Dice) -> Fleet,
) -> Vec<f64> {
    let mut lives: Vec<_> = (0..count)
        .map(|seed| {
            let dice = Dice::new(seed as u64);
            let validity = some_validity(validities, &dice);
            let fleet = fleet(validity, 1 + dice.below(60), &dice);
            lives_until_seen(strategy, &fleet, &dice).unwrap_or(f64::INFINITY)
        })
        .collect();
    lives.sort_by(f64::total_cmp);
    let within = [1.0, 2.0, 3.0, 10.0, 100.0].map(|most| {
        let seen = lives.iter().filter(|lives| **lives <= most).count();
        format!("{:.1} % within {most}", 100.0 * seen as f64 / count as f64)
    });
    println!(
        "{strategy:?}, {validities:?} s: {}; half within {:.1}",
        within.join(", "),
        lives[count / 2]
    );
    lives
}

const ANY: (f64, f64) = (10.0, 86_400.0);
const DEFAULT: (f64, f64) = (3600.0, 3600.0);

fn single(validity: u64, window: u64, _: &Dice) -> Fleet {
    Fleet::single(validity, window)
}

fn differing(validity: u64, window: u64, dice: &Dice) -> Fleet {
    let rollout = ROLLOUTS[dice.below(5) as usize];
    Fleet::differing(validity, window, rollout, dice)
}

#[test]
fn th9_a_patient_thief_is_seen_within_three_lifetimes() {
    let lives = games(Strategy::Patient, ANY, 400, single);
    assert!(lives[379] <= 3.0, "{:?}", &lives[360..]);
    assert!(lives[399] <= 10.0, "{:?}", &lives[390..]);
}

/// Of those in the owner's rhythm some are not: while both ask so seldom that both of their tokens have expired each
/// time, and within one race, there is nothing that tells them apart.
#[test]
fn th9_other_thieves_are_seen_as_soon() {
    for strategy in [Strategy::Early, Strategy::Random, Strategy::InRhythm] {
        let lives = games(strategy, ANY, 100, single);
        let bound = if strategy == Strategy::InRhythm {
            89
        } else {
            99
        };
        assert!(lives[bound] <= 10.0, "{strategy:?}: {:?}", &lives[80..]);
        let lives = games(strategy, DEFAULT, 100, single);
        assert!(lives[94] <= 3.0, "{strategy:?}: {:?}", &lives[80..]);
        assert!(lives[99] <= 10.0, "{strategy:?}: {:?}", &lives[90..]);
    }
}

#[test]
fn ck2_a_thief_is_seen_as_soon_by_replicas_that_differ() {
    let lives = games(Strategy::Patient, (60.0, 86_400.0), 200, differing);
    assert!(lives[189] <= 3.0, "{:?}", &lives[180..]);
    assert!(lives[199] <= 10.0, "{:?}", &lives[190..]);
    let short = games(Strategy::Patient, (20.0, 60.0), 100, differing);
    assert!(short[94] <= 10.0, "{:?}", &short[90..]);
}

/// Tabs of one browser notice at once that their common access token has expired, or ask beside each other while it is
/// good. Requests arrive in any order, some replies are lost, any of the others is kept.
fn race(fleet: &Fleet, dice: &Dice, rounds: u64) -> Result<u64, String> {
    let mut refreshes = 0;
    let mut cookies = Party::new(&fleet.create(), dice);
    let mut now = START.as_millis();
    for round in 0..rounds {
        let expiry = cookies.access.expires.as_millis();
        now = match dice.below(4) {
            0 => now + dice.below(500 * fleet.validity),
            // Around the expiry, where the clocks disagree.
            1 => now.max(expiry.saturating_sub(2_500)) + dice.below(5_000),
            _ => now.max(expiry) + dice.below(300),
        };
        let mut tabs = vec![cookies.clone(); 2 + dice.below(7) as usize];
        let mut steps: Vec<(u64, usize)> = (0..tabs.len() * 3)
            .map(|step| (now + dice.below(300), step % tabs.len()))
            .collect();
        steps.sort_unstable();
        for (at, tab) in steps {
            fleet.set_now(Timestamp::from_millis(at));
            let before = tabs[tab].clone();
            if !tabs[tab].verify(fleet, dice) {
                match fleet.refresh(&tabs[tab].refresh, dice) {
                    Refreshed::Ok(grant) => {
                        (tabs[tab].refresh, tabs[tab].access) = (grant.refresh, grant.access);
                    }
                    answer => return Err(format!("{answer:?} in round {round}")),
                }
                refreshes += 1;
            }
            if dice.below(8) == 0 {
                tabs[tab] = before;
            }
        }
        // The tabs share their cookies: whatever came last stays.
        tabs.retain(|tab| tab.refresh != cookies.refresh);
        if !tabs.is_empty() {
            cookies = tabs.swap_remove(dice.below(tabs.len() as u64) as usize);
        }
        now += 300;
    }
    Ok(refreshes)
}

fn races(fleet: impl Fn(u64, u64, &Dice) -> Fleet, shortest: f64) {
    let (mut refreshes, mut alarms) = (0, Vec::new());
    for seed in 0..100 {
        let dice = Dice::new(seed);
        let validity = some_validity((shortest, 86_400.0), &dice);
        let window = 1 + dice.below(60);
        let fleet = fleet(validity, window, &dice);
        let what = format!("seed {seed}, {validity} s, {window} s, {:?}", fleet.rollout);
        // Keys from before a master key end two hours after their last tokens; no roll-out takes that long.
        let rounds = match fleet.rollout {
            Rollout::MasterKey => (7_200 / validity).clamp(1, 20),
            _ => 20,
        };
        match race(&fleet, &dice, rounds) {
            Ok(count) => refreshes += count,
            Err(alarm) => alarms.push(format!("{what}: {alarm}")),
        }
    }
    println!(
        "2000 races of up to 8 tabs, {refreshes} refreshes, {} alarms",
        alarms.len()
    );
    assert!(alarms.is_empty(), "{alarms:#?}");
    assert!(refreshes > 4000, "{refreshes} refreshes are no races");
}

#[test]
fn th9_racing_tabs_are_no_thieves() {
    races(single, 10.0);
}

#[test]
fn ck2_racing_tabs_are_no_thieves_where_replicas_differ() {
    races(differing, 20.0);
}
