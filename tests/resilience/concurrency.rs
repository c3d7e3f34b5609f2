//! Requests at the same time, over two processes on one database.

use futures::future::join_all;
use session_tests::prelude::*;

use crate::common::{Answer, child_of, data, pair, stored};

const MANY: usize = 64;

#[test_on(everywhere)]
async fn cc1_64_refreshes_at_once_give_one_child_and_write_nothing(db: Backend) {
    let pair = pair(db, &[]).await;
    let session = pair[0].create_with_data("ada", &data(1)).await;
    let row = pair[0].tables().session(&session.handle).await;
    let refreshes = (0..MANY).map(|i| pair[i % 2].refresh(&session.refresh.value));
    let replies = join_all(refreshes).await;
    let children: Vec<Session> = replies.iter().map(Session::refreshed).collect();
    let first = children[0].lasting();
    assert!(children.iter().all(|child| child.lasting() == first));
    assert_eq!(pair[0].tables().session(&session.handle).await, row);
    pair[1].expect_good(&children[0]).await;
}

#[test_on(everywhere)]
async fn cc1_of_64_children_exactly_one_can_be_confirmed(db: Backend) {
    let pair = pair(db, &[("refresh_reuse_window", "0")]).await;
    for by_access_token in [true, false] {
        let session = pair[0].create("ada").await;
        let row = pair[0].tables().session(&session.handle).await;
        let refreshes = (0..MANY).map(|i| pair[i % 2].refresh(&session.refresh.value));
        let children: Vec<Session> = join_all(refreshes)
            .await
            .iter()
            .map(Session::refreshed)
            .collect();
        assert_eq!(pair[0].tables().session(&session.handle).await, row);

        let confirmations = children.iter().enumerate().map(|(i, child)| {
            let process = &pair[(i + 1) % 2];
            async move {
                let reply = match by_access_token {
                    true => process.verify(&child.access.value).await,
                    false => process.refresh(&child.refresh.value).await,
                };
                Answer::of_reply(&reply)
            }
        });
        let answers = join_all(confirmations).await;
        let winners: Vec<usize> = (0..MANY).filter(|i| answers[*i] == Answer::Ok).collect();
        assert_eq!(winners.len(), 1, "{answers:?}");
        let loss = match by_access_token {
            true => Answer::TryRefreshToken,
            false => Answer::Theft,
        };
        assert_eq!(answers.iter().filter(|answer| **answer == loss).count(), 63);
        let row = pair[0]
            .tables()
            .session(&session.handle)
            .await
            .expect("live");
        assert_eq!(row.generation, 1);
        let winner = &children[winners[0]];
        assert_eq!(row.refresh_token_hash_2, stored(&winner.refresh.value));
    }
}

#[test_on(everywhere)]
async fn cc2_64_confirmations_at_once_are_one_change(db: Backend) {
    let pair = pair(db, &[]).await;
    let session = pair[0].create("ada").await;
    let child = pair[1].child(&session).await;
    let confirmations = (0..MANY).map(|i| pair[i % 2].verify(&child.access.value));
    let replies = join_all(confirmations).await;
    for reply in &replies {
        assert_eq!(reply.answer(), "OK", "{reply:?}");
        assert_eq!(reply.body, replies[0].body);
    }
    let row = pair[0]
        .tables()
        .session(&session.handle)
        .await
        .expect("live");
    assert_eq!(row.generation, 1);
    assert_eq!(row.refresh_token_hash_2, stored(&child.refresh.value));
    assert_eq!(row.expires_at, child.refresh.expires);
}

/// Deterministic: the other request stands between two of its statements while the session is deleted.
#[test_on(everywhere)]
async fn cc3_a_delete_between_two_statements_wins(db: Backend) {
    let pair = pair(db, &[]).await;
    for request in ["refresh", "verify", "write"] {
        let session = pair[0].create_with_data("ada", "0").await;
        let child = child_of(&pair[0], &session).await;
        pair[0].pause_at("UPDATE", "before the write").await;
        let waiting = async {
            match request {
                "refresh" => pair[0].refresh(&child.refresh.value).await,
                "verify" => pair[0].verify(&child.access.value).await,
                _ => pair[0].write_data(&session.handle, &data(1)).await,
            }
        };
        let delete = async {
            pair[0].wait_until_paused("before the write").await;
            let deleted = pair[1].revoke(&session.handle).await;
            assert_eq!(deleted.part("deletedAnyEntry").as_deref(), Some("true"));
            pair[0].resume("before the write").await;
        };
        let (reply, ()) = futures::join!(waiting, delete);
        assert_eq!(Answer::of_reply(&reply), Answer::Unauthorised, "{request}");
        assert_eq!(pair[0].tables().session(&session.handle).await, None);
    }
}

#[test_on(everywhere)]
async fn cc4_delete_all_takes_every_session_acknowledged_before(db: Backend) {
    let pair = pair(db, &[]).await;
    for round in 0..4 {
        let user = format!("user {round}");
        let acknowledged = std::sync::Mutex::new(Vec::new());
        let creator = |number: usize| {
            let (process, user, acknowledged) = (&pair[number % 2], &user, &acknowledged);
            async move {
                for _ in 0..12 {
                    let session = process.create(user).await;
                    acknowledged.lock().expect("not poisoned").push(session);
                }
            }
        };
        let delete = async {
            while acknowledged.lock().expect("not poisoned").len() < 20 {
                tokio::task::yield_now().await;
            }
            let before = acknowledged.lock().expect("not poisoned").clone();
            assert_eq!(pair[1].revoke_all(&user).await.answer(), "OK");
            before
        };
        let (_, before) = futures::join!(join_all((0..8).map(creator)), delete);
        assert!(before.len() < 96, "the creators were done already");
        for session in before {
            let row = pair[0].tables().session(&session.handle).await;
            assert_eq!(row, None);
        }
    }
}

/// Two tabs refresh one token when their access token expires, at a slot's start, through processes whose clocks stand on
/// both sides of it. The children differ; the tab that comes second gets what the first one has.
#[test_on(everywhere)]
async fn ck2_tabs_at_clocks_that_differ_stay_signed_in(db: Backend) {
    for (validity, skew) in [("10", 500), ("60", 300), ("3600", 2000)] {
        let pair = pair(db, &[("access_token_validity", validity)]).await;
        let created = pair[0].create("ada").await;
        let mut shared = child_of(&pair[0], &created).await;
        for round in 0..6 {
            let expiry = shared.access.expires;
            let ahead = round % 2;
            pair[ahead].freeze_at(expiry + skew / 2).await;
            pair[1 - ahead].freeze_at(expiry - skew / 2).await;
            let [first, second] = [pair[0].child(&shared).await, pair[1].child(&shared).await];
            assert_ne!(first.refresh, second.refresh, "no slot starts at {expiry}");
            pair[round / 2 % 2].expect_good(&first).await;
            let late = pair[1].verify(&second.access.value).await;
            assert_eq!(Answer::of_reply(&late), Answer::TryRefreshToken);
            let reply = pair[1].refresh(&second.refresh.value).await;
            assert_eq!(Answer::of_reply(&reply), Answer::Ok, "{validity}, {round}");
            let met = Session::refreshed(&reply);
            assert_eq!(met.lasting(), first.lasting(), "{validity}, {round}");
            shared = met;
        }
    }
}
