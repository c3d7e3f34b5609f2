//! The thief game (TH9): somebody copies all of an owner's cookies and goes on like a browser. How soon is it seen?
//!
//! Over the real service, with a clock that the game moves. `cargo test --lib th9_ -- --nocapture` prints the figures.

use session_core::domain::time::Timestamp;
use session_core::testing::START;
use session_core::testing::dice::Dice;

use super::World;
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
    fn ask(&mut self, world: &World, dice: &Dice) -> bool {
        let now = self.next;
        world.platform.set_now(now);
        let renews = match self.strategy {
            Strategy::Early | Strategy::Random => true,
            Strategy::Patient | Strategy::InRhythm => !self.verify(world),
        };
        if renews {
            match world.refresh(&self.refresh) {
                Refreshed::Ok(grant) => {
                    (self.refresh, self.access) = (grant.refresh, grant.access);
                    self.unconfirmed = true;
                }
                Refreshed::TheftDetected(..) => return true,
                Refreshed::Unauthorised => panic!("nobody ended the session"),
            }
            if self.repeats {
                self.verify(world);
            }
        }
        self.wait(now, dice);
        false
    }

    /// Whether its access token is good.
    fn verify(&mut self, world: &World) -> bool {
        match world.verify(&self.access) {
            Verified::Ok(_, replacement) => {
                self.access = replacement.unwrap_or_else(|| self.access.clone());
                self.unconfirmed = false;
                true
            }
            Verified::TryRefreshToken => false,
            Verified::Unauthorised => panic!("nobody ended the session"),
        }
    }
}

fn world(validity: u64, window: u64) -> World {
    World::new(&[
        ("access_token_validity", &validity.to_string()),
        ("refresh_reuse_window", &window.to_string()),
        ("access_token_signing_key_dynamic", "false"),
    ])
}

/// How many access tokens' lives after the theft it was seen; none within a hundred of them.
fn lives_until_seen(strategy: Strategy, validity: u64, window: u64, dice: &Dice) -> Option<f64> {
    let world = world(validity, window);
    let mut owner = Party::new(&world.create(), dice);
    let theft = START.as_millis() + dice.below(4_000 * validity);
    while owner.next.as_millis() < theft {
        assert!(
            !owner.ask(&world, dice),
            "an alarm before there was a thief"
        );
    }
    let mut thief = owner.robbed(strategy, Timestamp::from_millis(theft), dice);
    let life = 1000 * validity;
    loop {
        let who = match owner.next <= thief.next {
            true => &mut owner,
            false => &mut thief,
        };
        let lives = (who.next.as_millis() - theft) as f64 / life as f64;
        if lives > 100.0 {
            return None;
        }
        if who.ask(&world, dice) {
            return Some(lives);
        }
    }
}

/// The lives until each game's theft was seen, sorted; those that were not come last.
fn games(strategy: Strategy, validities: (f64, f64), count: usize) -> Vec<f64> {
    let (shortest, longest) = validities;
    let mut lives: Vec<_> = (0..count)
        .map(|seed| {
            let dice = Dice::new(seed as u64);
            // No order of magnitude is likelier than another.
            let share = dice.below(1001) as f64 / 1000.0;
            let validity = (shortest * (longest / shortest).powf(share)) as u64;
            let window = 1 + dice.below(60);
            let seen = lives_until_seen(strategy, validity, window, &dice);
            seen.unwrap_or(f64::INFINITY)
        })
        .collect();
    lives.sort_by(f64::total_cmp);
    let within = [1.0, 2.0, 3.0, 10.0, 100.0].map(|most| {
        let seen = lives.iter().filter(|lives| **lives <= most).count();
        format!("{:.1} % within {most}", 100.0 * seen as f64 / count as f64)
    });
    println!(
        "{strategy:?}, {shortest} to {longest} s: {}; half within {:.1}",
        within.join(", "),
        lives[count / 2]
    );
    lives
}

const ANY: (f64, f64) = (10.0, 86_400.0);
const SHORTEST: (f64, f64) = (10.0, 60.0);
const DEFAULT: (f64, f64) = (3600.0, 3600.0);

#[test]
fn th9_a_patient_thief_is_seen_within_three_lifetimes() {
    let lives = games(Strategy::Patient, ANY, 1000);
    assert!(lives[949] <= 3.0, "{:?}", &lives[900..]);
    assert!(lives[999] <= 10.0, "{:?}", &lives[990..]);
    games(Strategy::Patient, SHORTEST, 200);
    games(Strategy::Patient, DEFAULT, 200);
}

/// Of those in the owner's rhythm some are not: while both ask so seldom that both of their tokens have expired each
/// time, and within one slot, there is nothing that tells them apart.
#[test]
fn th9_other_thieves_are_seen_as_soon() {
    for strategy in [Strategy::Early, Strategy::Random, Strategy::InRhythm] {
        let lives = games(strategy, ANY, 200);
        let bound = if strategy == Strategy::InRhythm {
            179
        } else {
            199
        };
        assert!(lives[bound] <= 10.0, "{strategy:?}: {:?}", &lives[160..]);
        games(strategy, SHORTEST, 200);
        let lives = games(strategy, DEFAULT, 200);
        assert!(lives[189] <= 3.0, "{strategy:?}: {:?}", &lives[160..]);
        assert!(lives[199] <= 10.0, "{strategy:?}: {:?}", &lives[190..]);
    }
}

/// Tabs of one browser notice at once that their common access token has expired, or ask beside each other while it is
/// good. Requests arrive in any order within the slot, some replies are lost, any of the others is kept.
#[test]
fn th9_racing_tabs_are_no_thieves() {
    let (mut races, mut refreshes) = (0, 0);
    for seed in 0..200 {
        let dice = Dice::new(seed);
        let validity = (10.0 * 8640_f64.powf(dice.below(1001) as f64 / 1000.0)) as u64;
        let window = 1 + dice.below(60);
        let slot = 1000 * window.min((validity / 60).max(1));
        let world = world(validity, window);
        let mut cookies = Party::new(&world.create(), &dice);
        let mut now = START.as_millis();
        for _ in 0..20 {
            now = match dice.below(4) {
                0 => now + dice.below(500 * validity),
                _ => now.max(cookies.access.expires.as_millis()) + dice.below(2 * slot),
            };
            let end = (now / slot + 1) * slot;
            let mut tabs = vec![cookies.clone(); 2 + dice.below(7) as usize];
            let mut steps: Vec<(u64, usize)> = (0..tabs.len() * 3)
                .map(|step| (now + dice.below((end - now).min(300)), step % tabs.len()))
                .collect();
            steps.sort_unstable();
            for (at, tab) in steps {
                world.platform.set_now(Timestamp::from_millis(at));
                let before = tabs[tab].clone();
                if !tabs[tab].verify(&world) {
                    match world.refresh(&tabs[tab].refresh) {
                        Refreshed::Ok(grant) => {
                            (tabs[tab].refresh, tabs[tab].access) = (grant.refresh, grant.access);
                        }
                        answer => panic!("{answer:?} after {races} races, seed {seed}"),
                    }
                    refreshes += 1;
                }
                if dice.below(8) == 0 {
                    tabs[tab] = before;
                }
            }
            races += 1;
            // The tabs share their cookies: whatever came last stays.
            tabs.retain(|tab| tab.refresh != cookies.refresh);
            if !tabs.is_empty() {
                cookies = tabs.swap_remove(dice.below(tabs.len() as u64) as usize);
            }
            now = end;
        }
    }
    println!("{races} races of up to 8 tabs, {refreshes} refreshes: no alarm");
    assert!(refreshes > 2 * races, "{refreshes} refreshes are no races");
}
