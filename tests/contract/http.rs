//! What HTTP through the real component adds to `src/api/tests`: lengths, streams, and the same reply on every endpoint.

use session_tests::prelude::*;
use session_tests::raw_http::{RawConnection, exchange};

#[test_on(everywhere)]
async fn every_reply_is_json_of_a_known_length_also_while_the_database_is_away(db: Backend) {
    let service = db.service().start().await;
    let session = service.create("ada").await;
    let mut replies = vec![
        service.post_session(r#"{"userId":"ada"}"#).await,
        service.verify(&session.access.value).await,
        service.verify("x").await,
        service.refresh(&session.refresh.value).await,
        service.refresh("x").await,
        service.data(&session.handle).await,
        service.data("x").await,
        service.write_data(&session.handle, "1").await,
        service.revoke(&session.handle).await,
        service.revoke_all("ada").await,
        service.post_session("{}").await,
        service.send("GET", "/", &[], "").await,
        service.send("GET", "/refresh", &[], "").await,
        service
            .send("POST", "/session", &[("content-type", "text/plain")], "{}")
            .await,
        service.post_session(vec![b' '; 262_145]).await,
    ];
    let child = service.child(&service.create("ada").await).await;
    service.database_away().await;
    replies.extend([
        service.post_session(r#"{"userId":"ada"}"#).await,
        service.verify(&child.access.value).await,
        service.refresh(&child.refresh.value).await,
        service.revoke(&child.handle).await,
        service.revoke_all("ada").await,
        service.data(&child.handle).await,
        service.write_data(&child.handle, "1").await,
    ]);
    let statuses: Vec<u16> = replies.iter().map(|reply| reply.status).collect();
    let (served, failed) = statuses.split_at(15);
    assert_eq!(served[..10], [200; 10]);
    assert_eq!(served[10..], [400, 404, 405, 415, 413]);
    assert_eq!(failed, [503; 7]);
    for reply in &replies {
        assert_eq!(reply.header("content-type"), "application/json");
        let length = reply.body.len().to_string();
        assert_eq!(reply.header("content-length"), length, "{reply:?}");
        assert_eq!(reply.header("transfer-encoding"), "", "{reply:?}");
        assert_eq!(reply.header("retry-after").is_empty(), reply.status != 503);
    }
    service.database_back().await;
    service.expect_good(&child).await;
}

#[test_on(everywhere)]
async fn a_body_that_is_too_large_is_cut_off_while_it_streams_in(db: Backend) {
    let service = db.shared().await;
    let mut endless = RawConnection::open(service.address()).await;
    let head = "POST /session HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
                transfer-encoding: chunked\r\n\r\n";
    assert!(endless.write(head.as_bytes()).await);
    let chunk = format!("10000\r\n{}\r\n", " ".repeat(0x10000));
    for _ in 0..5 {
        endless.write(chunk.as_bytes()).await;
    }
    // The body has not ended and never will; the reply comes all the same.
    let reply = endless.read_reply().await;
    assert!(reply.starts_with("HTTP/1.1 413 "), "{reply:?}");
    assert!(reply.contains(r#""code":"too_large""#), "{reply:?}");

    let mut announced = RawConnection::open(service.address()).await;
    let head = "POST /session HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
                content-length: 20000000\r\n\r\n";
    assert!(announced.write(head.as_bytes()).await);
    announced.write(&[b' '; 0x10000]).await;
    announced.write(&vec![b' '; 0x40000]).await;
    let reply = announced.read_reply().await;
    assert!(reply.starts_with("HTTP/1.1 413 "), "{reply:?}");
}

#[test_on(everywhere)]
async fn a_body_shorter_than_announced_is_no_trap(db: Backend) {
    let service = db.service().start().await;
    let session = service.create("ada").await;
    let mut cut = RawConnection::open(service.address()).await;
    let request = "POST /session HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
                   content-length: 1000\r\n\r\n{\"userId\":\"ada\"}";
    assert!(cut.write(request.as_bytes()).await);
    cut.finish_writing().await;
    let reply = cut.read_reply().await;
    assert!(!reply.starts_with("HTTP/1.1 2"), "{reply:?}");
    assert_eq!(service.tables().session_count().await, 1);

    let longer = "POST /session HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
                  content-length: 5\r\nconnection: close\r\n\r\n{\"userId\":\"ada\"}";
    let reply = exchange(service.address(), longer.as_bytes()).await;
    assert!(reply.starts_with("HTTP/1.1 400 "), "{reply:?}");
    assert_eq!(service.tables().session_count().await, 1);

    service.expect_good(&session).await;
    service.assert_no_traps().await;
}
