//! Sites that others would write: on SuperTokens' own SDKs, unmodified, examples/backend and examples/verify, against the real wasm; and
//! a TypeScript client made from docs/openapi.yaml.
//!
//! What they need comes from npm and PyPI into `target/sdks`, once. Without network and without that folder the tests
//! fail, and name the package that is missing. The Go SDK's test is left out where there is no `go`, or where it can't have
//! the modules: from a proxy, or with `GO111MODULE=off` from the folders of `GOPATH`.

mod backend;
mod typescript;
mod verify;

use std::path::PathBuf;
use std::process::{ExitCode, Stdio};
use std::time::Duration;

use session_tests::harness::left_out;
use session_tests::prelude::*;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::Command;
use tokio::time::timeout;

const KEY: &str = "0123456789abcdef0123";
const NODE: [&str; 5] = [
    "supertokens-node@24.0.3",
    "express@5.1.0",
    "openapi-typescript@7.13.0",
    "typescript@5.9.3",
    "jose@6.2.18",
];
const PYTHON: [&str; 3] = [
    "supertokens-python==0.31.4",
    "flask==3.1.2",
    "pyjwt[crypto]",
];
const GO: &str = "\
module site
go 1.18
require github.com/supertokens/supertokens-golang v0.25.2
";

/// How long a site may take; machines that compile beside it are slow.
const PATIENCE: Duration = Duration::from_secs(600);

fn main() -> ExitCode {
    session_tests::harness::main()
}

fn service(place: &std::sync::Arc<Place>) -> session_tests::service::Setup {
    place.service().set("cdi", true).set("api_keys", KEY)
}

fn folder() -> PathBuf {
    testbed::workspace_root().join("target/sdks")
}

fn script(name: &str) -> PathBuf {
    testbed::workspace_root().join("tests/sdks").join(name)
}

/// Runs a program that must succeed.
async fn succeed(mut command: Command) {
    let output = timeout(PATIENCE, command.kill_on_drop(true).output())
        .await
        .unwrap_or_else(|_| panic!("{command:?} ends within {PATIENCE:?}"))
        .unwrap_or_else(|error| panic!("{command:?} starts: {error}"));
    assert!(
        output.status.success(),
        "{command:?}: {}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

/// One installation at a time.
static INSTALLING: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// The folder with the packages of [`NODE`].
async fn node_folder() -> PathBuf {
    let _turn = INSTALLING.lock().await;
    let own = folder().join("node");
    // Written last, so that it says that the installation is whole, and of which versions.
    let stamp = own.join("installed");
    let wanted = NODE.join(" ");
    if std::fs::read_to_string(&stamp).ok().as_ref() != Some(&wanted) {
        std::fs::create_dir_all(&own).expect("target can be written");
        let mut npm = Command::new("npm");
        npm.args(["install", "--no-audit", "--no-fund", "--prefix"]);
        npm.arg(&own).args(NODE);
        succeed(npm).await;
        std::fs::write(stamp, wanted).expect("target can be written");
    }
    own
}

async fn node_site(uri: &str) -> Command {
    let own = node_folder().await;
    let mut node = Command::new("node");
    node.arg(script("site.mjs")).args([uri, KEY]);
    node.env("SDK_FOLDER", own);
    node
}

/// The virtual environment with the packages of [`PYTHON`].
async fn python_folder() -> PathBuf {
    let _turn = INSTALLING.lock().await;
    let own = folder().join("python");
    let stamp = own.join("installed");
    let wanted = PYTHON.join(" ");
    if std::fs::read_to_string(&stamp).ok().as_ref() != Some(&wanted) {
        testbed::packages::ensure_python_venv().expect("Python can make a folder for the SDK");
        let mut venv = Command::new("python3");
        venv.args(["-m", "venv"]).arg(&own);
        succeed(venv).await;
        let mut pip = Command::new(own.join("bin/python"));
        pip.args(["-m", "pip", "install", "--quiet"]).args(PYTHON);
        succeed(pip).await;
        std::fs::write(stamp, wanted).expect("target can be written");
    }
    own
}

async fn python_site(uri: &str) -> Command {
    let mut site = Command::new(python_folder().await.join("bin/python"));
    site.arg(script("site.py")).args([uri, KEY]);
    site
}

/// The site in Go as a program, if it can be made here.
async fn go_site(uri: &str) -> Option<Command> {
    let _turn = INSTALLING.lock().await;
    let own = folder().join("go");
    std::fs::create_dir_all(&own).expect("target can be written");
    std::fs::copy(script("site.go"), own.join("site.go")).expect("target can be written");
    let go = async |arguments: &[&str]| {
        let mut go = Command::new("go");
        go.args(arguments).current_dir(&own).kill_on_drop(true);
        let output = timeout(PATIENCE, go.output()).await.ok()?.ok()?;
        output.status.success().then_some(output)
    };
    if go(&["env", "GO111MODULE"]).await?.stdout != b"off\n" {
        std::fs::write(own.join("go.mod"), GO).expect("target can be written");
        go(&["mod", "tidy"]).await?;
    }
    go(&["list", "-deps", "site.go"]).await?;
    let mut build = Command::new("go");
    build
        .args(["build", "-o", "site", "site.go"])
        .current_dir(&own);
    succeed(build).await;
    let mut site = Command::new(own.join("site"));
    site.args([uri, KEY]);
    Some(site)
}

#[test_on(sqlite)]
async fn go(db: Backend) {
    let service = service(&db.place().await).start().await;
    let uri = format!("http://{}", service.address());
    match go_site(&uri).await {
        Some(site) => succeed(site).await,
        None => left_out("needs Go and the modules of SuperTokens' SDK").await,
    }
}

#[test_on(sqlite)]
async fn node(db: Backend) {
    let service = service(&db.place().await).start().await;
    let uri = format!("http://{}", service.address());
    succeed(node_site(&uri).await).await;
}

#[test_on(sqlite)]
async fn python(db: Backend) {
    let service = service(&db.place().await).start().await;
    let uri = format!("http://{}", service.address());
    succeed(python_site(&uri).await).await;
}

/// The scenario whose requests go on.
const GO_ON: &str = "requests_go_on_while_keys_rotate_and_a_core_restarts";

/// A site in a scenario: each line to it asks for a round.
struct Rounds {
    child: tokio::process::Child,
    asked: tokio::io::Lines<BufReader<tokio::process::ChildStdout>>,
}

impl Rounds {
    async fn start(uri: &str, scenario: &str) -> Self {
        let mut command = node_site(uri).await;
        command
            .arg(scenario)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true);
        let mut child = command.spawn().expect("node starts");
        let asked = BufReader::new(child.stdout.take().expect("it is piped")).lines();
        let mut rounds = Self { child, asked };
        rounds.ready().await;
        rounds
    }

    /// Waits until the last round went well.
    async fn ready(&mut self) {
        let line = timeout(PATIENCE, self.asked.next_line()).await;
        let line = line.expect("a round takes less").expect("it is text");
        assert_eq!(line.as_deref(), Some("next"), "a round failed");
    }

    async fn round(&mut self) {
        self.send("round\n").await;
        self.ready().await;
    }

    async fn send(&mut self, line: &str) {
        let input = self.child.stdin.as_mut().expect("it is piped");
        input.write_all(line.as_bytes()).await.expect("it reads");
    }

    async fn end(mut self) {
        self.send("end\n").await;
        let status = timeout(PATIENCE, self.child.wait()).await;
        assert!(status.expect("it ends").expect("it ran").success());
    }
}

#[test_on(sqlite)]
async fn node_while_keys_rotate_and_a_core_restarts(db: Backend) {
    let place = db.place().await;
    let start = || {
        service(&place)
            .set("access_token_signing_key_update_interval", 1)
            .set("access_token_validity", 86_400)
    };
    let first = start().start().await;
    first.freeze().await;
    let address = first.address().to_owned();
    let mut rounds = Rounds::start(&format!("http://{address}"), GO_ON).await;
    let generations = || async { place.tables().signing_keys().await.len() };
    assert_eq!(generations().await, 1);
    for _ in 0..3 {
        first.advance(HOUR).await;
        rounds.round().await;
    }
    assert!(generations().await > 1, "the keys have rotated");
    drop(first);
    let again = start().argument("--listen", &address).start().await;
    again.freeze().await;
    again.advance(4 * HOUR).await;
    rounds.round().await;
    rounds.end().await;
}

#[test_on(sqlite)]
async fn node_with_two_cores_of_which_one_dies(db: Backend) {
    let place = db.place().await;
    let (one, two) = (service(&place).start().await, service(&place).start().await);
    let uri = format!("http://{};http://{}", one.address(), two.address());
    let mut rounds = Rounds::start(&uri, GO_ON).await;
    rounds.round().await;
    drop(one);
    rounds.round().await;
    rounds.round().await;
    rounds.end().await;
}

/// How long a site's user waits for nothing, and that an outage of a second is no failure (decision 17).
#[test_on(sqlite)]
async fn node_rides_over_an_outage(db: Backend) {
    let service = service(&db.place().await).start().await;
    let uri = format!("http://{}", service.address());
    let mut rounds = Rounds::start(&uri, "an_outage_is_ridden_over").await;
    service.database_away().await;
    rounds.send("for good\n").await;
    rounds.ready().await;
    rounds.send("for a second\n").await;
    // The SDK's pauses are on its own clock.
    tokio::time::sleep(Duration::from_secs(1)).await;
    service.database_back().await;
    rounds.ready().await;
    rounds.end().await;
}
