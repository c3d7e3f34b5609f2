//! Requests at the same time, over two processes on one database.

use std::time::Duration;

use futures::future::join_all;
use session_tests::prelude::*;

use crate::common::{Answer, busy, child_of, data, pair, stored};

const MANY: usize = 64;

#[test_on(everywhere)]
async fn cc1_64_refreshes_at_once_give_one_child_and_write_nothing(db: Backend) {
    let _turn = busy().await;
    let pair = pair(db, &[]).await;
    let session = pair[0].create_with_data("ada", &data(1)).await;
    let row = pair[0].tables().session(&session.handle).await;
    let refreshes = (0..MANY).map(|i| pair[i % 2].refresh(&session.refresh.value));
    let replies = join_all(refreshes).await;
    let children: Vec<Session> = replies.iter().map(Session::refreshed).collect();
    let first = children[0].lasting();
    assert!(children.iter().all(|child| child.lasting() == first));
    assert_eq!(pair[0].tables().session(&session.handle).await, row);
    assert_eq!(
        pair[1].verify(&children[0].access.value).await.answer(),
        "OK"
    );
}

#[test_on(everywhere)]
async fn cc1_of_64_children_exactly_one_can_be_confirmed(db: Backend) {
    let _turn = busy().await;
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
    let _turn = busy().await;
    let pair = pair(db, &[]).await;
    let session = pair[0].create("ada").await;
    let child = Session::refreshed(&pair[1].refresh(&session.refresh.value).await);
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

#[test_on(everywhere)]
async fn cc2_of_two_children_one_wins(db: Backend) {
    let _turn = busy().await;
    let pair = pair(db, &[("refresh_reuse_window", "0")]).await;
    for _ in 0..10 {
        let session = pair[0].create("ada").await;
        let one = Session::refreshed(&pair[0].refresh(&session.refresh.value).await);
        let two = Session::refreshed(&pair[1].refresh(&session.refresh.value).await);
        let confirmations = (0..16).map(|i| {
            let child = if i % 4 < 2 { &one } else { &two };
            pair[i % 2].verify(&child.access.value)
        });
        let answers: Vec<Answer> = join_all(confirmations)
            .await
            .iter()
            .map(Answer::of_reply)
            .collect();
        let of = |child: usize| answers.iter().skip(child * 2).step_by(4).copied();
        let (first, second) = (of(0).next(), of(1).next());
        assert_ne!(first, second, "{answers:?}");
        for (i, answer) in answers.iter().enumerate() {
            let expected = if i % 4 < 2 { first } else { second };
            assert_eq!(Some(*answer), expected, "{answers:?}");
        }
        let row = pair[0].tables().session(&session.handle).await;
        assert_eq!(row.expect("live").generation, 1);
    }
}

#[test_on(everywhere)]
async fn cc3_nothing_succeeds_after_an_acknowledged_delete(db: Backend) {
    let _turn = busy().await;
    let pair = pair(db, &[("refresh_reuse_window", "0")]).await;
    let mut random = Random::new();
    for _ in 0..8 {
        let session = pair[0].create_with_data("ada", "0").await;
        let gone = std::sync::atomic::AtomicBool::new(false);
        let is_gone = || gone.load(std::sync::atomic::Ordering::SeqCst);
        let pause = random.below(40) as u64;
        let worker = |number: usize| {
            let (process, session, is_gone) = (&pair[number % 2], &session, &is_gone);
            async move {
                let mut newest = session.clone();
                for _ in 0..200 {
                    let late = is_gone();
                    let reply = match number {
                        0 => process.write_data(&session.handle, &data(1)).await,
                        1 => process.data(&session.handle).await,
                        _ => process.refresh(&newest.refresh.value).await,
                    };
                    let answer = Answer::of_reply(&reply);
                    assert!(!late || answer == Answer::Unauthorised, "{reply:?}");
                    match answer {
                        // Rivals' branches are seen as theft, and that is right; the last one standing goes on.
                        Answer::Unauthorised | Answer::Theft => return,
                        _ if number > 1 => newest = Session::refreshed(&reply),
                        _ => {}
                    }
                }
            }
        };
        let delete = async {
            tokio::time::sleep(Duration::from_millis(pause)).await;
            let reply = pair[1].revoke(&session.handle).await;
            gone.store(true, std::sync::atomic::Ordering::SeqCst);
            assert_eq!(reply.part("deletedAnyEntry").as_deref(), Some("true"));
        };
        futures::join!(join_all((0..6).map(worker)), delete);
        assert_eq!(pair[0].tables().session(&session.handle).await, None);
    }
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
    let _turn = busy().await;
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

#[test_on(everywhere)]
async fn cc7_no_acknowledged_write_is_lost_to_a_refresh(db: Backend) {
    let _turn = busy().await;
    let pair = pair(db, &[("refresh_reuse_window", "0")]).await;
    let session = pair[0].create_with_data("ada", "0").await;
    let writer = async {
        for number in 1..=60 {
            let written = pair[0].write_data(&session.handle, &data(number)).await;
            assert_eq!(written.answer(), "OK");
            let read = pair[number as usize % 2].data(&session.handle).await;
            assert_eq!(read.part("sessionData"), Some(data(number)));
        }
    };
    let refresher = async {
        let mut newest = session.clone();
        for _ in 0..40 {
            newest = Session::refreshed(&pair[1].refresh(&newest.refresh.value).await);
            assert_eq!(pair[0].verify(&newest.access.value).await.answer(), "OK");
        }
    };
    futures::join!(writer, refresher);
    let row = pair[0].tables().session(&session.handle).await;
    let row = row.expect("live");
    assert_eq!((row.generation, row.session_info), (40, Some(data(60))));
}
