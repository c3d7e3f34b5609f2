//! What gets out: nothing in errors and logs, nobody in without an API key, no
//! connection without TLS where it is required.

use session_tests::prelude::*;
use session_tests::raw_http::RawConnection;
use session_tests::watch::{self, CANARY};
use testbed::service::{Action, FaultRule, On};

use crate::common::{data, unavailable};

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
    service.advance(2 * MINUTE).await;
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
    let (handle, access) = (&session.handle, &session.access.value);
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
            with("accessToken", &format!("{access}x")),
        ),
        (
            "PUT",
            "/session/data",
            format!(
                r#"{{"sessionHandle":"{handle}","sessionData":{}}}"#,
                data(2)
            ),
        ),
        (
            "DELETE",
            "/session",
            format!(r#"{{"sessionHandle":"{handle}"}}"#),
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
    let stolen = with("refreshToken", &second.refresh.value);
    let reply = send("PUT", "/refresh", stolen).await;
    let user = reply.part("sessionTheftDetected.session.userId");
    assert_eq!(user, Some(data(1)));
    assert!(service.log().contains("token_theft_detected"));
    let headers = [("api-key", "a wrong one of canary-4711")];
    service.send("POST", "/session", &headers, "{}").await;
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
    let reply = service.post_session(r#"{"userId":"ada"}"#).await;
    // For an account that does not exist MySQL may ask for a plugin that no driver here has.
    match reply.status {
        500 => drop(reply.expect_error(500, "misconfigured")),
        _ => unavailable(&reply),
    }
    let tick = service.tick_unchecked().await;
    assert!(!tick.ok);
    let error = tick.error.unwrap_or_default();
    assert_eq!(watch::in_log_line(&error), None, "{error}");
    watch::secret(db.server().password());
}

#[test_on(everywhere)]
async fn tr1_without_an_api_key_nobody_is_answered_and_no_body_is_read(db: Backend) {
    let (old, new) = ("the-old-api-key-0123", "the-new-api-key-4567");
    watch::secret(old);
    watch::secret(new);
    let service = db.service().set("api_keys", format!("{old},{new}"));
    let service = service.start().await;
    for headers in [
        &[][..],
        &[("api-key", &old[1..])],
        &[("authorization", old)],
    ] {
        for (method, path) in [
            ("POST", "/session"),
            ("GET", "/session/data?sessionHandle=x"),
            ("GET", "/nowhere"),
        ] {
            let reply = service.send(method, path, headers, "{}").await;
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
    let statements = service.statements().await;
    assert_eq!(statements, 0, "a stranger reached the database");
    // Two are good while one replaces the other.
    for header in [
        ("api-key", old),
        ("api-key", new),
        ("authorization", &format!("Bearer {new}")),
    ] {
        let reply = service
            .send("POST", "/session", &[header], r#"{"userId":"ada"}"#)
            .await;
        assert_eq!(reply.answer(), "OK");
    }
    service.assert_no_traps().await;
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
