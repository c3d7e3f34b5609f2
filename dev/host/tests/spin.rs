//! What guests and their callers see, as Spin 4.1 has it (crates/trigger-http in its repository): a small guest in a
//! real host.

#![expect(
    clippy::unwrap_used,
    reason = "a helper that fails is a test that fails"
)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use http_body_util::Empty;
use hyper_util::rt::{TokioExecutor, TokioIo};

static GUEST: LazyLock<()> = LazyLock::new(|| {
    let target = ["--release", "--target", "wasm32-wasip2"];
    let mut build = Command::new(env!("CARGO"));
    build.args(["build", "--locked", "-p", "dev-host-guest"]);
    assert!(build.args(target).status().unwrap().success());
});

struct Host {
    process: Child,
    address: String,
}

impl Host {
    fn start(arguments: &[&str]) -> Self {
        LazyLock::force(&GUEST);
        let mut process = Command::new(env!("CARGO_BIN_EXE_dev-host"))
            .args(["--from", concat!(env!("CARGO_MANIFEST_DIR"), "/guest")])
            .args(["--listen=127.0.0.1:0", "--state-dir="])
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut output = BufReader::new(process.stdout.take().unwrap());
        output.read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("Serving http://").unwrap();
        Self {
            address: address.to_owned(),
            process,
        }
    }

    /// All that it has logged; it ends with this.
    fn log(mut self) -> String {
        self.process.kill().unwrap();
        let mut log = String::new();
        let mut output = self.process.stderr.take().unwrap();
        output.read_to_string(&mut log).unwrap();
        log
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        _ = self.process.kill();
        _ = self.process.wait();
    }
}

fn exchange(host: &Host, request: &[u8]) -> String {
    let mut connection = TcpStream::connect(&host.address).unwrap();
    connection.write_all(request).unwrap();
    let mut reply = Vec::new();
    // A connection that is reset ends as well.
    _ = connection.read_to_end(&mut reply);
    String::from_utf8(reply).unwrap()
}

fn get(host: &Host, path: &str) -> String {
    let head = format!("GET {path} HTTP/1.1\r\nhost: a.example\r\nconnection: close\r\n\r\n");
    exchange(host, head.as_bytes())
}

#[test]
fn what_spin_has_no_reply_to_ends_the_connection() {
    let host = Host::start(&[]);
    for head in [
        "GET / HTTP/1.1\r\n",
        "GET / HTTP/1.0\r\n",
        "GET / HTTP/1.1\r\nhost: a b\r\n",
        "GET / HTTP/1.1\r\nhost: guest.spin.internal\r\n",
        "GET http://b.example/ HTTP/1.1\r\nhost: a.example\r\n",
    ] {
        let reply = exchange(&host, format!("{head}\r\n").as_bytes());
        assert_eq!(reply, "", "{head}");
    }
    let whole = "GET http://a.example/ HTTP/1.1\r\nhost: a.example\r\nconnection: close\r\n\r\n";
    assert!(exchange(&host, whole.as_bytes()).ends_with("\r\n\r\ntext"));
}

#[test]
fn what_fails_is_an_empty_500() {
    let host = Host::start(&[]);
    let not_text = b"GET / HTTP/1.1\r\nhost: a.example\r\nconnection: close\r\nx: \xff\r\n\r\n";
    for reply in [
        exchange(&host, not_text),
        // RFC 9110, section 7.6.1: what concerns one connection is the host's.
        get(&host, "/forbidden"),
        get(&host, "/trap"),
    ] {
        assert!(reply.starts_with("HTTP/1.1 500 "), "{reply}");
        assert!(reply.contains("\r\ncontent-length: 0\r\n"), "{reply}");
    }
    let longer = get(&host, "/longer");
    assert!(longer.is_empty() || longer.ends_with("text"), "{longer}");
    assert!(get(&host, "/").ends_with("text"));
}

#[test]
fn guests_see_no_header_of_a_connection() {
    let host = Host::start(&[]);
    let head = "GET /headers HTTP/1.1\r\nhost: a.example\r\nconnection: close, x\r\nkeep-alive: 1\r\naccept: a\r\n\r\n";
    let reply = exchange(&host, head.as_bytes());
    let names: Vec<_> = reply.lines().skip_while(|line| !line.is_empty()).collect();
    assert!(
        names.contains(&"accept") && names.contains(&"spin-path-info"),
        "{names:?}"
    );
    assert!(
        !names.contains(&"connection") && !names.contains(&"keep-alive"),
        "{names:?}"
    );
}

#[test]
fn a_reply_of_unknown_length_passes_with_a_warning() {
    let host = Host::start(&[]);
    let reply = get(&host, "/chunked");
    assert!(reply.contains("transfer-encoding: chunked"), "{reply}");
    let log = host.log();
    assert!(log.contains("warning: component 'guest'"), "{log}");
}

#[test]
fn an_address_that_is_not_allowed_is_an_error_of_the_guest() {
    let host = Host::start(&[]);
    let reply = get(&host, "/mysql");
    assert!(reply.starts_with("HTTP/1.1 200 "), "{reply}");
    assert!(
        reply.contains("db.example/name is not permitted"),
        "{reply}"
    );
    let log = host.log();
    assert!(
        log.contains("VIOLATION") && !log.contains("password"),
        "{log}"
    );
}

#[test]
fn what_is_spins_is_not_the_applications() {
    let host = Host::start(&[]);
    let health = get(&host, "/.well-known/spin/health");
    assert!(health.ends_with("\r\n\r\nOK"), "{health}");
    assert!(get(&host, "/.well-known/spin/x").starts_with("HTTP/1.1 404 "));
}

#[tokio::test]
async fn http_2_needs_no_tls() {
    let host = Host::start(&[]);
    let stream = tokio::net::TcpStream::connect(&host.address).await.unwrap();
    let stream = TokioIo::new(stream);
    let connected = hyper::client::conn::http2::handshake(TokioExecutor::new(), stream).await;
    let (mut sender, connection) = connected.unwrap();
    tokio::spawn(connection);
    let request =
        http::Request::get(format!("http://{}/", host.address)).body(Empty::<bytes::Bytes>::new());
    let reply = sender.send_request(request.unwrap()).await.unwrap();
    assert_eq!(
        (reply.status().as_u16(), reply.version()),
        (200, http::Version::HTTP_2)
    );
}

#[test]
fn timers_are_as_slow_as_they_are_told() {
    for times in [1, 10] {
        let host = Host::start(&["--slow-timers", &times.to_string()]);
        let started = Instant::now();
        assert!(get(&host, "/sleep").starts_with("HTTP/1.1 200 "));
        assert!(started.elapsed() >= times * Duration::from_millis(30));
    }
}
