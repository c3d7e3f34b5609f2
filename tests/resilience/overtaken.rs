//! A refresh that is overtaken by its rival: both were sent at the same time with the same token, and the one's answer
//! is used before the other has looked at the database.

use session_tests::prelude::*;

use crate::common::{Answer, child_of, pair};

/// Holds the first tab's request at a statement, lets the second tab be answered and use its answer.
async fn overtaken(pair: &[Service; 2], token: &Session, sql: &str, meanwhile: i64) -> Reply {
    pair[0].pause_at(sql, "first tab").await;
    let first = pair[0].refresh(&token.refresh.value);
    let second = async {
        pair[0].wait_until_paused("first tab").await;
        pair[1].advance(meanwhile).await;
        let answer = Session::refreshed(&pair[1].refresh(&token.refresh.value).await);
        assert_eq!(pair[1].verify(&answer.access.value).await.answer(), "OK");
        pair[0].advance(meanwhile).await;
        pair[0].resume("first tab").await;
        answer
    };
    let (reply, answer) = futures::join!(first, second);
    pair[0].database_back().await;
    assert_eq!(
        Answer::of_reply(&pair[0].refresh(&answer.refresh.value).await),
        Answer::Ok
    );
    reply
}

#[test_on(everywhere)]
async fn th7_a_refresh_overtaken_before_it_looks_is_no_theft(db: Backend) {
    let pair = pair(db, &[]).await;
    let session = pair[0].create("ada").await;
    let reply = overtaken(&pair, &session, "SELECT `user_id`", 0).await;
    assert_ne!(Answer::of_reply(&reply), Answer::Theft, "{reply:?}");
}

#[test_on(everywhere)]
async fn th7_a_confirming_refresh_overtaken_before_it_writes_is_no_theft(db: Backend) {
    let pair = pair(db, &[]).await;
    let session = pair[0].create("ada").await;
    let child = child_of(&pair[0], &session).await;
    pair[1].freeze_at(pair[0].now()).await;
    let reply = overtaken(&pair, &child, "UPDATE", 0).await;
    assert_ne!(Answer::of_reply(&reply), Answer::Theft, "{reply:?}");
}

#[test_on(everywhere)]
async fn th7_a_refresh_overtaken_in_the_next_slot_is_no_theft(db: Backend) {
    let pair = pair(db, &[]).await;
    let session = pair[0].create("ada").await;
    let child = child_of(&pair[0], &session).await;
    pair[1].freeze_at(pair[0].now()).await;
    let reply = overtaken(&pair, &child, "UPDATE", 10 * SECOND).await;
    assert_ne!(Answer::of_reply(&reply), Answer::Theft, "{reply:?}");
}
