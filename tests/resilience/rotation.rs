//! Weeks of key rotation through the real component, on several processes whose clocks differ: every token is good
//! everywhere from its `iat` to its `exp`, and there is at most one new key per interval.

use std::collections::BTreeSet;

use session_tests::prelude::*;

use crate::common::soak;

const PROCESSES: usize = 3;
const STEPS: usize = 120;
const HOURS_OF_VALIDITY: [i64; 3] = [1, 3, 12];

#[test_on(everywhere)]
async fn kr1_kr2_kr3_cc5_ck1_weeks_of_rotation_with_skewed_clocks(db: Backend) {
    soak(|random| game(db, random)).await;
}

async fn game(db: Backend, mut random: Random) {
    let interval = *random.pick(&[1_i64, 2, 6]);
    let validity = *random.pick(&HOURS_OF_VALIDITY) * HOUR;
    let place = db.place().await;
    let mut processes = Vec::new();
    for _ in 0..PROCESSES {
        let setup = place
            .service()
            .set("access_token_validity", validity / SECOND);
        let setup = setup.set("access_token_signing_key_update_interval", interval);
        processes.push(setup.start().await);
    }
    // Clocks are up to 30 s apart.
    let skews = [0, 15 * SECOND, -15 * SECOND];
    let mut now = processes[0].freeze().await;
    let start = now;
    let (mut tokens, mut checks, mut ticks, mut rotations) =
        (Vec::<Token>::new(), 0, 0, BTreeSet::new());
    for step in 0..STEPS {
        // Long sleeps, and short ones around the instants at which keys change.
        let minutes = *random.pick(&[1, 1, 2, 5, 10, 20, 45, 90, 60 * interval, 24 * 60]);
        let to = now + minutes * MINUTE + random.below(60) as i64 * SECOND;
        // The scheduled component runs on one of the processes, misses some of its times, or all.
        let ticker = random.below(PROCESSES + 1);
        for (number, process) in processes.iter().enumerate() {
            if number == ticker {
                process.freeze_at(now + skews[number]).await;
                ticks += process.advance_with_ticks(to - now).await;
            }
            process.freeze_at(to + skews[number]).await;
        }
        now = to;
        let signer = random.pick(&processes);
        let token = signer.create("ada").await.access;
        rotations.insert(Jwt::parse(&token.value).kid());
        tokens.push(token);
        tokens.retain(|token| token.expires > now - 30 * SECOND);
        let recent = tokens.len().saturating_sub(4)..tokens.len();
        let old = (tokens.len() > 4).then(|| random.below(tokens.len() - 4));
        for token in recent.chain(old).map(|i| &tokens[i]) {
            for (number, process) in processes.iter().enumerate() {
                let good = now + skews[number] < token.expires;
                let reply = process.verify(&token.value).await;
                let expected = if good { "OK" } else { "TRY_REFRESH_TOKEN" };
                let header = Jwt::parse(&token.value).header;
                assert_eq!(
                    reply.answer(),
                    expected,
                    "step {step}, process {number}, {header}"
                );
                checks += 1;
            }
        }
    }
    let generations = place.tables().signing_keys().await;
    let newest = generations.last().expect("there is a key").generation();
    let newest = i64::from(newest);
    let intervals = (now - start) / (interval * HOUR) + 1;
    // One for each interval that began, and one that is published ahead.
    assert!(
        newest <= intervals + 1,
        "{newest} keys in {intervals} intervals"
    );
    let kept = validity / (interval * HOUR) + 6;
    println!(
        "{} rotation: {} hours on {PROCESSES} processes, {ticks} ticks, {newest} keys ({} signed, {} kept) in \
         {intervals} intervals, {checks} verifications, none refused before its time",
        db.name(),
        (now - start) / HOUR,
        rotations.len(),
        generations.len()
    );
    // The last tick may have been long ago; one more removes what has served.
    processes[0].tick().await;
    let left = place.tables().signing_keys().await.len() as i64;
    assert!(left <= kept, "{left} keys are kept");
}
