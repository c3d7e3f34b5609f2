//! Requests as HTTP: paths, methods, content types, and bodies that are too large or not whole.

use session_tests::prelude::*;
use session_tests::raw_http::{RawConnection, exchange};

suite! {
    everywhere:
        in5_an_unknown_path_is_404_without_echo,
        in5_another_method_is_405_and_allow_names_the_right_ones,
        in5_another_content_type_is_415_and_a_missing_one_is_json,
        a_body_that_is_not_json_or_not_utf_8_is_400,
        a_body_has_up_to_256_kib,
        a_body_that_is_too_large_is_cut_off_while_it_streams_in,
        a_body_shorter_than_announced_is_no_trap;
}

const ENDPOINTS: [(&str, &str); 7] = [
    ("POST", "/session"),
    ("PUT", "/session"),
    ("DELETE", "/session"),
    ("PUT", "/refresh"),
    ("DELETE", "/session/all"),
    ("GET", "/session/data?sessionHandle=x"),
    ("PUT", "/session/data"),
];

async fn in5_an_unknown_path_is_404_without_echo(db: Backend) {
    let service = db.shared().await;
    for path in [
        "/",
        "/sess",
        "/Session",
        "/session/canary",
        "/refresh/canary",
        "//session",
        "/*",
    ] {
        for method in ["GET", "POST", "PUT", "DELETE", "PATCH"] {
            let reply = service
                .json(method, path, "{}")
                .await
                .expect_error(404, "not_found");
            assert!(!reply.text().contains("canary"), "{reply:?}");
        }
    }
}

async fn in5_another_method_is_405_and_allow_names_the_right_ones(db: Backend) {
    let service = db.shared().await;
    let allowed = [
        ("/session", "DELETE,POST,PUT"),
        ("/refresh", "PUT"),
        ("/session/all", "DELETE,GET,HEAD"),
        ("/session/payload", "PUT"),
        ("/session/data", "GET,HEAD,PUT"),
    ];
    for (path, expected) in allowed {
        for method in ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "CANARY"] {
            if expected.split(',').any(|name| name == method) {
                continue;
            }
            let reply = service.json(method, path, "{}").await;
            let reply = reply.expect_error(405, "method_not_allowed");
            let mut names: Vec<&str> = reply.header("allow").split(',').map(str::trim).collect();
            names.sort_unstable();
            assert_eq!(names.join(","), expected, "{method} {path}");
            assert!(!reply.text().contains("CANARY"), "{reply:?}");
        }
    }
}

async fn in5_another_content_type_is_415_and_a_missing_one_is_json(db: Backend) {
    let service = db.shared().await;
    let body = r#"{"userId":"ada"}"#;
    for json in [
        "application/json",
        "application/json; charset=utf-8",
        "Application/JSON;a=b",
    ] {
        let reply = service
            .send("POST", "/session", &[("content-type", json)], body)
            .await;
        assert_eq!(reply.answer(), "OK", "{json}");
    }
    assert_eq!(
        service.send("POST", "/session", &[], body).await.answer(),
        "OK"
    );

    for (method, path) in ENDPOINTS {
        if method == "GET" {
            continue;
        }
        for other in [
            "text/plain",
            "application/x-www-form-urlencoded",
            "application/jsonx",
            "json",
        ] {
            let reply = service
                .send(method, path, &[("content-type", other)], body)
                .await;
            reply.expect_error(415, "unsupported_media_type");
        }
    }
}

async fn a_body_that_is_not_json_or_not_utf_8_is_400(db: Backend) {
    let service = db.shared().await;
    let bodies: [&[u8]; 14] = [
        b"",
        b" ",
        b"{",
        b"userId=ada",
        b"{userId:\"ada\"}",
        b"{'userId':'ada'}",
        b"{\"userId\":\"ada\",}",
        b"{\"userId\":\"ada\"} x",
        b"{\"userId\":\"ada\"}{}",
        b"{\"userId\":\"ada\",\"sessionData\":01}",
        b"{\"userId\":\"ada\",\"sessionData\":NaN}",
        b"{\"userId\":\"\xff\"}",
        b"{\"userId\":\"ada\",\"sessionData\":\"\xc3\x28\"}",
        b"{\"userId\":\"ada\",\"unknown\":\"\xed\xa0\x80\"}",
    ];
    for (method, path) in ENDPOINTS {
        if method == "GET" {
            continue;
        }
        for body in bodies {
            service
                .json(method, path, body)
                .await
                .expect_error(400, "invalid_input");
        }
    }
}

async fn a_body_has_up_to_256_kib(db: Backend) {
    let service = db.shared().await;
    let body_of = |bytes: usize| {
        let rest = r#"{"userId":"ada","padding":""}"#.len();
        format!(
            r#"{{"userId":"ada","padding":"{}"}}"#,
            "x".repeat(bytes - rest)
        )
    };
    assert_eq!(service.post_session(body_of(262_144)).await.answer(), "OK");
    service
        .post_session(body_of(262_145))
        .await
        .expect_error(413, "too_large");
    for (method, path) in ENDPOINTS {
        if method != "GET" {
            service
                .json(method, path, body_of(262_145))
                .await
                .expect_error(413, "too_large");
        }
    }
}

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

    assert_eq!(service.verify(&session.access.value).await.answer(), "OK");
    service.assert_no_traps().await;
}
