//! Programs that somebody else wrote in Python, each installed once into a folder of its own under `target/`.

use std::path::PathBuf;
use std::process::Command;

/// The folder of programs of a virtual environment that has `requirement` (`name==version`), made if need be.
pub fn installed(requirement: &str) -> PathBuf {
    testbed::packages::ensure_from_pypi(requirement).expect("PyPI has it")
}

/// PyJWT, with what it checks asymmetric signatures with.
pub const PYJWT: &str = "pyjwt[crypto]==2.15.1";

/// What a script prints that is run where `requirement` is installed. Panics with what it complained about if it fails.
pub async fn run(
    requirement: &'static str,
    script: &'static str,
    arguments: Vec<String>,
) -> String {
    let run = move || {
        let mut command = Command::new(installed(requirement).join("python"));
        command.arg("-c").arg(script).args(arguments);
        let output = command.output().expect("python3 runs");
        assert!(
            output.status.success(),
            "{command:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).expect("the script prints UTF-8")
    };
    let task = tokio::task::spawn_blocking(run);
    task.await.expect("the script succeeds")
}
