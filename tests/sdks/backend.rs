//! examples/backend, in Node and in Python, as a browser meets them.

use std::collections::HashMap;
use std::process::Stdio;

use session_tests::prelude::*;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use super::{KEY, PATIENCE, node_folder, python_folder};

#[test_on(sqlite)]
async fn in_node(db: Backend) {
    let mut command = Command::new("node");
    command.env("NODE_PATH", node_folder().await.join("node_modules"));
    plays(db, command, "server.js").await;
}

#[test_on(sqlite)]
async fn in_python(db: Backend) {
    let command = Command::new(python_folder().await.join("bin/python"));
    plays(db, command, "server.py").await;
}

async fn plays(db: Backend, program: Command, file: &str) {
    let service = db.service().set("api_keys", KEY).start().await;
    service.freeze().await;
    let (_site, address) = start(program, file, &service).await;
    let mut owner = Browser::new(&address);
    // Nobody is signed in, and a refresh says so.
    assert_eq!(owner.send("GET", "/me").await, 401);
    assert_eq!(owner.send("POST", "/refresh").await, 401);
    assert_eq!(owner.login("ada").await, 200);
    assert_eq!(owner.cookies.len(), 3);
    assert_eq!(owner.send("GET", "/me").await, 200);
    owner.from_another_site = true;
    assert_eq!(owner.send("POST", "/logout").await, 403);
    owner.from_another_site = false;

    // The access token expires; a child is confirmed on its first use, and its cookie replaced.
    service.advance(HOUR).await;
    assert_eq!(owner.send("GET", "/me").await, 401);
    assert_eq!(owner.cookies.len(), 3);
    assert_eq!(owner.send("POST", "/refresh").await, 200);
    let child = owner.cookies["__Host-access"].clone();
    assert_eq!(owner.send("GET", "/me").await, 200);
    assert_ne!(owner.cookies["__Host-access"], child);

    // An outage signs nobody out.
    service.database_away().await;
    assert_eq!(owner.send("POST", "/refresh").await, 503);
    assert_eq!(owner.cookies.len(), 3);
    service.database_back().await;

    // Two parties refresh one token, minutes apart.
    let mut thief = owner.clone();
    service.advance(5 * MINUTE).await;
    assert_eq!(owner.send("POST", "/refresh").await, 200);
    assert_eq!(owner.send("GET", "/me").await, 200);
    service.advance(5 * MINUTE).await;
    assert_eq!(thief.send("POST", "/refresh").await, 401);
    assert!(thief.cookies.is_empty());
    assert_eq!(thief.body, r#"{"error":"token_theft"}"#);
    assert_eq!(owner.send("POST", "/refresh").await, 401);
    assert!(owner.cookies.is_empty());

    assert_eq!(owner.login("ada").await, 200);
    let copy = owner.clone();
    assert_eq!(owner.send("POST", "/logout").await, 200);
    assert!(owner.cookies.is_empty());
    assert_eq!({ copy }.send("POST", "/refresh").await, 401);
}

async fn start(mut program: Command, file: &str, service: &Service) -> (Child, String) {
    let folder = testbed::workspace_root().join("examples/backend");
    program
        .arg(folder.join(file))
        .env("SESSIONS", format!("http://{}", service.address()))
        .env("KEY", KEY)
        .env("PORT", "0")
        .stdout(Stdio::piped())
        .kill_on_drop(true);
    let mut site = program.spawn().expect("the site starts");
    let mut lines = BufReader::new(site.stdout.take().expect("it is piped")).lines();
    let line = timeout(PATIENCE, lines.next_line()).await;
    let address = line.expect("it starts in time").expect("it is text");
    (site, address.expect("it prints its address"))
}

/// Keeps cookies by name, with their paths.
#[derive(Clone)]
struct Browser {
    http: reqwest::Client,
    address: String,
    cookies: HashMap<String, (String, String)>,
    from_another_site: bool,
    body: String,
}

impl Browser {
    fn new(address: &str) -> Self {
        Self {
            http: reqwest::Client::new(),
            address: address.to_owned(),
            cookies: HashMap::new(),
            from_another_site: false,
            body: String::new(),
        }
    }

    async fn login(&mut self, user: &str) -> u16 {
        let body = format!(r#"{{"user":"{user}"}}"#);
        self.request("POST", "/login", body).await
    }

    async fn send(&mut self, method: &str, path: &str) -> u16 {
        self.request(method, path, String::new()).await
    }

    async fn request(&mut self, method: &str, path: &str, body: String) -> u16 {
        let sent = self
            .cookies
            .iter()
            .filter(|(_, (_, of))| path.starts_with(&**of));
        let sent: Vec<_> = sent
            .map(|(name, (value, _))| format!("{name}={value}"))
            .collect();
        let site = match self.from_another_site {
            true => "cross-site",
            false => "same-origin",
        };
        let request = self
            .http
            .request(
                method.parse().expect("a method"),
                format!("{}{path}", self.address),
            )
            .header("content-type", "application/json")
            .header("sec-fetch-site", site)
            .header("cookie", sent.join("; "))
            .body(body);
        let reply = request.send().await.expect("the site answers");
        for cookie in reply.headers().get_all("set-cookie") {
            self.keep(cookie.to_str().expect("it is text"));
        }
        let status = reply.status().as_u16();
        let body = reply.text().await.expect("it is text");
        self.body = body.split_whitespace().collect();
        status
    }

    fn keep(&mut self, cookie: &str) {
        let (pair, attributes) = cookie.split_once("; ").expect("it has attributes");
        let (name, value) = pair.split_once('=').expect("it has a value");
        assert!(
            attributes.contains("Secure") && attributes.contains("SameSite=Lax"),
            "{cookie}"
        );
        assert_eq!(
            attributes.contains("HttpOnly"),
            name != "__Host-id",
            "{cookie}"
        );
        let path = attributes
            .split("; ")
            .find_map(|attribute| attribute.strip_prefix("Path="));
        match value {
            "" => drop(self.cookies.remove(name)),
            value => {
                let path = path.expect("it has a path").to_owned();
                self.cookies
                    .insert(name.to_owned(), (value.to_owned(), path));
            }
        }
    }
}
