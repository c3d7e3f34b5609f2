//! Refreshes of one token at about the same time: two tabs, or a client that asks again.

use std::collections::BTreeSet;

use session_tests::prelude::*;

#[test_on(everywhere)]
async fn th9_within_the_reuse_window_every_refresh_gives_the_same_child(db: Backend) {
    let service = db.service().start().await;
    service.freeze().await;
    let parent = service.create("ada").await;
    let mut children = Vec::new();
    for _ in 0..40 {
        service.advance(SECOND).await;
        let reply = service.refresh(&parent.refresh.value).await;
        assert_eq!(reply.answer(), "OK");
        children.push(Session::refreshed(&reply));
    }
    // 40 seconds are four slots, or three with a part of one at either end.
    let same = |a: &Session, b: &Session| a.lasting() == b.lasting();
    let slots: Vec<usize> = children.chunk_by(same).map(<[_]>::len).collect();
    let (first, last) = (slots[0], slots[slots.len() - 1]);
    assert!(
        slots[1..slots.len() - 1]
            .iter()
            .all(|seconds| *seconds == 10),
        "{slots:?}"
    );
    assert!(first <= 10 && last <= 10, "{slots:?}");
    // The access tokens of a child expire in different slots among the last tenth of the hour, TH9.
    let end = children[0].access.expires.max(children[39].access.expires);
    let expiries: BTreeSet<i64> = children.iter().map(|child| child.access.expires).collect();
    assert!(expiries.len() > 8, "{expiries:?}");
    assert!(
        expiries
            .iter()
            .all(|at| at % (10 * SECOND) == 0 && *at > end - 7 * MINUTE)
    );
    children.dedup_by(|a, b| same(a, b));
    let tokens: BTreeSet<&str> = children.iter().map(|child| &*child.refresh.value).collect();
    assert_eq!(
        tokens.len(),
        children.len(),
        "a child of an earlier slot came back"
    );
}

#[test_on(everywhere)]
async fn without_a_reuse_window_every_refresh_gives_another_child(db: Backend) {
    let service = db.service().set("refresh_reuse_window", 0).start().await;
    service.freeze().await;
    let parent = service.create("ada").await;
    let first = Session::refreshed(&service.refresh(&parent.refresh.value).await);
    let second = Session::refreshed(&service.refresh(&parent.refresh.value).await);
    assert_ne!(first.refresh.value, second.refresh.value);
    assert_eq!(service.verify(&first.access.value).await.answer(), "OK");
    service
        .refresh(&second.refresh.value)
        .await
        .expect(200, &theft_of(&second));
}

#[test_on(everywhere)]
async fn the_reuse_window_holds_across_processes(db: Backend) {
    let service = db.service().start().await;
    service.freeze().await;
    let elsewhere = service.place().service().start().await;
    elsewhere.freeze_at(service.now()).await;
    let parent = service.create("ada").await;
    let here = service.refresh(&parent.refresh.value).await;
    let there = elsewhere.refresh(&parent.refresh.value).await;
    let [here, there] = [here, there].map(|reply| Session::refreshed(&reply));
    assert_eq!(here.lasting(), there.lasting());
}
