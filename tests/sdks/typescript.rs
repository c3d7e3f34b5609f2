//! Types that openapi-typescript makes from docs/openapi.yaml, as a caller uses them.

use session_tests::prelude::*;
use tokio::process::Command;

use super::{folder, node_folder, script, succeed};

#[test_on(once)]
async fn generated_types_are_those_of_tokens_and_thefts(_: Backend) {
    let programs = node_folder().await.join("node_modules/.bin");
    let own = folder().join("typescript");
    std::fs::create_dir_all(&own).expect("target can be written");
    let mut generate = Command::new(programs.join("openapi-typescript"));
    let document = testbed::workspace_root().join("docs/openapi.yaml");
    generate
        .arg(document)
        .arg("--output")
        .arg(own.join("api.ts"));
    succeed(generate).await;
    let caller = own.join("caller.ts");
    std::fs::copy(script("caller.ts"), &caller).expect("target can be written");
    let mut check = Command::new(programs.join("tsc"));
    check
        .args(["--noEmit", "--strict", "--skipLibCheck"])
        .arg(caller);
    succeed(check).await;
}
