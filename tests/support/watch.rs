//! The canary scan: what no reply and no log line may hold, looked for in all of them.
//!
//! It is off until [`on`] is called, for a test of the contract may send SQL or a token's text on purpose. Then a
//! hit fails the test that saw it.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::reply::Reply;

static ON: AtomicBool = AtomicBool::new(false);
static REPLIES: AtomicU64 = AtomicU64::new(0);
static LINES: AtomicU64 = AtomicU64::new(0);
static HITS: AtomicU64 = AtomicU64::new(0);
static SECRETS: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Every piece of session data and every payload of these tests holds this; no log line and no error may.
pub const CANARY: &str = "canary-4711";

/// Session data that the scan knows.
pub fn data(number: u64) -> String {
    format!("\"{CANARY} {number}\"")
}

/// Words that only a statement has. A caller's text may hold them, so tests that watch send none.
const SQL: [&str; 10] = [
    "SELECT ",
    "INSERT ",
    "UPDATE `",
    "DELETE FROM",
    " WHERE ",
    "CREATE TABLE",
    "VALUES (",
    "session_handle_hash_1",
    "refresh_token_hash_2",
    "mysql://",
];

/// Starts the scan for the whole program.
pub fn on() {
    ON.store(true, Ordering::Relaxed);
}

/// Adds a secret of the settings: it may be in no reply and no log line at all.
pub fn secret(text: &str) {
    assert!(text.len() >= 8, "too short to be found by its text");
    SECRETS
        .lock()
        .expect("no holder of this lock panics")
        .push(text.to_owned());
}

/// What the scan looked at and found.
pub fn summary() -> String {
    let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    let found = match count(&HITS) {
        0 => "no secret in any".to_owned(),
        hits => format!("{hits} WITH A SECRET"),
    };
    let (replies, lines) = (count(&REPLIES), count(&LINES));
    format!("canary scan: {replies} replies and {lines} log lines, {found}")
}

/// Looks at a reply.
#[track_caller]
pub(crate) fn reply(reply: &Reply) {
    if !ON.load(Ordering::Relaxed) {
        return;
    }
    REPLIES.fetch_add(1, Ordering::Relaxed);
    let text = String::from_utf8_lossy(&reply.body);
    let found = sql(&text)
        .or_else(|| secret_of_settings(&text))
        .or_else(|| {
            // An answer holds tokens and data because they were asked for. An error has no reason to.
            let error = reply.status != 200;
            error.then(|| token_or_data(&text)).flatten()
        });
    HITS.fetch_add(u64::from(found.is_some()), Ordering::Relaxed);
    assert_eq!(found, None, "a reply holds what it must not: {reply:?}");
}

/// Looks at what a service process logged in its life.
pub(crate) fn log(log: &str) {
    if !ON.load(Ordering::Relaxed) {
        return;
    }
    for line in log.lines() {
        LINES.fetch_add(1, Ordering::Relaxed);
        let Some(found) = in_log_line(line) else {
            continue;
        };
        HITS.fetch_add(1, Ordering::Relaxed);
        if !std::thread::panicking() {
            panic!("the log holds {found:?}: {line}");
        }
    }
}

/// What a log line holds that it must not.
pub fn in_log_line(line: &str) -> Option<String> {
    sql(line)
        .or_else(|| secret_of_settings(line))
        .or_else(|| token_or_data(line))
}

fn sql(text: &str) -> Option<String> {
    SQL.into_iter()
        .find(|word| text.contains(word))
        .map(str::to_owned)
}

fn secret_of_settings(text: &str) -> Option<String> {
    let secrets = SECRETS.lock().expect("no holder of this lock panics");
    secrets
        .iter()
        .find(|secret| text.contains(&***secret))
        .cloned()
}

/// Session data, or anything long and random that is not a hash: handles have 32 such characters, keys 43,
/// tokens more.
fn token_or_data(text: &str) -> Option<String> {
    if text.contains(CANARY) {
        return Some(CANARY.to_owned());
    }
    text.split(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_')))
        .find(|word| word.len() >= 32 && !is_hash(word) && is_random(word))
        .map(str::to_owned)
}

fn is_hash(word: &str) -> bool {
    word.len() == 64 && word.bytes().all(|b| b.is_ascii_hexdigit())
}

/// Random base64 mixes cases and digits; identifiers and rulers in a log do not.
fn is_random(word: &str) -> bool {
    let has = |kind: fn(&u8) -> bool| word.as_bytes().iter().any(kind);
    has(u8::is_ascii_lowercase) && has(u8::is_ascii_uppercase) && has(u8::is_ascii_digit)
}
