//! What gets out: nothing in errors and logs, the same words for every reason, nobody in without an API key, no
//! connection without TLS where it is required.

use session_tests::prelude::*;
use session_tests::raw_http::RawConnection;
use session_tests::watch::{self, CANARY};
use testbed::service::{Action, FaultRule, On};

use crate::common::{child_of, data, unavailable};

const ENDPOINTS: [(&str, &str); 7] = [
    ("POST", "/session"),
    ("PUT", "/session"),
    ("DELETE", "/session"),
    ("PUT", "/refresh"),
    ("DELETE", "/session/all"),
    ("GET", "/session/data?sessionHandle=x"),
    ("PUT", "/session/data"),
];

/// The scan itself: what it must find, and what it must let pass.
fn check_the_scan(session: &Session) {
    for hit in [
        &*session.access.value,
        &session.refresh.value,
        &session.id.value,
        &session.handle,
        CANARY,
        "near: SELECT 1",
    ] {
        assert!(
            watch::in_log_line(&format!("INFO x {hit}")).is_some(),
            "{hit} is not found"
        );
    }
    let fine = format!(
        "DEBUG token_refused token=access session={} reason=expired",
        sha256_hex("x")
    );
    assert_eq!(watch::in_log_line(&fine), None);
}

/// The scan runs in every test of this program; this one forces every error there is.
#[test_on(everywhere)]
async fn se1_every_error_is_silent_about_secrets(db: Backend) {
    let api_key = "an-api-key-that-must-not-show";
    let master = "a master key that must not show in any line";
    watch::secret(api_key);
    watch::secret(master);
    // Elsewhere lines are text; the level is the lowest, so that all are there.
    let format = match db {
        Backend::Sqlite => "json",
        _ => "text",
    };
    let setup = db
        .service()
        .set("api_keys", api_key)
        .set("log_format", format)
        .set("master_key", master);
    let service = setup.set("on_token_theft", "revoke_user").start().await;
    service.freeze().await;
    let headers = [("content-type", "application/json"), ("api-key", api_key)];
    let send = async |method: &str, path: &str, body: String| {
        service.send(method, path, &headers, body).await
    };
    let body = format!(
        r#"{{"userId":{0},"jwtPayload":{0},"sessionData":{0}}}"#,
        data(1)
    );
    let session = Session::created(&send("POST", "/session", body.clone()).await);
    check_the_scan(&session);
    let with =
        |field: &str, token: &str| format!(r#"{{"{field}":"{token}","idRefreshToken":"id"}}"#);
    let refresh = with("refreshToken", &session.refresh.value);
    let first = Session::refreshed(&send("PUT", "/refresh", refresh.clone()).await);
    service.advance(MINUTE).await;
    let second = Session::refreshed(&send("PUT", "/refresh", refresh.clone()).await);
    let verify = with("accessToken", &first.access.value);
    send("PUT", "/session", verify.clone()).await;

    let broken = match db {
        Backend::Sqlite => vec![
            Action::error(0, format!("near \"{CANARY}\": syntax error")),
            Action::cut_before(),
        ],
        _ => vec![
            Action::error(1064, format!("You have an error near '{CANARY}'")),
            Action::error(
                1045,
                "Access denied for user 'root'@'localhost' (using password: YES)",
            ),
            Action::error(1146, "Table 'x.refresh_tokens' doesn't exist"),
            Action::error(1213, "Deadlock"),
            Action::cut_before(),
        ],
    };
    let requests = [
        ("POST", "/session", body),
        ("PUT", "/session", with("accessToken", &second.access.value)),
        (
            "PUT",
            "/refresh",
            with("refreshToken", &second.refresh.value),
        ),
        (
            "PUT",
            "/refresh",
            with("refreshToken", &format!("{}x", session.refresh.value)),
        ),
        (
            "PUT",
            "/session",
            with("accessToken", &format!("{}x", session.access.value)),
        ),
        (
            "PUT",
            "/session/data",
            format!(
                r#"{{"sessionHandle":"{}","sessionData":{}}}"#,
                session.handle,
                data(2)
            ),
        ),
        (
            "DELETE",
            "/session",
            format!(r#"{{"sessionHandle":"{}"}}"#, session.handle),
        ),
        (
            "DELETE",
            "/session/all",
            format!(r#"{{"userId":{}}}"#, data(3)),
        ),
        (
            "GET",
            "/session/data?sessionHandle=canary-4711",
            String::new(),
        ),
        (
            "PUT",
            "/refresh",
            format!(r#"{{"refreshToken":{}}}"#, data(4)),
        ),
        ("PUT", "/canary-4711", data(5)),
        ("POST", "/session", format!(r#"{{"userId":[{}]}}"#, data(6))),
        ("POST", "/session", format!("{} is no JSON", data(7))),
        (
            "POST",
            "/session",
            format!(r#"{{"userId":"ada","sessionData":{}}}"#, data(8).repeat(2)),
        ),
    ];
    for action in broken {
        let forever = FaultRule::new(On::Statement, action).for_ever();
        service.faults(&[forever]).await;
        for (method, path, body) in &requests {
            let reply = send(method, path, body.clone()).await;
            assert!(reply.status >= 200, "{reply:?}");
        }
    }
    service.database_back().await;
    // Among them the theft, which is for the log.
    let reply = send(
        "PUT",
        "/refresh",
        with("refreshToken", &second.refresh.value),
    )
    .await;
    assert_eq!(
        reply.part("sessionTheftDetected.value").as_deref(),
        Some("true")
    );
    let user = reply.part("sessionTheftDetected.session.userId");
    assert_eq!(user, Some(data(1)));
    assert!(service.log().contains("token_theft_detected"));
    service
        .send(
            "POST",
            "/session",
            &[("api-key", "a wrong one of canary-4711")],
            "{}",
        )
        .await;
    service.assert_no_traps().await;
}

#[test_on(servers)]
async fn se1_wrong_credentials_do_not_show(db: Backend) {
    let password = "canary-password p@ss:w/o#rd%?";
    watch::secret(password);
    watch::secret("canary-password");
    watch::secret("canary%2Dpassword");
    let owner = db.service().start().await;
    owner.create("ada").await;
    let place = owner.place().as_user("canary_user", password);
    let service = place.service().start().await;
    unavailable(&service.post_session(r#"{"userId":"ada"}"#).await);
    let tick = service.tick_unchecked().await;
    assert!(!tick.ok);
    let error = tick.error.unwrap_or_default();
    assert_eq!(watch::in_log_line(&error), None, "{error}");
    watch::secret(db.server().password());
}

#[test_on(everywhere)]
async fn se2_refusals_tell_no_reason(db: Backend) {
    let service = db.service().start().await;
    service.freeze().await;
    let gone = service.create("ada").await;
    service.revoke(&gone.handle).await;
    let expired = service.create("ada").await;
    service.advance(2 * HOUR).await;
    let live = service.create("ada").await;
    let other = db.service().start().await.create("ada").await;
    let parent = service.create("bob").await;
    let unconfirmed = child_of(&service, &parent).await;
    service.revoke(&unconfirmed.handle).await;

    let mut refused = Vec::new();
    for token in [
        "",
        "x",
        &gone.refresh.value,
        &other.refresh.value,
        &live.access.value,
        &format!("{}A", live.refresh.value),
    ] {
        refused.push(service.refresh(token).await);
    }
    let body = format!(r#"{{"refreshToken":"{}"}}"#, live.refresh.value);
    refused.push(service.json("PUT", "/refresh", body).await);
    assert!(
        refused
            .iter()
            .all(|reply| reply.status == 200 && reply.body == refused[0].body),
        "{refused:?}"
    );

    let mut again = Vec::new();
    let unknown_key = Jwt::parse(&live.access.value)
        .header(r#"{"alg":"HS256","typ":"JWT","kid":"99"}"#)
        .sign(&[0; 32]);
    let forged = Jwt::parse(&live.access.value).sign(&[0; 32]);
    for token in [
        "",
        "x",
        "a.b.c",
        &expired.access.value,
        &other.access.value,
        &unknown_key,
        &forged,
        &live.refresh.value,
    ] {
        again.push(service.verify(token).await);
    }
    assert!(
        again
            .iter()
            .all(|reply| reply.status == 200 && reply.body == again[0].body),
        "{again:?}"
    );

    let mut missing = Vec::new();
    for handle in ["x", &gone.handle, &live.refresh.value] {
        missing.push(service.data(handle).await);
        missing.push(service.write_data(handle, "1").await);
    }
    missing.push(service.verify(&unconfirmed.access.value).await);
    missing.push(
        service
            .json("PUT", "/session", r#"{"accessToken":"x"}"#)
            .await,
    );
    assert!(
        missing
            .iter()
            .all(|reply| reply.status == 200 && reply.body == missing[0].body),
        "{missing:?}"
    );
}

#[test_on(everywhere)]
async fn tr1_without_an_api_key_no_route_answers_and_no_body_is_read(db: Backend) {
    let key = "0123456789abcdef-api-key";
    watch::secret(key);
    let service = db.service().set("api_keys", key).start().await;
    let other = format!("{key}x");
    let wrong: [&[(&str, &str)]; 6] = [
        &[],
        &[("api-key", "")],
        &[("api-key", &key[..key.len() - 1])],
        &[("api-key", &other)],
        &[("authorization", key)],
        &[("authorization", "Basic 0123456789abcdef-api-key")],
    ];
    for (method, path) in ENDPOINTS
        .into_iter()
        .chain([("GET", "/nowhere"), ("PATCH", "/session")])
    {
        for headers in wrong {
            let reply = service
                .send(method, path, headers, r#"{"userId":"ada"}"#)
                .await;
            let reply = reply.expect_error(401, "unauthenticated");
            assert_eq!(reply.header("www-authenticate"), "Bearer");
        }
    }
    // Before the body: it never ends, and the answer is there.
    let mut connection = RawConnection::open(service.address()).await;
    let head = "POST /session HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n{";
    connection.write(head.as_bytes()).await;
    let reply = connection.read_reply().await;
    assert!(reply.starts_with("HTTP/1.1 401 "), "{reply:?}");
    assert_eq!(
        service.statements().await,
        0,
        "a stranger reached the database"
    );
    for headers in [
        ("api-key", key.to_owned()),
        ("authorization", format!("Bearer {key}")),
    ] {
        let headers = [(headers.0, &*headers.1)];
        let reply = service
            .send("POST", "/session", &headers, r#"{"userId":"ada"}"#)
            .await;
        assert_eq!(reply.answer(), "OK");
    }
    service.assert_no_traps().await;
}

#[test_on(everywhere)]
async fn tr1_two_api_keys_are_good_while_one_replaces_the_other(db: Backend) {
    let (old, new) = ("the-old-api-key-0123", "the-new-api-key-4567");
    watch::secret(old);
    watch::secret(new);
    let place = db.place().await;
    for (setting, good, bad) in [
        (old.to_owned(), vec![old], vec![new]),
        (format!("{old},{new}"), vec![old, new], vec![]),
        (new.to_owned(), vec![new], vec![old]),
    ] {
        let service = place.service().set("api_keys", &setting).start().await;
        for (keys, status) in [(good, 200), (bad, 401)] {
            for key in keys {
                let reply = service
                    .send(
                        "POST",
                        "/session",
                        &[("api-key", key)],
                        r#"{"userId":"ada"}"#,
                    )
                    .await;
                assert_eq!(reply.status, status, "{reply:?}");
            }
        }
    }
}

#[test_on(servers)]
async fn tr2_required_tls_refuses_a_server_without_it(db: Backend) {
    let service = db.service().set("mysql_tls", "required").start().await;
    for _ in 0..2 {
        unavailable(&service.post_session(r#"{"userId":"ada"}"#).await);
    }
    assert_eq!(
        service.stats().await.statements_run(),
        0,
        "it talked in the clear"
    );
    let tick = service.tick_unchecked().await;
    assert!(!tick.ok, "{tick:?}");
}
