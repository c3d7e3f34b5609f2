//! The decision table of rotation under every short sequence of steps (TH1).
//!
//! The reuse window is off, so every refresh draws another child and no clock has to move.

use futures::StreamExt;
use session_tests::prelude::*;
use session_tests::reference::{Expected, OnTheft, Reference, Settings};

suite! {
    everywhere:
        th1_every_sequence_of_up_to_5_steps_is_answered_by_the_table,
        th1_long_random_sequences_are_answered_by_the_table;
    sqlite:
        th1_every_sequence_of_up_to_6_steps_is_answered_by_the_table;
}

/// A step of either party, on the token with this number in order of issue.
#[derive(Clone, Copy, Debug)]
enum Step {
    Refresh(usize),
    Verify(usize),
}

/// The reference, with one session.
#[derive(Clone)]
struct Model(Reference);

impl Model {
    fn new() -> Self {
        let mut reference = Reference::new(Settings {
            access_validity: HOUR,
            refresh_validity: HOUR,
            reuse_window: 0,
            blacklisting: false,
            on_theft: OnTheft::Report,
        });
        reference.create(0, None, 0);
        Self(reference)
    }

    fn steps(&self) -> impl Iterator<Item = Step> + use<> {
        let tokens = 0..self.0.tokens.len();
        tokens.flat_map(|token| [Step::Refresh(token), Step::Verify(token)])
    }

    fn take(&mut self, step: Step) -> Expected {
        match step {
            Step::Refresh(token) => self.0.refresh(token, 0),
            Step::Verify(token) => self.0.verify(token, false, HOUR, 0),
        }
    }
}

fn outcome(step: Step, reply: &Reply, tokens: usize) -> Expected {
    match (step, &*reply.answer()) {
        (Step::Refresh(_), "OK") => Expected::Child(tokens),
        (Step::Refresh(_), "UNAUTHORISED")
            if reply.part("sessionTheftDetected.value").as_deref() == Some("true") =>
        {
            Expected::Theft
        }
        (Step::Verify(_), "OK") => Expected::Good {
            replaced: reply.part("newAccessToken").is_some(),
        },
        (Step::Verify(_), "TRY_REFRESH_TOKEN") => Expected::TryRefreshToken,
        _ => panic!("the table knows no such answer to {step:?}: {reply:?}"),
    }
}

/// Plays a sequence on a session of its own and compares every reply, and the row at the end.
async fn play(service: &Service, steps: Vec<Step>) {
    let mut model = Model::new();
    let mut tokens = vec![service.create("ada").await];
    for (done, &step) in steps.iter().enumerate() {
        let reply = match step {
            Step::Refresh(token) => service.refresh(&tokens[token].refresh.value).await,
            Step::Verify(token) => service.verify(&tokens[token].access.value).await,
        };
        let played = &steps[..=done];
        assert_eq!(
            outcome(step, &reply, tokens.len()),
            model.take(step),
            "at the end of {played:?}: {reply:?}"
        );
        if let (Step::Refresh(_), "OK") = (step, &*reply.answer()) {
            tokens.push(Session::refreshed(&reply));
        }
    }
    let row = service
        .tables()
        .session(&tokens[0].handle)
        .await
        .expect("nothing ends the session");
    let (current, generation) = model.0.current(0);
    let current = &tokens[current].refresh.value;
    assert_eq!(
        row.refresh_token_hash_2,
        sha256_hex(&sha256_hex(current)),
        "after {steps:?}"
    );
    assert_eq!(row.generation, i64::from(generation), "after {steps:?}");
}

async fn play_all(db: Backend, sequences: Vec<Vec<Step>>) {
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
fn sequences(beginning: &[Step], length: usize) -> Vec<Vec<Step>> {
    let mut first = Model::new();
    for step in beginning {
        first.take(*step);
    }
    let mut games = vec![(first, beginning.to_vec())];
    for _ in 0..length {
        let longer = games.iter().flat_map(|(model, steps)| {
            model.steps().map(|step| {
                let (mut model, mut steps) = (model.clone(), steps.clone());
                model.take(step);
                steps.push(step);
                (model, steps)
            })
        });
        games = longer.collect();
    }
    games.into_iter().map(|(_, steps)| steps).collect()
}

/// A child that was confirmed: from then on there is a token older than the current one.
const CONFIRMED: [Step; 2] = [Step::Refresh(0), Step::Verify(1)];

async fn th1_every_sequence_of_up_to_5_steps_is_answered_by_the_table(db: Backend) {
    let mut games = sequences(&[], 5);
    games.extend(sequences(&CONFIRMED, 4));
    assert!(games.len() > 1_500, "{}", games.len());
    play_all(db, games).await;
}

async fn th1_every_sequence_of_up_to_6_steps_is_answered_by_the_table(db: Backend) {
    let mut games = sequences(&[], 6);
    games.extend(sequences(&CONFIRMED, 5));
    assert!(games.len() > 10_000, "{}", games.len());
    play_all(db, games).await;
}

async fn th1_long_random_sequences_are_answered_by_the_table(db: Backend) {
    let mut random = Random::new();
    let mut sequences = Vec::new();
    for _ in 0..150 {
        let mut model = Model::new();
        let mut steps = Vec::new();
        for _ in 0..12 {
            let possible: Vec<Step> = model.steps().collect();
            // Mostly the youngest tokens: a theft that was seen ends the interesting part.
            let youngest = possible.len().saturating_sub(6);
            let step = match random.below(4) {
                0 => *random.pick(&possible),
                _ => *random.pick(&possible[youngest..]),
            };
            model.take(step);
            steps.push(step);
        }
        sequences.push(steps);
    }
    play_all(db, sequences).await;
}
