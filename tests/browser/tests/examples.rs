//! The examples, run as their READMEs say, by a client that keeps cookies.

#![expect(clippy::unwrap_used, reason = "all of this is a test")]

use std::{
    fs,
    net::TcpListener,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use reqwest::{Client, Response, StatusCode, header, redirect};
use testbed::{folder::TempFolder, packages, process, service::ServiceProcess, workspace_root};

/// A browser as far as cookies go, which keeps them by hand: name, path, value.
struct Visitor {
    client: Client,
    site: String,
    jar: Vec<(String, String, String)>,
}

impl Visitor {
    fn new(site: &str) -> Self {
        let client = Client::builder()
            .no_proxy()
            .redirect(redirect::Policy::none());
        Self {
            client: client.build().unwrap(),
            site: site.to_owned(),
            jar: Vec::new(),
        }
    }

    async fn send(&mut self, method: &str, path: &str, headers: &[(&str, &str)]) -> Response {
        let method = method.parse().unwrap();
        let mut request = self.client.request(method, format!("{}{path}", self.site));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let fitting = self
            .jar
            .iter()
            .filter(|(_, of, _)| path.starts_with(of.as_str()));
        let cookies: Vec<_> = fitting
            .map(|(name, _, value)| format!("{name}={value}"))
            .collect();
        if !cookies.is_empty() {
            request = request.header(header::COOKIE, cookies.join("; "));
        }
        let response = request.send().await.unwrap();
        for cookie in response.headers().get_all(header::SET_COOKIE) {
            let cookie = cookie.to_str().unwrap();
            let mut parts = cookie.split("; ");
            let (name, value) = parts.next().unwrap().split_once('=').unwrap();
            let path = parts.find_map(|part| part.strip_prefix("Path=")).unwrap();
            self.jar.retain(|(of, _, _)| of != name);
            if !cookie.contains("Max-Age=0") {
                self.jar
                    .push((name.to_owned(), path.to_owned(), value.to_owned()));
            }
        }
        response
    }

    async fn get(&mut self, path: &str) -> (u16, String) {
        let response = self.send("GET", path, &[]).await;
        (response.status().as_u16(), response.text().await.unwrap())
    }

    async fn post(&mut self, path: &str) -> StatusCode {
        self.send("POST", path, &[]).await.status()
    }
}

/// What the examples do.
async fn lives_a_session(site: &str, service: &ServiceProcess) {
    let mut visitor = Visitor::new(site);
    let (status, page) = visitor.get("/").await;
    assert_eq!(status, 200);
    assert!(page.contains("/auth/client.js"));
    assert!(
        visitor
            .get("/auth/client.js")
            .await
            .1
            .contains("export function session")
    );
    assert_eq!(visitor.get("/me").await.0, 401);
    let root = [
        ("x-session-user-id", "root"),
        ("x_session_user_id", "root"),
        ("x-session-payload", "eyJyb2xlIjoicm9vdCJ9"),
        ("connection", "x-session-user-id"),
    ];
    assert_eq!(visitor.send("GET", "/me", &root).await.status(), 401);

    let login = visitor.send("POST", "/login", &[]).await;
    assert_eq!(login.status(), 200);
    assert!(login.headers().contains_key("front-token"));
    assert!(!login.headers().contains_key("x-session-create"));
    assert_eq!(visitor.jar.len(), 2);
    let (status, me) = visitor.get("/me").await;
    let ada = r#"{"role":"admin","user":"ada"}"#;
    assert_eq!((status, me.replace(' ', "").as_str()), (200, ada));
    let forged = visitor.send("GET", "/me", &root).await.text().await;
    assert_eq!(forged.unwrap().replace(' ', ""), ada);

    for _ in 0..2 {
        service
            .control()
            .expect("the development host has one")
            .advance_ms(3_600_000)
            .await
            .unwrap();
        assert_eq!(visitor.get("/me").await.0, 401);
        assert_eq!(visitor.post("/auth/session/refresh").await, 200);
        let before = visitor.jar.clone();
        assert_eq!(visitor.get("/me").await.0, 200);
        assert_ne!(
            visitor.jar, before,
            "the child is confirmed, and its access token replaced"
        );
    }
    let cross = [("sec-fetch-site", "cross-site")];
    assert_eq!(visitor.send("POST", "/me", &cross).await.status(), 403);
    assert_eq!(visitor.send("GET", "/me", &cross).await.status(), 200);
    assert_eq!(visitor.post("/auth/signout").await, 200);
    assert!(visitor.jar.is_empty());
    assert_eq!(visitor.get("/me").await.0, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn gateway() {
    let service = ServiceProcess::builder()
        .manifest("examples/gateway/spin.toml")
        .start()
        .unwrap();
    lives_a_session(service.url(), &service).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn middleware() {
    let service = ServiceProcess::builder()
        .manifest("examples/middleware/spin.toml")
        .start()
        .unwrap();
    lives_a_session(service.url(), &service).await;
}

/// Spin traps a call to what middleware does not inherit, at the first request. Here it is said at the start.
#[test]
fn middleware_that_inherits_too_little_is_refused() {
    let text = fs::read_to_string(workspace_root().join("examples/middleware/spin.toml")).unwrap();
    let target = workspace_root().join("target");
    let text = text.replace("../../target", target.to_str().unwrap());
    let folder = TempFolder::new().unwrap();
    let file = folder.path().join("spin.toml");
    for (inherits, missing) in [
        (
            "[\"variables\"]",
            "wasi:http/client@0.3.0, but does not inherit allowed_outbound_hosts",
        ),
        ("[\"allowed_outbound_hosts\"]", "does not inherit variables"),
    ] {
        fs::write(
            &file,
            text.replace("[\"allowed_outbound_hosts\", \"variables\"]", inherits),
        )
        .unwrap();
        let started = ServiceProcess::builder().manifest(&file).start();
        let error = format!("{:#}", started.err().expect("it does not start"));
        assert!(error.contains(missing), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nginx() {
    packages::ensure(packages::NGINX).unwrap();
    let key = "0123456789abcdef0123456789abcdef";
    let service = ServiceProcess::builder()
        .manifest("examples/nginx/spin.toml")
        .variable("session_api_key", key)
        .start()
        .unwrap();
    let (site, public) = (free_port(), free_port());
    let _site = Program::start(
        Command::new("python3")
            .arg(workspace_root().join("examples/nginx/site.py"))
            .arg(site.to_string())
            .env("EDGE", service.url())
            .env("SESSION_API_KEY", key),
        site,
    )
    .await;
    let folder = TempFolder::new().unwrap();
    let file = folder.path().join("nginx.conf");
    let edge = service.url().trim_start_matches("http://");
    let text = fs::read_to_string(workspace_root().join("examples/nginx/nginx.conf")).unwrap();
    let text = text
        .replace("127.0.0.1:3000", edge)
        .replace("127.0.0.1:8000", &format!("127.0.0.1:{site}"))
        .replace("127.0.0.1:8080", &format!("127.0.0.1:{public}"));
    fs::write(&file, text).unwrap();
    // As root nginx becomes another user, who may not enter this folder.
    let who = if process::is_root() { "user root;" } else { "" };
    let mut nginx =
        Command::new(process::find_program("nginx").unwrap_or_else(|| "/usr/sbin/nginx".into()));
    nginx
        .arg("-p")
        .arg(folder.path())
        .arg("-c")
        .arg(&file)
        .args(["-g", &format!("daemon off; {who}")]);
    let _nginx = Program::start(&mut nginx, public).await;

    let address = format!("http://127.0.0.1:{public}");
    lives_a_session(&address, &service).await;
    let mut stranger = Visitor::new(&address);
    assert_eq!(stranger.post("/auth/session").await, 404);
    assert_eq!(stranger.get("/auth/check").await.0, 404);
}

/// A program that listens, and ends with the test.
struct Program(Child);

impl Program {
    async fn start(command: &mut Command, port: u16) -> Self {
        let mut own = Command::new(command.get_program());
        own.args(command.get_args()).stdin(Stdio::null());
        for (name, value) in command.get_envs() {
            own.env(name, value.unwrap_or_default());
        }
        let program = Self(process::spawn(own).unwrap());
        let end = Instant::now() + Duration::from_secs(20);
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(Instant::now() < end, "nobody listens on port {port}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        program
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        process::kill_group(&mut self.0);
    }
}

fn free_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0))
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

/// What a component imports stands in its file by name.
#[test]
fn the_edge_imports_no_database() {
    testbed::build::edge().unwrap();
    testbed::build::components().unwrap();
    let imports = |package: &str, interface: &str| {
        let bytes = fs::read(testbed::build::component_file(package)).unwrap();
        let mut windows = bytes.windows(interface.len());
        windows.any(|window| window == interface.as_bytes())
    };
    for database in ["spin:sqlite/sqlite", "spin:mysql/mysql"] {
        assert!(imports("session-http", database));
        for edge in ["session-edge-gateway", "session-edge-middleware"] {
            assert!(!imports(edge, database), "{edge}: {database}");
        }
    }
}
