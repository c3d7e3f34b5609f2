//! What no other site has: routes where browsers send the refresh token to, that show it, lose its successor, give it to a
//! thief, and let a page play a browser with a key. Each is for loopback only.

use http_body_util::{BodyExt as _, Limited};
use serde_json::json;
use session_core::domain::secret::{SecretString, Sha256Hex};
use session_core::domain::token::refresh::RefreshToken;
use session_edge::cookies::{Cookies, REFRESH_PATH, authority};
use session_edge::{Settings, csrf};
use spin_sdk::http::{Method, Request, StatusCode};

use crate::{Reply, browser, json_reply, not_found, reply};

/// Longer than two tokens in a form.
const FORM_MAX_BYTES: usize = 16 * 1024;

/// How long the thief's browser keeps a cookie.
const AN_HOUR: std::time::Duration = std::time::Duration::from_secs(3600);

pub(crate) async fn answer(act: &str, request: Request) -> Reply {
    let host = authority(request.uri(), request.headers()).unwrap_or_default();
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) => (name, format!(":{port}")),
        None => (host.as_str(), String::new()),
    };
    if !matches!(name, "localhost" | "127.0.0.1") {
        return not_found();
    }
    // The thief's page is the other of the two names of this machine: another browser, as far as cookies go.
    let owner = format!("http://localhost{port}");
    let thief = format!("http://127.0.0.1{port}");
    let trusted: &[String] = match act {
        "paste" => std::slice::from_ref(&owner),
        _ => &[],
    };
    if csrf::is_forged(request.method(), request.uri(), request.headers(), trusted) {
        return json_reply(
            StatusCode::FORBIDDEN,
            &json!({ "message": "not from there" }),
        );
    }
    match (request.method(), act) {
        (&Method::GET, "token") => token(&request),
        (&Method::POST, "lose") => lose(&request).await,
        (&Method::POST, "copy") => copy(&request, &thief),
        (&Method::POST, "paste") => paste(request).await,
        (&Method::POST, act) if act.starts_with("browser/") => {
            let target = request.uri().path_and_query().map_or("", |it| it.as_str());
            let target = target
                .split_once("/browser")
                .map_or("", |(_, target)| target);
            browser::ask(target, &request, &cookies()).await
        }
        _ => not_found(),
    }
}

fn cookies() -> Cookies {
    Cookies::new(&Settings::default(), false)
}

/// Which refresh token this browser holds: its generation, and so much of its hash as tells it from others.
fn token(request: &Request) -> Reply {
    let token = cookies().refresh_token(request.headers());
    let shown = token.and_then(|token| {
        let (_, (_, generation)) = RefreshToken::place_unverified(token.expose())?;
        let hash = Sha256Hex::of(token.expose().as_bytes());
        Some(json!({ "generation": generation.0, "print": &hash.as_str()[..4] }))
    });
    json_reply(StatusCode::OK, &shown.unwrap_or_default())
}

/// Refreshes and loses the reply: the service has made new tokens, and the browser never hears of them.
async fn lose(request: &Request) -> Reply {
    let headers = browser::passed_on(request.headers());
    match browser::post(REFRESH_PATH, headers).await {
        Some(answer) if answer.status() == StatusCode::OK => json_reply(
            StatusCode::GATEWAY_TIMEOUT,
            &json!({ "message": "the reply was lost" }),
        ),
        Some(answer) => json_reply(
            answer.status(),
            &json!({ "message": "there was nothing to lose" }),
        ),
        None => browser::edge_is_away(),
    }
}

/// A page that hands both cookies over to the thief's browser by itself.
fn copy(request: &Request, thief: &str) -> Reply {
    let (cookies, headers) = (cookies(), request.headers());
    let access = cookies.access_tokens(headers);
    let (Some(access), Some(refresh)) = (access.first(), cookies.refresh_token(headers)) else {
        return json_reply(
            StatusCode::CONFLICT,
            &json!({ "message": "there is nothing to steal" }),
        );
    };
    let page = format!(
        "<!doctype html><html lang=en><meta charset=utf-8><title>Copying</title>\
         <form method=post action='{thief}/auth/session/refresh/demo/paste'>\
         <input type=hidden name=a value='{}'><input type=hidden name=r value='{}'>\
         <noscript><button>Paste them</button></noscript></form>\
         <script src='/static/hand-over.js'></script></html>",
        html(access),
        html(&refresh),
    );
    let mut page = reply(StatusCode::OK, "text/html; charset=utf-8", page);
    let no_store = "no-store".parse().expect("it is a header's value");
    page.headers_mut().insert("cache-control", no_store);
    page
}

/// A token as it may stand in a page: what is in a cookie may be anything.
fn html(token: &SecretString) -> String {
    let is_plain = |c: &char| c.is_ascii_alphanumeric() || "-_.".contains(*c);
    token.expose().chars().filter(is_plain).collect()
}

/// Stores the copied tokens in this browser.
async fn paste(request: Request) -> Reply {
    let body = Limited::new(request.into_body(), FORM_MAX_BYTES)
        .collect()
        .await;
    let body = body.map(|body| body.to_bytes()).unwrap_or_default();
    let field = |name: &str| {
        let mut fields = form_urlencoded::parse(&body);
        let value = fields.find(|(key, _)| key == name)?.1;
        Some(html(&SecretString::new(value)))
    };
    let (Some(access), Some(refresh)) = (field("a"), field("r")) else {
        return json_reply(
            StatusCode::BAD_REQUEST,
            &json!({ "message": "there is nothing to paste" }),
        );
    };
    let mut moved = reply(StatusCode::SEE_OTHER, "text/plain", "");
    let headers = moved.headers_mut();
    headers.insert("location", "/#stolen".parse().expect("it is a path"));
    headers.append("set-cookie", cookies().set_access(&access));
    headers.append("set-cookie", cookies().set_refresh(&refresh, AN_HOUR));
    moved
}
