//! The commands of docs/operations.md, run as they stand there.

use std::process::{Command, Stdio};

use session_tests::prelude::*;

const KEY: &str = "a-key-for-the-handbook";

#[test_on(mariadb)]
async fn the_commands_of_the_handbook_work(db: Backend) {
    let path = testbed::workspace_root().join("docs/operations.md");
    let handbook = std::fs::read_to_string(path).expect("the handbook is there");
    let blocks: Vec<_> = handbook
        .split("\n```sh\n")
        .skip(1)
        .map(|rest| rest.split("\n```").next().unwrap_or_default().to_owned())
        .collect();
    assert!(blocks.len() >= 10, "{} blocks", blocks.len());
    let service = db.service().set("api_keys", KEY).start().await;
    service.tick().await;
    for block in blocks {
        let mut command = Command::new("bash");
        command
            .args(["-c", &format!("{}\n{block}", prelude(db, &service))])
            .stdin(Stdio::null());
        let output = tokio::task::spawn_blocking(move || command.output())
            .await
            .expect("it does not panic")
            .expect("bash runs");
        let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
        assert!(
            output.status.success(),
            "{block}\n--- {}\n{}{}",
            output.status,
            text(&output.stdout),
            text(&output.stderr)
        );
    }
    // The last ones ended every session.
    assert_eq!(service.tables().session_count().await, 0);
}

/// What the handbook says that its commands use, for this service and its database.
fn prelude(db: Backend, service: &Service) -> String {
    let (server, name) = (db.server(), service.place().database_name());
    format!(
        "set -euo pipefail\n\
         SESSIONS=http://{}\n\
         KEY={KEY}\n\
         api() {{ curl -sS --fail-with-body -H \"api-key: $KEY\" -H 'content-type: application/json' \"$@\"; }}\n\
         sql() {{ mariadb --no-defaults --skip-ssl --table -h {} -P {} -u {} -p'{}' {name} \"$@\"; }}\n",
        service.address(),
        server.host(),
        server.port(),
        server.user(),
        server.password(),
    )
}
