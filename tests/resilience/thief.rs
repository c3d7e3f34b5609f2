//! The thief game: somebody copies a victim's tokens at a random moment, and both go on as honest callers would.
//! Once both have used branches that differ, the next refresh of one of them must report it. Games without a thief,
//! with several tabs, retries and lost replies, must report nothing.

use futures::future::join_all;
use session_tests::prelude::*;

use crate::common::{Answer, busy, freeze_all, soak};

const GAMES: usize = 40;
const TURNS: usize = 12;

#[test_on(everywhere)]
async fn th2_th3_th4_a_thief_is_seen_by_the_next_refresh(db: Backend) {
    let _turn = busy().await;
    soak(|random| thieves(db, random)).await;
}

#[test_on(everywhere)]
async fn th6_th7_th8_honest_callers_are_never_called_thieves(db: Backend) {
    let _turn = busy().await;
    soak(|random| honest(db, random)).await;
}

/// Both refresh only when their own access token has expired, and ask the moment it has. How soon many more are seen
/// is played over the same code in `src/service/tests/thief.rs`.
#[test_on(everywhere)]
async fn th9_a_patient_thief_is_seen(db: Backend) {
    for (validity, most_lives) in [(600, 10), (10, 40)] {
        let window = ("refresh_reuse_window", "10");
        let validity_text = validity.to_string();
        let settings = [window, ("access_token_validity", &*validity_text)];
        let processes = crate::common::pair(db, &settings).await;
        let mut total = 0;
        for _ in 0..12 {
            let mut owner = Party::new(&processes[0].create("owner").await);
            let theft = processes[0].now();
            let mut thief = Party::new(&owner.holds);
            while !owner.reported && !thief.reported {
                let now = owner.holds.access.expires.min(thief.holds.access.expires);
                freeze_all(&processes, now).await;
                for (party, process) in [&mut owner, &mut thief].into_iter().zip(&processes) {
                    if party.holds.access.expires <= now
                        && party.verify(process).await == Answer::Ok
                    {
                        // The request that it was for.
                        assert_eq!(party.verify(process).await, Answer::Ok);
                    }
                }
                let lives = (now - theft) / (validity * SECOND);
                assert!(lives < most_lives, "not seen in {lives} lifetimes");
            }
            total += (processes[0].now() - theft) / SECOND;
        }
        println!(
            "{} th9: validity {validity} s: 12 patient thieves seen, after {} s on average",
            db.name(),
            total / 12
        );
    }
}

async fn two_processes(db: Backend, window: &str) -> [Service; 2] {
    crate::common::pair(db, &[("refresh_reuse_window", window)]).await
}

/// Who holds tokens of the session.
struct Party {
    holds: Session,
    /// The tokens of `holds` were used since they came.
    used: bool,
    reported: bool,
}

impl Party {
    fn new(holds: &Session) -> Self {
        Self {
            holds: holds.clone(),
            used: true,
            reported: false,
        }
    }

    /// Refreshes and keeps what comes. A refused party has lost.
    async fn refresh(&mut self, service: &Service) -> Answer {
        let reply = service.refresh(&self.holds.refresh.value).await;
        let answer = Answer::of_reply(&reply);
        match answer {
            Answer::Ok => {
                self.holds = Session::refreshed(&reply);
                self.used = false;
            }
            Answer::Theft => self.reported = true,
            _ => {}
        }
        answer
    }

    /// Verifies, and refreshes when told to, as the contract asks of a caller.
    async fn verify(&mut self, service: &Service) -> Answer {
        let answer = Answer::of_reply(&service.verify(&self.holds.access.value).await);
        match answer {
            Answer::TryRefreshToken => self.refresh(service).await,
            answer => {
                self.used = true;
                answer
            }
        }
    }

    async fn turn(&mut self, service: &Service, random: &mut Random) {
        match random.below(4) {
            0 => self.refresh(service).await,
            1 | 2 => self.verify(service).await,
            _ => return,
        };
    }
}

async fn thieves(db: Backend, mut random: Random) {
    let window = *random.pick(&["0", "10"]);
    let processes = two_processes(db, window).await;
    let mut now = processes[0].now();
    let (mut seen, mut undecided, mut turns) = (0, 0, 0);
    for game in 0..GAMES {
        let first = processes[0].create("victim").await;
        let mut victim = Party::new(&first);
        for _ in 0..random.below(5) {
            victim.turn(&processes[0], &mut random).await;
            now += random.below(30) as i64 * SECOND;
            freeze_all(&processes, now).await;
        }
        let mut thief = Party::new(&victim.holds);
        thief.used = victim.used;
        for _ in 0..TURNS {
            // Time passes, so that the same slot is the exception.
            now += *random.pick(&[0, 3, 11, 25, 600]) * SECOND;
            freeze_all(&processes, now).await;
            let process = random.pick(&processes);
            let party = if random.one_in(2) {
                &mut victim
            } else {
                &mut thief
            };
            party.turn(process, &mut random).await;
            turns += 1;
            if victim.reported || thief.reported {
                break;
            }
        }
        if victim.reported || thief.reported {
            seen += 1;
            continue;
        }
        if victim.holds.refresh.value == thief.holds.refresh.value {
            // They hold the same: nothing tells them apart, and neither has done any harm to the other's branch.
            undecided += 1;
            continue;
        }
        // Both use what they hold, then each refreshes once.
        now += 11 * SECOND;
        freeze_all(&processes, now).await;
        let order = if random.one_in(2) {
            [&mut victim, &mut thief]
        } else {
            [&mut thief, &mut victim]
        };
        let [one, two] = order;
        for party in [&mut *one, &mut *two] {
            if !party.used {
                party.verify(&processes[0]).await;
            }
        }
        for party in [one, two] {
            if !party.reported {
                party.refresh(&processes[1]).await;
            }
        }
        let told = victim.reported || thief.reported;
        assert!(
            told,
            "game {game} with seed {}: nobody was told",
            random.seed()
        );
        seen += 1;
    }
    println!(
        "{} thief: {GAMES} games, {turns} turns, window {window} s: {seen} thefts reported, {undecided} games ended \
         with both holding the same token, none missed",
        db.name()
    );
}

/// A site's user with several tabs, which share their tokens through cookies; requests are sent twice, at once, and
/// replies get lost.
async fn honest(db: Backend, mut random: Random) {
    let window = "10";
    let processes = two_processes(db, window).await;
    let mut now = processes[0].now();
    let mut requests = 0;
    for game in 0..GAMES {
        let mut cookies = processes[0].create("honest").await;
        for _ in 0..TURNS {
            now += *random.pick(&[0, 1, 9, 10, 61, 1800]) * SECOND;
            freeze_all(&processes, now).await;
            let token = cookies.refresh.value.clone();
            let tabs = 1 + random.below(4);
            requests += tabs;
            match random.below(5) {
                // All tabs refresh at once; any reply may be the one that stays, the others may be lost.
                0 | 1 => {
                    let replies = (0..tabs).map(|tab| processes[tab % 2].refresh(&token));
                    let replies = join_all(replies).await;
                    for reply in &replies {
                        assert_eq!(
                            Answer::of_reply(reply),
                            Answer::Ok,
                            "game {game}: {reply:?}"
                        );
                    }
                    if !random.one_in(3) {
                        cookies = Session::refreshed(random.pick(&replies));
                    }
                }
                // The reply of a refresh is lost; the caller tries again later with what it has.
                2 => {
                    let reply = processes[0].refresh(&token).await;
                    assert_eq!(
                        Answer::of_reply(&reply),
                        Answer::Ok,
                        "game {game}: {reply:?}"
                    );
                }
                // All tabs verify at once.
                _ => {
                    let access = &cookies.access.value;
                    let replies = (0..tabs).map(|tab| processes[tab % 2].verify(access));
                    for reply in join_all(replies).await {
                        let answer = Answer::of_reply(&reply);
                        let expired = now >= cookies.access.expires;
                        let expected = if expired {
                            Answer::TryRefreshToken
                        } else {
                            Answer::Ok
                        };
                        assert_eq!(answer, expected, "game {game}: {reply:?}");
                    }
                }
            }
        }
        let last = processes[0].refresh(&cookies.refresh.value).await;
        assert_eq!(Answer::of_reply(&last), Answer::Ok, "game {game}: {last:?}");
    }
    println!(
        "{} thief: {GAMES} honest games, {requests} requests by up to 4 tabs with lost replies: no theft reported",
        db.name()
    );
}
