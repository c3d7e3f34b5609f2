//! docs/openapi.yaml and a program that reads nothing else: schemathesis makes requests from it, right and wrong
//! ones, and looks whether the replies are as it says.
//!
//! Every reply of the other tests is held against it, too: `tests/support/openapi.rs`.

use std::process::Command;

use session_tests::prelude::*;
use session_tests::python;

/// So many requests are made up for each call, the same each time, however fast the machine is.
const EXAMPLES: &str = "80";

const KEY: &str = "a-key-for-schemathesis";

/// The calls that need an `idRefreshToken` take more than the document's types, as it says beside them:
/// schemathesis would expect an error.
const LENIENT: &str = r#"
[[operations]]
include-operation-id = ["verifySession", "refreshSession", "bindSession", "reauthenticateSession"]
checks.negative_data_rejection.enabled = false

# No schema says that a time is at most a minute ahead, or how many bytes the text of `client` may have.
[[operations]]
include-operation-id = ["createSession", "reauthenticateSession", "verifySession", "refreshSession"]
checks.positive_data_acceptance.enabled = false
"#;

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
    let lenient = testbed::workspace_root().join("target/schemathesis.toml");
    std::fs::write(&lenient, LENIENT).expect("target can be written");
    command
        .arg("--config-file")
        .arg(lenient)
        .arg("run")
        .arg(testbed::workspace_root().join("docs/openapi.yaml"))
        .args(["--url", &format!("http://{}", service.address())])
        .args(["--header", &format!("api-key: {KEY}")])
        .args(["--seed", "1", "--max-examples", EXAMPLES])
        .current_dir(testbed::workspace_root().join("target"));
    let output = tokio::task::spawn_blocking(move || command.output())
        .await
        .expect("it does not panic")
        .expect("it runs");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}");
    assert!(text.contains("No issues found"), "{text}");
}

const GENERATOR: &str = "openapi-python-client==0.28.4";

const ASSERTIONS: &str = r#"
import sys, typing
sys.path.insert(0, sys.argv[1])
from client import models

def types(name):
    model = getattr(models, name)
    return typing.get_type_hints(model, {**vars(sys.modules[model.__module__]), **vars(models)})

for call, token in ("VerifySessionBody", "access_token"), ("RefreshSessionBody", "refresh_token"):
    assert types(call)[token] is str and types(call)["id_refresh_token"] is str, types(call)
for token in "access_token", "refresh_token", "id_refresh_token":
    assert types("Created")[token] is models.Token, types("Created")
assert types("Token")["value"] is str and types("Token")["expires"] is int
reply = {"message": "m", "status": "UNAUTHORISED", "sessionTheftDetected":
         {"value": True, "session": {"handle": "h", "userId": "bob"}}}
theft = models.NotRefreshed.from_dict(reply).session_theft_detected
assert isinstance(theft, models.Theft) and theft.session.user_id == "bob", theft
reply["sessionTheftDetected"] = {"value": False}
assert isinstance(models.NotRefreshed.from_dict(reply).session_theft_detected, models.NoTheft)
"#;

#[test_on(once)]
async fn a_generated_python_client_has_types_for_tokens_and_thefts(_: Backend) {
    let folder = testbed::workspace_root().join("target/openapi-python");
    std::fs::create_dir_all(&folder).expect("target can be written");
    let generate = move || {
        let programs = python::installed(GENERATOR);
        let mut command = Command::new(programs.join("openapi-python-client"));
        command
            // It formats what it writes with a program that comes with it.
            .env("PATH", programs)
            .args(["generate", "--meta", "none", "--overwrite", "--path"])
            .arg(testbed::workspace_root().join("docs/openapi.yaml"))
            .arg("--output-path")
            .arg(folder.join("client"));
        let output = command.output().expect("it starts");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{text}");
        folder.display().to_string()
    };
    let folder = tokio::task::spawn_blocking(generate).await;
    python::run(GENERATOR, ASSERTIONS, vec![folder.expect("it generates")]).await;
}
