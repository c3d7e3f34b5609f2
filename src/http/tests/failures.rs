//! When the service cannot answer: what callers are told, and what only the log is.

use http::Method;

use super::{ENDPOINTS, Site, Untouchable};
use crate::platform::Level;
use crate::store::StoreError;

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
fn a_row_of_nonsense_is_told_to_the_log_alone() {
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
    let message = "something went wrong; the log says what";
    assert_eq!(reply.error(), (500, "internal", message));
    let logged = site.platform.logged(Level::Error);
    assert!(logged[0].contains("session_info"), "{logged:?}");
}

#[test]
fn wrong_settings_stop_every_request_unread() {
    let site = Site::misconfigured();
    for (method, path, _) in ENDPOINTS {
        let reply = site.send_with(&method, path, &[], Untouchable);
        let message = "the settings are wrong; the log says which";
        assert_eq!(reply.error(), (500, "misconfigured", message));
    }
    let ready = site.send_with(&Method::GET, "/ready", &[], Untouchable);
    assert_eq!(ready.status, 500);
    let alive = site.send_with(&Method::GET, "/health", &[], Untouchable);
    assert_eq!(alive.status, 200);
}
