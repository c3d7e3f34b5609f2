//! Random operations against the reference: every reply must be the one that the contract's table gives.
//! Lists that once failed are rows of the matrix in `tests/contract/theft.rs`.

use session_reference::game::{Game, Op};
use session_reference::settings::{OnTheft, Settings};
use session_tests::prelude::*;
use session_tests::subject::Http;

use crate::common::soak;

const OPERATIONS: usize = 250;
const ROUNDS: usize = 4;

#[test_on(everywhere)]
async fn th1_tf5_rv4_random_operations_are_answered_as_the_reference_does(db: Backend) {
    soak(|random| game(db, random)).await;
}

async fn game(db: Backend, mut random: Random) {
    let settings = random_settings(&mut random);
    let player = Player::start(db, settings).await;
    let mut asked = 0;
    for _ in 0..ROUNDS {
        let ops: Vec<Op> = (0..OPERATIONS).map(|_| random_op(&mut random)).collect();
        match player.play(&ops).await {
            Ok(replies) => asked += replies,
            Err(mismatch) => panic!("{mismatch}\nof {ops:?}\nwith {settings:?}"),
        }
    }
    println!(
        "{} model: {} operations, {asked} replies compared, all as the reference says ({settings:?})",
        db.name(),
        OPERATIONS * ROUNDS
    );
}

fn random_settings(random: &mut Random) -> Settings {
    Settings {
        access_validity: *random.pick(&[10, 60, 3600]) * SECOND,
        refresh_validity: *random.pick(&[1, 2, 100]) * HOUR,
        is_idle_timeout: random.one_in(2),
        absolute_lifetime: *random.pick(&[0, 0, 95 * SECOND, 3 * HOUR]),
        reuse_window: *random.pick(&[0, 10, 10, 60]) * SECOND,
        blacklisting: random.one_in(2),
        on_theft: *random.pick(&[
            OnTheft::Report,
            OnTheft::Report,
            OnTheft::RevokeSession,
            OnTheft::RevokeUser,
        ]),
    }
}

fn random_op(random: &mut Random) -> Op {
    let number = random.below(1 << 20);
    // The youngest tokens are the interesting ones.
    let recent = usize::MAX - random.below(6);
    let token = if random.one_in(4) { number } else { recent };
    match random.below(40) {
        0..=3 => Op::Create(number as u8 % 3),
        4..=13 => Op::Refresh(token),
        14..=16 => Op::Lost(token),
        17..=24 => Op::Verify(token),
        25 | 26 => Op::VerifyReplaced(token),
        27 => Op::Delete(token),
        28 if random.one_in(4) => Op::DeleteAll(number as u8 % 3),
        28..=30 => Op::Read(token),
        31..=33 => Op::Write(token, number as u64),
        34..=38 => {
            Op::Advance(*random.pick(&[1, 900, 5_000, 10_000, 10_000, 30_000, 61_000, 1_800_000]))
        }
        _ if random.one_in(3) => Op::Advance(*random.pick(&[HOUR, 3 * HOUR, 30 * HOUR])),
        _ if random.one_in(2) => *random.pick(&[Op::BackUp, Op::Restore]),
        _ => Op::Tick,
    }
}

/// A service to play on.
struct Player {
    service: Service,
    settings: Settings,
}

impl Player {
    async fn start(db: Backend, settings: Settings) -> Self {
        let setup = db
            .service()
            .set("access_token_signing_key_update_interval", 1);
        let variables = settings.variables().into_iter();
        let setup = variables.fold(setup, |setup, (name, value)| setup.set(name, value));
        let service = setup.start().await;
        service.freeze().await;
        Self { service, settings }
    }

    /// How many replies were compared; or the first that was not as it must be.
    async fn play(&self, ops: &[Op]) -> Result<usize, String> {
        // A game of its own for each list: the users are new ones, and the clock goes on to a whole hour.
        let start = (self.service.now() / HOUR + 1) * HOUR;
        self.service.freeze_at(start).await;
        let subject = Http {
            service: &self.service,
            users: start.to_string(),
        };
        Game::new(subject, self.settings).play(ops).await
    }
}
