//! Refreshes of one token at about the same time: two tabs, or a client that asks again.

use session_tests::prelude::*;

suite! {
    everywhere:
        within_the_reuse_window_every_refresh_gives_the_same_child,
        without_a_reuse_window_every_refresh_gives_another_child,
        the_reuse_window_holds_across_processes;
}

async fn within_the_reuse_window_every_refresh_gives_the_same_child(db: Backend) {
    let service = db.service().start().await;
    service.freeze().await;
    let parent = service.create("ada").await;
    let mut bodies = Vec::new();
    for _ in 0..40 {
        service.advance(SECOND).await;
        let reply = service.refresh(&parent.refresh.value).await;
        assert_eq!(reply.answer(), "OK");
        bodies.push(reply.body);
    }
    // 40 seconds are four slots, or three with a part of one at either end.
    let slots: Vec<usize> = bodies.chunk_by(|a, b| a == b).map(<[_]>::len).collect();
    let (first, last) = (slots[0], slots[slots.len() - 1]);
    assert!(
        slots[1..slots.len() - 1]
            .iter()
            .all(|seconds| *seconds == 10),
        "{slots:?}"
    );
    assert!(first <= 10 && last <= 10, "{slots:?}");
    bodies.dedup();
    let count = bodies.len();
    bodies.sort();
    bodies.dedup();
    assert_eq!(bodies.len(), count, "a child of an earlier slot came back");
}

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

async fn the_reuse_window_holds_across_processes(db: Backend) {
    let service = db.service().start().await;
    service.freeze().await;
    let elsewhere = service.place().service().start().await;
    elsewhere.freeze_at(service.now()).await;
    let parent = service.create("ada").await;
    let here = service.refresh(&parent.refresh.value).await;
    let there = elsewhere.refresh(&parent.refresh.value).await;
    assert_eq!(here.answer(), "OK");
    assert_eq!(here.body, there.body);
}
