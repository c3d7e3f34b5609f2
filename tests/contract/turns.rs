//! What an operation costs between guest and host, beside its statements (`statements.rs`): turns are what a request is
//! slow by.

use session_tests::prelude::*;
use testbed::service::Turns;

/// Calls of the guest, timers and variables: on WASI 0.3, in an instance that is warm, if nothing is waited
/// for; how often it may wait, for the body and for each statement; and all of it on WASI 0.2, in an instance of its own.
type Row = (&'static str, [u64; 3], u64, [u64; 3]);

const TURNS: [Row; 8] = [
    ("GET /health", [23, 0, 0], 0, [26, 0, 0]),
    ("create", [59, 1, 0], 2, [72, 0, 1]),
    ("verify", [26, 0, 0], 1, [52, 0, 1]),
    ("refresh", [57, 1, 0], 3, [65, 0, 1]),
    ("confirm", [64, 1, 0], 3, [63, 0, 1]),
    ("read", [45, 1, 0], 1, [47, 0, 1]),
    ("write", [61, 1, 0], 3, [52, 0, 1]),
    ("delete", [69, 1, 0], 3, [62, 0, 1]),
];

/// A wait: what was asked for is not there yet.
const WAIT: [u64; 3] = [5, 0, 0];
/// Memory that has to grow, or need not.
const MEMORY: [u64; 3] = [2, 0, 0];

/// More than one is needed only on a busy machine, where waits come in pieces.
const TRIES: usize = 50;

/// One operation, on a new session.
async fn turns(service: &Service, operation: &str) -> [u64; 3] {
    let session = service.create("ada").await;
    let child = service.child(&session).await;
    service.forget_statements().await;
    let reply = match operation {
        "GET /health" => service.send("GET", "/health", &[], "").await,
        "create" => service.post_session(r#"{"userId":"ada"}"#).await,
        "verify" => service.verify(&session.access.value).await,
        "refresh" => service.refresh(&session.refresh.value).await,
        "confirm" => service.verify(&child.access.value).await,
        "read" => service.data(&session.handle).await,
        "write" => service.write_data(&session.handle, "1").await,
        _ => service.revoke(&session.handle).await,
    };
    assert_eq!(reply.status, 200, "{operation}: {reply:?}");
    let Turns {
        calls,
        timers,
        variables,
    } = service.stats().await.turns;
    [calls, timers, variables]
}

#[test_on(sqlite)]
async fn turns_of_each_operation(db: Backend) {
    let setup = match db.wasi02() {
        true => db.service(),
        false => db.service().one_instance(),
    };
    let service = setup.start().await;
    service.freeze().await;
    let mut wrong = Vec::new();
    for (operation, wasi03, waits, wasi02) in TURNS {
        let (expected, waits) = match db.wasi02() {
            true => (wasi02, 0),
            false => (wasi03, waits),
        };
        let fits = |found: [u64; 3]| {
            (0..found.len()).all(|index| {
                // Now and then even the reply is taken at once.
                let least = expected[index] - WAIT[index] - MEMORY[index];
                let most = expected[index] + waits * WAIT[index] + MEMORY[index];
                (least..=most).contains(&found[index])
            })
        };
        let mut least = turns(&service, operation).await;
        for _ in 0..TRIES {
            if fits(least) {
                break;
            }
            let again = turns(&service, operation).await;
            least = std::array::from_fn(|index| least[index].min(again[index]));
        }
        if !fits(least) {
            wrong.push((operation, least, expected));
        }
    }
    assert!(wrong.is_empty(), "(operation, turns, expected): {wrong:?}");
}
