//! The decision table of rotation under every short sequence of steps (TH1).
//!
//! The reuse window is off, so every refresh draws another child and no clock has to move.

use futures::StreamExt;
use session_reference::game::{Game, Op};
use session_reference::rules::Reference;
use session_reference::settings::{OnTheft, Settings};
use session_tests::prelude::*;
use session_tests::subject::Http;

const SETTINGS: Settings = Settings {
    access_validity: HOUR,
    refresh_validity: HOUR,
    reuse_window: 0,
    blacklisting: false,
    on_theft: OnTheft::Report,
};

/// The reference, with one session.
fn reference() -> Reference {
    let mut reference = Reference::new(SETTINGS);
    reference.create(0, None, 0);
    reference
}

/// The steps that there are by now.
fn possible(reference: &Reference) -> impl Iterator<Item = Op> + use<> {
    let tokens = 0..reference.token_count();
    tokens.flat_map(|token| [Op::Refresh(token), Op::Verify(token)])
}

fn take(reference: &mut Reference, step: Op) {
    match step {
        Op::Refresh(token) => reference.refresh(token, 0),
        Op::Verify(token) => reference.verify(token, false, HOUR, 0),
        other => panic!("{other:?}"),
    };
}

/// Plays a sequence on a session of its own and compares every reply, and the row at the end.
async fn play(service: &Service, steps: Vec<Op>) {
    let users = "ada".to_owned();
    let mut game = Game::new(Http { service, users }, SETTINGS);
    let ops = [&[Op::Create(0)], &*steps].concat();
    let compared = game.play(&ops).await;
    assert_eq!(compared, Ok(ops.len()), "{ops:?}");
    let (current, generation) = game.current(0);
    let row = service
        .tables()
        .session(&current.handle)
        .await
        .expect("nothing ends the session");
    assert_eq!(
        row.refresh_token_hash_2,
        sha256_hex(&sha256_hex(&current.refresh.value)),
        "after {steps:?}"
    );
    assert_eq!(row.generation, i64::from(generation), "after {steps:?}");
}

async fn play_all(db: Backend, sequences: Vec<Vec<Op>>) {
    let setup = db.service().set("refresh_reuse_window", 0);
    let setup = match sequences.len() {
        10_000.. => setup.of_many_requests(),
        _ => setup,
    };
    let service = setup.start().await;
    let games = sequences.into_iter().map(|steps| play(&service, steps));
    futures::stream::iter(games)
        .buffer_unordered(16)
        .collect::<Vec<()>>()
        .await;
}

/// Every sequence that begins with these steps and goes on for so many.
fn sequences(beginning: &[Op], length: usize) -> Vec<Vec<Op>> {
    let mut first = reference();
    for step in beginning {
        take(&mut first, *step);
    }
    let mut games = vec![(first, beginning.to_vec())];
    for _ in 0..length {
        let longer = games.iter().flat_map(|(model, steps)| {
            possible(model).map(|step| {
                let (mut model, mut steps) = (model.clone(), steps.clone());
                take(&mut model, step);
                steps.push(step);
                (model, steps)
            })
        });
        games = longer.collect();
    }
    games.into_iter().map(|(_, steps)| steps).collect()
}

/// A child that was confirmed: from then on there is a token older than the current one.
const CONFIRMED: [Op; 2] = [Op::Refresh(0), Op::Verify(1)];

#[test_on(everywhere)]
async fn th1_every_sequence_of_up_to_5_steps_is_answered_by_the_table(db: Backend) {
    let mut games = sequences(&[], 5);
    games.extend(sequences(&CONFIRMED, 4));
    assert!(games.len() > 1_500, "{}", games.len());
    play_all(db, games).await;
}

#[test_on(sqlite)]
async fn th1_every_sequence_of_up_to_6_steps_is_answered_by_the_table(db: Backend) {
    let mut games = sequences(&[], 6);
    games.extend(sequences(&CONFIRMED, 5));
    assert!(games.len() > 10_000, "{}", games.len());
    play_all(db, games).await;
}

#[test_on(everywhere)]
async fn th1_long_random_sequences_are_answered_by_the_table(db: Backend) {
    let mut random = Random::new();
    let mut sequences = Vec::new();
    for _ in 0..150 {
        let mut model = reference();
        let mut steps = Vec::new();
        for _ in 0..12 {
            let possible: Vec<Op> = possible(&model).collect();
            // Mostly the youngest tokens: a theft that was seen ends the interesting part.
            let youngest = possible.len().saturating_sub(6);
            let step = match random.below(4) {
                0 => *random.pick(&possible),
                _ => *random.pick(&possible[youngest..]),
            };
            take(&mut model, step);
            steps.push(step);
        }
        sequences.push(steps);
    }
    play_all(db, sequences).await;
}
