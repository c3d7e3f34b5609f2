//! Two processes share a SQLite file, and one is killed.

use futures::future::join_all;
use session_tests::prelude::*;

use crate::common::{Answer, data};

#[test_on(sqlite)]
async fn db11_two_processes_write_and_one_is_killed(db: Backend) {
    let place = db.place().await;
    let survivor = place.service().start().await;
    let mut killed = 0;
    for _ in 0..3 {
        let mut doomed = place.service().start().await;
        let doomed_client = doomed.another_client();
        let over = std::sync::atomic::AtomicBool::new(false);
        let writers = (0..12).map(|i| {
            let client: &Client = if i % 2 == 0 {
                &survivor
            } else {
                &doomed_client
            };
            let over = &over;
            async move {
                let mut writes = 0;
                while !over.load(std::sync::atomic::Ordering::Relaxed) {
                    let body = format!(r#"{{"userId":"ada","sessionData":{}}}"#, data(0));
                    match Answer::of(&client.try_json("POST", "/session", body).await) {
                        Answer::Ok => writes += 1,
                        // A lock that is waited for is no error; only the dead process may not answer.
                        Answer::Lost if i % 2 == 1 => return writes,
                        other => panic!("{other:?}"),
                    }
                }
                writes
            }
        });
        let death = async {
            tokio::time::sleep(std::time::Duration::from_millis(500)).await;
            tokio::task::block_in_place(|| doomed.process().kill());
            killed += 1;
            tokio::time::sleep(std::time::Duration::from_millis(300)).await;
            over.store(true, std::sync::atomic::Ordering::Relaxed);
        };
        let (writes, ()) = futures::join!(join_all(writers), death);
        let writes: i64 = writes.iter().sum();
        let count = place.tables().session_count().await;
        assert!(
            count >= writes && count <= writes + 6,
            "{writes} acknowledged, {count} there"
        );
        let verdict = place.tables().query("PRAGMA integrity_check", &[]).await;
        assert_eq!(verdict, [[Some("ok".to_owned())]]);
        place
            .tables()
            .query("DELETE FROM refresh_tokens", &[])
            .await;
    }
    assert!(!survivor.log().contains("lock"), "{}", survivor.log());
}
