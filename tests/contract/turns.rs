//! What an operation costs between guest and host, beside its statements (`statements.rs`): turns are what a request is
//! slow by.

use session_tests::prelude::*;
use testbed::service::Turns;

/// Calls of the guest, entries into it, timers, variables: on WASI 0.3, in an instance that is warm, and on WASI 0.2, in an
/// instance of its own.
type Row = (&'static str, [u64; 4], [u64; 4]);

const TURNS: [Row; 8] = [
    ("GET /health", [0; 4], [0; 4]),
    ("create", [0; 4], [0; 4]),
    ("verify", [0; 4], [0; 4]),
    ("refresh", [0; 4], [0; 4]),
    ("confirm", [0; 4], [0; 4]),
    ("read", [0; 4], [0; 4]),
    ("write", [0; 4], [0; 4]),
    ("delete", [0; 4], [0; 4]),
];

/// One operation, on a new session.
async fn turns(service: &Service, operation: &str) -> [u64; 4] {
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
        entries,
        timers,
        variables,
    } = service.stats().await.turns;
    [calls, entries, timers, variables]
}

#[test_on(sqlite)]
async fn turns_of_each_operation(db: Backend) {
    let setup = match db.wasi02() {
        true => db.service(),
        false => db.service().one_instance(),
    };
    let service = setup.start().await;
    service.freeze().await;
    let mut found = Vec::new();
    for (operation, ..) in TURNS {
        // The least of some: now and then the guest's memory has to grow, or a packet is late.
        let mut least = turns(&service, operation).await;
        for _ in 0..6 {
            let again = turns(&service, operation).await;
            least = std::array::from_fn(|index| least[index].min(again[index]));
        }
        found.push((operation, least));
    }
    let expected = TURNS.map(|(operation, wasi03, wasi02)| match db.wasi02() {
        true => (operation, wasi02),
        false => (operation, wasi03),
    });
    assert_eq!(found, expected);
}
