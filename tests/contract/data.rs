//! `GET` and `PUT /session/data`.

use session_tests::prelude::*;

const OK: &str = r#"{"message":"[text]","status":"OK"}"#;

#[test_on(everywhere)]
async fn gives_the_data_that_was_written_last(db: Backend) {
    let service = db.shared().await;
    let session = service.create_with_data("ada", r#"{"cart":[]}"#).await;
    let read = service.data(&session.handle).await;
    read.expect(
        200,
        r#"{"message":"[text]","status":"OK","sessionData":{"cart":[]}}"#,
    );

    service
        .write_data(&session.handle, r#"{"cart":[1]}"#)
        .await
        .expect(200, OK);
    service
        .write_data(&session.handle, r#"{"cart":[1,2]}"#)
        .await
        .expect(200, OK);
    let read = service.data(&session.handle).await;
    read.expect(
        200,
        r#"{"message":"[text]","status":"OK","sessionData":{"cart":[1,2]}}"#,
    );

    // The same once more: a write that changes no byte of the row is OK all the same.
    service
        .write_data(&session.handle, r#"{"cart":[1,2]}"#)
        .await
        .expect(200, OK);
}

#[test_on(everywhere)]
async fn data_that_was_not_sent_is_not_there(db: Backend) {
    let service = db.shared().await;
    let session = service.create("ada").await;
    service.data(&session.handle).await.expect(200, OK);

    service
        .write_data(&session.handle, "null")
        .await
        .expect(200, OK);
    let read = service.data(&session.handle).await;
    read.expect(
        200,
        r#"{"message":"[text]","status":"OK","sessionData":null}"#,
    );

    let body = format!(r#"{{"sessionHandle":{}}}"#, quote(&session.handle));
    service
        .json("PUT", "/session/data", body)
        .await
        .expect(200, OK);
    service.data(&session.handle).await.expect(200, OK);
}

#[test_on(everywhere)]
async fn any_json_comes_back_byte_for_byte(db: Backend) {
    let service = db.shared().await;
    let session = service.create("ada").await;
    let mut random = Random::new();
    let mut any: Vec<String> = [
        "1e400",
        "9007199254740993",
        "1.0",
        "-0",
        "[ ]",
        "{\n}",
        r#""\u0041\ud83e\udd80""#,
        r#"{"twice":1,"twice":2}"#,
        r#"{"__proto__":null}"#,
        "[1, 2 ,3]",
    ]
    .map(str::to_owned)
    .into();
    any.extend((0..20).map(|_| quote(&random.text(200))));
    for json in any {
        service
            .write_data(&session.handle, &json)
            .await
            .expect(200, OK);
        let read = service.data(&session.handle).await;
        assert_eq!(read.part("sessionData"), Some(json));
    }
}

#[test_on(everywhere)]
async fn an_unknown_session_is_unauthorised(db: Backend) {
    let service = db.shared().await;
    for handle in ["x", "' OR '1'='1", "🦀", &"x".repeat(65_536)] {
        service
            .write_data(handle, "1")
            .await
            .expect(200, UNAUTHORISED);
    }
    for handle in ["x", "%27%20OR%20%271%27%3D%271", "%F0%9F%A6%80", "a+b"] {
        service.data(handle).await.expect(200, UNAUTHORISED);
    }
}

#[test_on(everywhere)]
async fn the_handle_in_the_query_is_percent_encoded(db: Backend) {
    let service = db.shared().await;
    let session = service.create_with_data("ada", "1").await;
    let encoded: String = session
        .handle
        .bytes()
        .map(|byte| format!("%{byte:02x}"))
        .collect();
    let expected = r#"{"message":"[text]","status":"OK","sessionData":1}"#;
    service.data(&encoded).await.expect(200, expected);
    let path = format!("/session/data?a=b&sessionHandle={}&c", session.handle);
    service
        .send("GET", &path, &[], "")
        .await
        .expect(200, expected);
}

#[test_on(everywhere)]
async fn writing_data_changes_nothing_else(db: Backend) {
    let service = db.shared().await;
    let session = service.create_with_payload("ada", "1").await;
    let mut row = service
        .tables()
        .session(&session.handle)
        .await
        .expect("it is stored");
    assert_eq!(row.session_info, None);
    service
        .write_data(&session.handle, r#"{"a":1}"#)
        .await
        .expect(200, OK);
    row.session_info = Some(r#"{"a":1}"#.to_owned());
    assert_eq!(service.tables().session(&session.handle).await, Some(row));
}

#[test_on(everywhere)]
async fn in1_the_session_handle_is_a_required_string(db: Backend) {
    let service = db.shared().await;
    for handle in ["null", "true", "7", "[]", "{}"] {
        let body = format!(r#"{{"sessionHandle":{handle},"sessionData":1}}"#);
        let reply = service.json("PUT", "/session/data", body).await;
        let reply = reply.expect_error(400, "invalid_input");
        assert!(
            reply.string("message").contains("sessionHandle"),
            "{reply:?}"
        );
    }
    let reply = service
        .json("PUT", "/session/data", r#"{"sessionData":1}"#)
        .await;
    let reply = reply.expect_error(400, "invalid_input");
    assert!(
        reply.string("message").contains("sessionHandle"),
        "{reply:?}"
    );
    for path in [
        "/session/data",
        "/session/data?",
        "/session/data?sessionhandle=x",
    ] {
        let reply = service
            .send("GET", path, &[], "")
            .await
            .expect_error(400, "invalid_input");
        assert!(
            reply.string("message").contains("sessionHandle"),
            "{reply:?}"
        );
    }
}

#[test_on(everywhere)]
async fn in2_data_has_up_to_65535_bytes(db: Backend) {
    let service = db.shared().await;
    let session = service.create_with_data("ada", "1").await;
    let largest = format!(r#""{}""#, "x".repeat(65_533));
    service
        .write_data(&session.handle, &largest)
        .await
        .expect(200, OK);
    assert_eq!(
        service.data(&session.handle).await.part("sessionData"),
        Some(largest.clone())
    );

    let too_large = format!(r#""{}""#, "y".repeat(65_534));
    let reply = service.write_data(&session.handle, &too_large).await;
    let reply = reply.expect_error(400, "too_large");
    assert!(reply.string("message").contains("sessionData"), "{reply:?}");
    assert_eq!(
        service.data(&session.handle).await.part("sessionData"),
        Some(largest)
    );
}
