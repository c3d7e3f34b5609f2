//! examples/verify, in Node, Python and Go: tokens that are good, forged, revoked, and a service that is away.

use std::process::Stdio;

use session_tests::prelude::*;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

use super::{KEY, PATIENCE, folder, node_folder, python_folder};

fn example(file: &str) -> std::path::PathBuf {
    testbed::workspace_root().join("examples/verify").join(file)
}

#[test_on(sqlite)]
async fn in_node(db: Backend) {
    // Node looks for packages beside the file.
    let own = node_folder().await.join("verify.mjs");
    std::fs::copy(example("verify.mjs"), &own).expect("target can be written");
    let mut command = Command::new("node");
    command.arg(own);
    plays(db, command).await;
}

#[test_on(sqlite)]
async fn in_python(db: Backend) {
    let mut command = Command::new(python_folder().await.join("bin/python"));
    command.arg(example("verify.py"));
    plays(db, command).await;
}

#[test_on(sqlite)]
async fn in_go(db: Backend) {
    let program = folder().join("verify-go");
    let mut build = Command::new("go");
    build.args(["build", "-o"]).arg(&program).arg(".");
    let built = build.current_dir(example("go")).output().await;
    match built {
        Ok(output) if output.status.success() => plays(db, Command::new(program)).await,
        Ok(output) => {
            let text = String::from_utf8_lossy(&output.stderr);
            // Only what can't be had may be missing; what does not compile may not.
            assert!(
                text.contains("dial tcp") || text.contains("requires go"),
                "{text}"
            );
            eprintln!("skipped: Go can't have the module: {text}");
        }
        Err(_) => eprintln!("skipped: there is no Go on this machine"),
    }
}

async fn plays(db: Backend, program: Command) {
    let service = db.service().set("api_keys", KEY);
    let service = service.set("access_token_algorithm", "EdDSA").start().await;
    let (gone, stays) = (service.create("ada").await, service.create("eve").await);
    let child = service.child(&stays).await;
    let mut verifier = Verifier::start(program, &service);
    verifier.wait_for(&gone.access.value, "good ada").await;
    assert_eq!(verifier.ask(&stays.access.value).await, "good eve");
    // It has to be confirmed first.
    assert_eq!(verifier.ask(&child.access.value).await, "refused");
    let genuine = &gone.access.value;
    let (head, signature) = genuine.rsplit_once('.').expect("a token has three parts");
    let of_other = stays.access.value.rsplit_once('.').expect("three parts").1;
    for bad in [
        "",
        "x",
        &format!("{head}."),
        &format!("{head}.{of_other}"),
        &format!(".{signature}"),
    ] {
        assert_eq!(verifier.ask(bad).await, "refused", "{bad}");
    }
    service.revoke(&gone.handle).await;
    verifier.wait_for(genuine, "refused").await;
    assert_eq!(verifier.ask(&stays.access.value).await, "good eve");
    service.database_away().await;
    verifier.wait_for(&stays.access.value, "unavailable").await;
    service.database_back().await;
    verifier.wait_for(&stays.access.value, "good eve").await;
    assert_eq!(verifier.ask(genuine).await, "refused");
}

/// A running example.
struct Verifier {
    child: Child,
    answers: Lines<BufReader<ChildStdout>>,
}

impl Verifier {
    fn start(mut program: Command, service: &Service) -> Self {
        program
            .env("SESSIONS", format!("http://{}", service.address()))
            .env("KEY", KEY)
            .env("STALE", "3")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true);
        let mut child = program.spawn().expect("the example starts");
        let answers = BufReader::new(child.stdout.take().expect("it is piped")).lines();
        Self { child, answers }
    }

    async fn ask(&mut self, token: &str) -> String {
        let input = self.child.stdin.as_mut().expect("it is piped");
        let line = format!("{token}\n");
        input.write_all(line.as_bytes()).await.expect("it reads");
        let answer = timeout(PATIENCE, self.answers.next_line()).await;
        let answer = answer.expect("it answers in time").expect("it is text");
        answer.expect("it goes on")
    }

    /// Asks until this is the answer: the example reads once a second.
    async fn wait_for(&mut self, token: &str, answer: &str) {
        let asking = async {
            while self.ask(token).await != answer {
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            }
        };
        let waited = timeout(PATIENCE, asking).await;
        waited.unwrap_or_else(|_| panic!("never {answer}"));
    }
}
