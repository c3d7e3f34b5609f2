//! When a session ends: at its expiry, and at its end.

use session_core::domain::time::Timestamp;
use session_core::testing::START;

use super::connector::Database;
use super::{confirmation, handle, in_secs, json, session, sign_out, store, user};
use crate::memory::MemoryStore;
use crate::{SessionStore as _, Store};

/// Every operation on a session that ends at a moment, a millisecond before and at it.
async fn ends_when_it_expires(store: &impl Store) {
    store.insert(&session(1, "bob")).await.unwrap();
    let last = Timestamp::from_millis(in_secs(3600).as_millis() - 1);
    for (now, live) in [(last, true), (in_secs(3600), false), (in_secs(9999), false)] {
        let there = store.find(handle(1), now).await.unwrap().is_some();
        assert_eq!(there, live);
        assert_eq!(
            store.read_data(handle(1), now).await.unwrap().is_some(),
            live
        );
        let written = store.write_data(handle(1), json("2").as_ref(), now).await;
        assert_eq!(written.unwrap(), live);
    }
    // Nothing revives it, and nothing counts as its removal.
    let at = in_secs(3600);
    assert_eq!(
        store
            .confirm(handle(1), confirmation(0), "sealed again", None, at)
            .await,
        Ok(None)
    );
    assert_eq!(store.delete(handle(1), sign_out(at)).await, Ok(false));
    assert_eq!(store.count_expired(at).await, Ok(0));
    assert_eq!(store.remove_expired(at).await, Ok(0));
    let after = in_secs(3601);
    assert_eq!(store.count_expired(after).await, Ok(1));
    assert_eq!(store.remove_expired(after).await, Ok(1));
    assert_eq!(store.remove_expired(after).await, Ok(0));
    assert_eq!(store.find(handle(1), START).await, Ok(None));
}

#[tokio::test]
async fn a_session_ends_when_it_expires() {
    ends_when_it_expires(&<MemoryStore>::default()).await;
    ends_when_it_expires(&store(&Database::new())).await;
}

/// A replica of the release before knows no end, and has set a later expiry.
#[tokio::test]
async fn the_end_counts_whatever_the_expiry_says() {
    let store = store(&Database::new());
    let mut row = session(1, "bob");
    row.stored.limits.ends_at = Some(in_secs(60));
    row.sealed = Some("sealed".to_owned());
    store.insert(&row).await.unwrap();
    let found = store.find(handle(1), START).await.unwrap().unwrap();
    assert_eq!(found.expires_at, in_secs(60));
    let bob = user("bob");
    let listed = store.list_user(&bob, None, 9, START).await.unwrap();
    assert_eq!(listed[0].expires_at, in_secs(60));
    let (at, last) = (
        in_secs(60),
        Timestamp::from_millis(in_secs(60).as_millis() - 1),
    );
    assert!(store.find(handle(1), last).await.unwrap().is_some());
    assert_eq!(store.find(handle(1), at).await, Ok(None));
    assert_eq!(store.read_data(handle(1), at).await, Ok(None));
    assert_eq!(store.list_user(&bob, None, 9, at).await, Ok(Vec::new()));
    assert_eq!(
        store.delete_batch(&[handle(1)], sign_out(at)).await,
        Ok(Vec::new())
    );
    assert_eq!(store.delete(handle(1), sign_out(at)).await, Ok(false));
}
