//! When the service cannot answer: what callers are told, and what only the log is.

use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request};
use http_body_util::{BodyExt as _, Full};
use session_core::log::Level;
use session_core::testing::ready;
use session_store::StoreError;
use tokio::time::Instant;

use super::{ENDPOINTS, Site, Untouchable};
use crate::Api;

#[test]
fn a_database_that_is_away_is_503_with_retry_after() {
    let site = Site::new(&[]);
    let login = site.login("");
    let child = site.refresh(login.at("refreshToken.value"));
    site.store
        .fail_with(StoreError::Unavailable("SECRET at db.example".to_owned()));
    let handle = login.at("session.handle").to_string();
    for (method, path, body) in ENDPOINTS {
        let token = match path {
            "/session" => child.at("newAccessToken.value"),
            _ => child.at("newRefreshToken.value"),
        };
        let path = path.replace("=x", &format!("={}", handle.trim_matches('"')));
        let body = match body.contains("Token") {
            true => body.replacen("\"x\"", &token.to_string(), 1),
            false => body.replacen("\"x\"", &handle, 1),
        };
        let reply = site.send(&method, &path, &body);
        let message = "the database did not answer; try again";
        assert_eq!(
            reply.error(),
            (503, "database_unavailable", message),
            "{method} {path}"
        );
        assert_eq!(reply.headers["retry-after"], "1");
    }
    assert_eq!(site.platform.logged(Level::Error).len(), 7);
    assert!(site.platform.logged(Level::Error)[0].contains("SECRET"));
}

/// Each operation on its own would be in time.
#[tokio::test(start_paused = true)]
async fn db3_an_answer_of_several_operations_is_in_time() {
    let site = Site::new(&[]);
    let login = site.login("");
    let child = site.refresh(login.at("refreshToken.value"));
    let token = child.at("newRefreshToken.value");
    let began = Instant::now();
    site.store.takes(Duration::from_millis(2_500));
    let body = format!(r#"{{"refreshToken":{token},"idRefreshToken":""}}"#);
    let request = Request::put("/refresh").body(Full::new(Bytes::from(body)));
    let reply = site.api.handle(request.unwrap()).await;
    assert_eq!(reply.status(), 503);
    assert_eq!(began.elapsed(), Duration::from_secs(4));
    let logged = site.platform.logged(Level::Error);
    assert!(
        logged[0].contains("no answer within 4s (SQLite)"),
        "{logged:?}"
    );
    // Whether it has happened or not, the token is as good as before.
    site.store.takes(Duration::ZERO);
    assert_eq!(site.refresh(token).at("status"), "OK");
}

/// It goes batch by batch; each has its own deadline.
#[tokio::test(start_paused = true)]
async fn revoking_a_great_number_of_sessions_may_take_its_time() {
    let site = Site::new(&[]);
    site.store.takes(Duration::from_secs(60));
    let request = Request::delete("/session/all").body(Full::from(r#"{"userId":"bob"}"#));
    assert_eq!(site.api.handle(request.unwrap()).await.status(), 200);
}

#[test]
fn a_missing_table_says_what_to_do() {
    let site = Site::new(&[]);
    site.store
        .fail_with(StoreError::Schema("run the files of sql/mysql".to_owned()));
    let reply = site.send(&Method::POST, "/session", r#"{"userId":"bob"}"#);
    assert_eq!(
        reply.error(),
        (500, "misconfigured", "run the files of sql/mysql")
    );
}

#[test]
fn the_address_of_a_database_that_refuses_is_in_the_log_only() {
    let site = Site::new(&[]);
    let reason = "the account is locked (db.example:3306)".to_owned();
    site.store.fail_with(StoreError::Refused(reason.clone()));
    let reply = site.send(&Method::POST, "/session", r#"{"userId":"bob"}"#);
    let message = "the database refuses this service; the log says why";
    assert_eq!(reply.error(), (500, "misconfigured", message));
    assert!(!reply.headers.contains_key("retry-after"));
    assert!(site.platform.logged(Level::Error)[0].contains(&reason));
}

#[test]
fn a_corrupt_row_is_described_in_the_log_only() {
    let site = Site::new(&[]);
    let handle = site
        .login("")
        .at("session.handle")
        .as_str()
        .unwrap()
        .to_owned();
    site.store.fail_with(StoreError::Corrupt {
        table: "refresh_tokens",
        column: "session_info",
        problem: "not JSON",
    });
    let path = format!("/session/data?sessionHandle={handle}");
    let reply = site.send(&Method::GET, &path, "");
    let message = "internal error; the log says more";
    assert_eq!(reply.error(), (500, "internal", message));
    let logged = site.platform.logged(Level::Error);
    assert!(logged[0].contains("session_info"), "{logged:?}");
}

#[test]
fn wrong_or_missing_settings_stop_every_request_unread() {
    let wrong = "invalid settings; the log names them";
    let unread = "the settings cannot be read; try again";
    for (api, error) in [
        (Api::Misconfigured, (500, "misconfigured", wrong)),
        (Api::WithoutSettings, (503, "settings_unavailable", unread)),
    ] {
        let site = Site {
            api,
            ..Site::new(&[])
        };
        for (method, path, _) in ENDPOINTS {
            let reply = site.send_with(&method, path, &[], Untouchable);
            assert_eq!(reply.error(), error);
            assert_eq!(reply.headers.contains_key("retry-after"), error.0 == 503);
        }
        let ready = site.send_with(&Method::GET, "/ready", &[], Untouchable);
        assert_eq!(ready.status, error.0);
        let alive = site.send_with(&Method::GET, "/health", &[], Untouchable);
        assert_eq!(alive.status, 200);
    }
}

/// Whether `cdi` is set is among what is unknown; SDKs must not take a 404 for an answer.
#[test]
fn without_settings_the_paths_of_sdks_fail_in_their_words() {
    for (api, status, text) in [
        (
            Api::Misconfigured,
            500,
            "invalid settings; the log names them\n",
        ),
        (
            Api::WithoutSettings,
            429,
            "the settings cannot be read; try again\n",
        ),
    ] {
        let site = Site {
            api,
            ..Site::new(&[])
        };
        for (method, path) in [
            (Method::POST, "/recipe/session"),
            (Method::GET, "/apiversion"),
            (Method::GET, "/hello"),
            (Method::POST, "/appid-public/public/recipe/session/refresh"),
        ] {
            let request = Request::builder().method(method).uri(path);
            let reply = ready(site.api.handle(request.body(Untouchable).unwrap()));
            assert_eq!(reply.status(), status, "{path}");
            let body = ready(reply.into_body().collect()).unwrap().to_bytes();
            assert_eq!(body, text);
        }
        let native = site.send_with(&Method::GET, "/.well-known/jwks.json", &[], Untouchable);
        assert!([500, 503].contains(&native.status.as_u16()));
        let nowhere = site.send_with(&Method::GET, "/nowhere", &[], Untouchable);
        assert_eq!(nowhere.status, 404);
    }
}
