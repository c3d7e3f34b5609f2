//! docs/openapi.yaml and a program that reads nothing else: schemathesis makes requests from it, right and wrong
//! ones, and looks whether the replies are as it says.
//!
//! Every reply of the other tests is held against it, too: `tests/support/openapi.rs`.

use std::process::Command;

use session_tests::prelude::*;
use session_tests::python;

/// A run has this many seconds, and begins with the same requests each time.
const SECONDS: &str = "25";

const KEY: &str = "a-key-for-schemathesis";

#[test_on(sqlite)]
async fn schemathesis_finds_nothing(db: Backend) {
    // With everything that a setting brings.
    let service = db
        .service()
        .set("api_keys", KEY)
        .set("access_token_algorithm", "EdDSA")
        .set("maintenance_endpoint", true)
        .set("maintenance_endpoint_time_budget", 1)
        .start()
        .await;
    let mut command = Command::new(python::installed("schemathesis==4.32.5").join("schemathesis"));
    command
        .arg("run")
        .arg(testbed::workspace_root().join("docs/openapi.yaml"))
        .args(["--url", &format!("http://{}", service.address())])
        .args(["--header", &format!("api-key: {KEY}")])
        .args(["--checks", "all", "--seed", "1", "--max-time", SECONDS])
        .current_dir(testbed::workspace_root().join("target"));
    let output = tokio::task::spawn_blocking(move || command.output())
        .await
        .expect("it does not panic")
        .expect("it runs");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}");
    assert!(text.contains("No issues found"), "{text}");
}
