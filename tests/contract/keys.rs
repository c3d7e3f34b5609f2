//! The signing keys: made once, rotated without anybody noticing, kept as long as they are needed.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use session_tests::prelude::*;

#[test_on(everywhere)]
async fn racing_processes_create_one_key_of_each_kind(db: Backend) {
    let place = db.place().await;
    let starting = (0..3).map(|_| place.service().start());
    let processes = futures::future::join_all(starting).await;
    let creates = processes
        .iter()
        .flat_map(|process| (0..4).map(|_| process.create("ada")));
    let sessions = futures::future::join_all(creates).await;

    let mut names: Vec<String> = place
        .tables()
        .key_rows()
        .await
        .into_iter()
        .map(|key| key.key_name)
        .collect();
    names.sort();
    assert_eq!(names, ["access_token_signing_key.1", "refresh_token_key"]);
    assert_eq!(place.tables().session_count().await, 12);
    for process in &processes {
        for session in &sessions {
            assert_eq!(process.verify(&session.access.value).await.answer(), "OK");
            assert_eq!(process.refresh(&session.refresh.value).await.answer(), "OK");
        }
    }
}

#[test_on(everywhere)]
async fn keys_survive_a_restart(db: Backend) {
    let service = db.service().start().await;
    let session = service.create("ada").await;
    let place = service.place().clone();
    let keys = place.tables().key_rows().await;
    drop(service);

    let restarted = place.service().start().await;
    assert_eq!(restarted.verify(&session.access.value).await.answer(), "OK");
    assert_eq!(
        restarted.refresh(&session.refresh.value).await.answer(),
        "OK"
    );
    assert_eq!(place.tables().key_rows().await, keys);
}

/// Two processes at the same virtual time, and what they did with their keys.
struct Pair {
    processes: [Service; 2],
    tokens: Vec<String>,
    published: BTreeMap<String, i64>,
    used: BTreeMap<String, i64>,
}

impl Pair {
    async fn start(db: Backend) -> (Self, i64) {
        let setting = "access_token_signing_key_update_interval";
        let first = db.service().set(setting, 1).start().await;
        let second = first.place().service().set(setting, 1).start().await;
        let start = first.freeze().await;
        let (tokens, published, used) = Default::default();
        let mut pair = Self {
            processes: [first, second],
            tokens,
            published,
            used,
        };
        pair.live_at(start, false).await;
        (pair, start)
    }

    /// At this instant each process signs a token, and both accept it and the last few before.
    async fn live_at(&mut self, now: i64, tick: bool) {
        for process in &self.processes {
            process.freeze_at(now).await;
        }
        if tick {
            self.processes[0].tick().await;
        }
        for process in &self.processes {
            let token = process.create("ada").await.access.value;
            self.used.entry(Jwt::parse(&token).kid()).or_insert(now);
            self.tokens.push(token);
        }
        for process in &self.processes {
            for token in self.tokens.iter().rev().take(6) {
                let reply = process.verify(token).await;
                assert_eq!(
                    reply.answer(),
                    "OK",
                    "{} {}",
                    Jwt::parse(token).header,
                    process.log()
                );
            }
        }
        for key in self.processes[0].tables().signing_keys().await {
            self.published.entry(key.kid().to_owned()).or_insert(now);
        }
    }

    /// KR2: a key signs only when every instance has loaded it, and 30 s of skew later.
    fn assert_published_before_use(&self) {
        for (kid, used) in self.used.iter().filter(|(kid, _)| *kid != "1") {
            let lead = used - self.published[kid];
            assert!(
                lead >= 90 * SECOND,
                "key {kid} signed {lead} ms after it was published"
            );
        }
    }
}

#[test_on(everywhere)]
async fn kr1_kr2_the_request_path_rotates_an_overdue_key_unnoticed(db: Backend) {
    let (mut pair, start) = Pair::start(db).await;
    for step in 0..40 {
        pair.live_at(start + 58 * MINUTE + step * 15 * SECOND, false)
            .await;
    }
    assert_eq!(pair.used.keys().collect::<Vec<_>>(), ["1", "2"]);
    assert_eq!(pair.published.keys().collect::<Vec<_>>(), ["1", "2"]);
    assert!(
        pair.published["2"] >= start + HOUR,
        "rotated before it was due"
    );
    assert!(
        pair.published["2"] <= start + HOUR + 2 * MINUTE,
        "rotated late"
    );
    pair.assert_published_before_use();
}

#[test_on(everywhere)]
async fn kr1_kr2_the_scheduled_component_rotates_ahead_of_time(db: Backend) {
    let (mut pair, start) = Pair::start(db).await;
    for step in 1..=26 {
        pair.live_at(start + step * 5 * MINUTE, true).await;
    }
    let interval = HOUR - 5 * MINUTE..=HOUR + 5 * MINUTE;
    assert!(
        interval.contains(&(pair.used["2"] - start)),
        "{:?}",
        pair.used
    );
    assert!(
        interval.contains(&(pair.used["3"] - pair.used["2"])),
        "{:?}",
        pair.used
    );
    assert!(
        pair.published["2"] < start + HOUR,
        "the scheduled component was not ahead"
    );
    pair.assert_published_before_use();
}

#[test_on(everywhere)]
async fn kr1_a_token_of_the_last_second_before_a_rotation_is_good_to_its_end(db: Backend) {
    let (mut pair, start) = Pair::start(db).await;
    for minutes in [45, 50, 55] {
        pair.live_at(start + minutes * MINUTE, true).await;
    }
    let second = pair.processes[0].tables().signing_key("2").await;
    let rotation = second.created_at_time;
    pair.live_at(rotation - SECOND, false).await;
    let last: Vec<String> = pair.tokens[pair.tokens.len() - 2..].to_vec();
    pair.live_at(rotation, false).await;
    let first: Vec<String> = pair.tokens[pair.tokens.len() - 2..].to_vec();
    for (tokens, kid) in [(&last, "1"), (&first, "2")] {
        assert!(tokens.iter().all(|token| Jwt::parse(token).kid() == kid));
    }

    let end = Jwt::parse(&last[0]).seconds("exp") * SECOND;
    assert_eq!(end, rotation - SECOND + HOUR);
    let often = (rotation..end).step_by(MINUTE as usize);
    for now in often.chain([end - 1, end]) {
        for process in &pair.processes {
            process.freeze_at(now).await;
        }
        pair.processes[0].tick().await;
        let expected = if now < end { "OK" } else { "TRY_REFRESH_TOKEN" };
        for process in &pair.processes {
            for token in &last {
                let answer = process.verify(token).await.answer();
                assert_eq!(answer, expected, "{} ms after the rotation", now - rotation);
            }
        }
    }
}

#[test_on(everywhere)]
async fn kr3_a_key_is_kept_until_its_last_token_has_expired(db: Backend) {
    let service = db
        .service()
        .set("access_token_signing_key_update_interval", 1)
        .set("access_token_validity", 3 * 3600)
        .start()
        .await;
    let start = service.freeze().await;
    let mut tokens: Vec<Token> = Vec::new();
    for step in 0..40 {
        service.freeze_at(start + step * 15 * MINUTE).await;
        service.tick().await;
        tokens.push(service.create("ada").await.access);
        for token in &tokens {
            let expected = if token.expires > service.now() {
                "OK"
            } else {
                "TRY_REFRESH_TOKEN"
            };
            let reply = service.verify(&token.value).await;
            assert_eq!(
                reply.answer(),
                expected,
                "step {step} {}",
                Jwt::parse(&token.value).header
            );
        }
    }
    // Ten hours: ten keys were made; those whose tokens are long dead are gone.
    let kept = service.tables().signing_keys().await;
    assert!(kept.iter().all(|key| key.kid() != "1"), "{kept:?}");
    assert!((5..=8).contains(&kept.len()), "{kept:?}");
}

#[test_on(everywhere)]
async fn kr4_while_the_database_is_away_the_old_key_signs_on(db: Backend) {
    let setting = "access_token_signing_key_update_interval";
    let service = db.service().set(setting, 1).one_instance().start().await;
    let start = service.freeze().await;
    let old = service.create("ada").await;
    let keys = service.tables().key_rows().await;

    service.database_away_for("signing_key").await;
    for minutes in 59..65 {
        service.freeze_at(start + minutes * MINUTE).await;
        let session = service.create("ada").await;
        assert_eq!(Jwt::parse(&session.access.value).kid(), "1");
        assert_eq!(service.verify(&session.access.value).await.answer(), "OK");
        assert_eq!(service.refresh(&old.refresh.value).await.answer(), "OK");
    }
    assert_eq!(service.tables().key_rows().await, keys);

    service.database_back().await;
    // The pause after a failure is on the monotonic clock, which no test can move.
    let deadline = Instant::now() + Duration::from_secs(15);
    while service.tables().signing_keys().await.len() == 1 {
        assert!(
            Instant::now() < deadline,
            "no key was published: {}",
            service.log()
        );
        service.advance(SECOND).await;
        service.create("ada").await;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    service.advance(2 * MINUTE).await;
    service.create("ada").await;
    service.advance(2 * MINUTE).await;
    let session = service.create("ada").await;
    assert_eq!(Jwt::parse(&session.access.value).kid(), "2");
    assert_eq!(service.verify(&session.access.value).await.answer(), "OK");
}

#[test_on(everywhere)]
async fn a_rotation_missed_for_weeks_adds_one_key(db: Backend) {
    let service = db.service().start().await;
    let start = service.freeze().await;
    let before = service.create("ada").await;
    service.freeze_at(start + 21 * DAY).await;
    for _ in 0..5 {
        let session = service.create("ada").await;
        assert_eq!(service.verify(&session.access.value).await.answer(), "OK");
        service.advance(MINUTE).await;
    }
    let kids: Vec<String> = service
        .tables()
        .signing_keys()
        .await
        .iter()
        .map(|key| key.kid().to_owned())
        .collect();
    assert_eq!(kids, ["1", "2"]);
    assert_eq!(
        Jwt::parse(&service.create("ada").await.access.value).kid(),
        "2"
    );
    assert_eq!(service.refresh(&before.refresh.value).await.answer(), "OK");
}

#[test_on(everywhere)]
async fn a_key_that_is_not_dynamic_stays(db: Backend) {
    let service = db
        .service()
        .set("access_token_signing_key_dynamic", false)
        .start()
        .await;
    let start = service.freeze().await;
    for day in 0..4 {
        service.freeze_at(start + day * DAY).await;
        service.tick().await;
        let session = service.create("ada").await;
        assert_eq!(Jwt::parse(&session.access.value).kid(), "1");
        assert_eq!(service.verify(&session.access.value).await.answer(), "OK");
    }
    assert_eq!(service.tables().signing_keys().await.len(), 1);
}
