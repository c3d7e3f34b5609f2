//! What all modules here share: replies by what they mean, two processes on one database, a turn for tests that
//! look at the clock on the wall, and loops for as long as a soak lasts.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use session_tests::prelude::*;
pub(crate) use session_tests::watch::data;

/// What a caller learns from a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Answer {
    Ok,
    Unauthorised,
    TryRefreshToken,
    Theft,
    /// 503: it may have happened or not.
    Unavailable,
    /// No reply: it may have happened or not.
    Lost,
}

impl Answer {
    /// Panics for every answer that neither the contract nor a failing database explains.
    #[track_caller]
    pub(crate) fn of<E>(reply: &Result<Reply, E>) -> Self {
        let Ok(reply) = reply else { return Self::Lost };
        if reply.status == 503 {
            match &*reply.string("code") {
                "database_read_only" => read_only(reply),
                _ => unavailable(reply),
            }
            return Self::Unavailable;
        }
        let theft = reply.part("sessionTheftDetected.value").as_deref() == Some("true");
        match &*reply.answer() {
            "OK" => Self::Ok,
            "UNAUTHORISED" if theft => Self::Theft,
            "UNAUTHORISED" => Self::Unauthorised,
            "TRY_REFRESH_TOKEN" => Self::TryRefreshToken,
            _ => panic!("no answer of the contract: {reply:?}"),
        }
    }

    /// Of a reply that has arrived.
    #[track_caller]
    pub(crate) fn of_reply(reply: &Reply) -> Self {
        Self::of::<()>(&Ok(reply.clone()))
    }

    /// Whether the caller can't know what happened.
    pub(crate) fn is_unknown(self) -> bool {
        matches!(self, Self::Unavailable | Self::Lost)
    }
}

/// Panics unless this is the 503 of a database that does not answer.
#[track_caller]
pub(crate) fn unavailable(reply: &Reply) {
    outage(reply, "database_unavailable");
}

/// Checks that a reply says that the database is read-only.
#[track_caller]
pub(crate) fn read_only(reply: &Reply) {
    outage(reply, "database_read_only");
}

#[track_caller]
fn outage(reply: &Reply, code: &str) {
    reply
        .clone()
        .expect_error(503, code)
        .header("retry-after")
        .parse::<u32>()
        .unwrap_or_else(|_| panic!("no Retry-After: {reply:?}"));
}

/// Two processes on one database, in one time slot: their clocks stand at the same instant, or, where they can't be
/// stopped, a slot has just begun.
pub(crate) async fn pair(db: Backend, set: &[(&str, &str)]) -> [Service; 2] {
    let place = db.place().await;
    let start = || {
        let setup = place.service();
        set.iter()
            .fold(setup, |setup, (name, value)| setup.set(name, value))
            .start()
    };
    let pair = [start().await, start().await];
    if pair[0].has_control() {
        let now = pair[0].freeze().await;
        pair[1].freeze_at(now).await;
    } else {
        begin_of_a_slot().await;
    }
    pair
}

/// Waits until a time slot of the default length begins.
async fn begin_of_a_slot() {
    let slot = Duration::from_secs(10);
    let since_epoch = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("it is later than 1970");
    let into = since_epoch.as_nanos() % slot.as_nanos();
    tokio::time::sleep(slot - Duration::from_nanos(into as u64)).await;
}

/// Moves the clocks of all these processes to one instant.
pub(crate) async fn freeze_all<'a>(processes: impl IntoIterator<Item = &'a Service>, now: i64) {
    for process in processes {
        process.freeze_at(now).await;
    }
}

/// Reports a child of the caller that no race with those before explains.
pub(crate) async fn child_of(service: &Service, parent: &Session) -> Session {
    service.advance(2 * MINUTE).await;
    service.child(parent).await
}

/// The double hash under which the database knows a refresh token.
pub(crate) fn stored(token: &str) -> String {
    sha256_hex(&sha256_hex(token))
}

/// Tries until it works; panics if it does not within `seconds`.
#[track_caller]
pub(crate) fn eventually<F: Future<Output = bool>>(
    seconds: u64,
    what: &str,
    mut attempt: impl FnMut() -> F,
) -> impl Future<Output = ()> {
    let from = std::panic::Location::caller();
    async move {
        let end = Instant::now() + Duration::from_secs(seconds);
        while !attempt().await {
            assert!(
                Instant::now() < end,
                "{from}: {what}: not within {seconds} s"
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

/// Plays once, or with ever new seeds for this game's share of `TESTBED_SOAK_MINUTES`.
pub(crate) async fn soak<F: Future<Output = ()>>(mut play: impl FnMut(Random) -> F) {
    let first = Random::new();
    let mut seed = first.seed();
    let end = Instant::now() + soak_share();
    loop {
        play(Random::seeded(seed)).await;
        if Instant::now() >= end {
            return;
        }
        seed = seed.wrapping_add(1);
    }
}

/// How many games take turns in a soak, on each database, and how many at a time.
const GAMES: u32 = 5;
const AT_A_TIME: u32 = 4;

/// Whether this is a soak.
pub(crate) fn soaking() -> bool {
    soak_minutes() > 0
}

fn soak_minutes() -> u64 {
    std::env::var("TESTBED_SOAK_MINUTES")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(0)
}

fn soak_share() -> Duration {
    let databases = Backend::chosen().map_or(1, |chosen| chosen.len().max(1)) as u32;
    Duration::from_secs(60 * soak_minutes()) * AT_A_TIME / (GAMES * databases).max(AT_A_TIME)
}
