//! Programs that somebody else wrote in Python, each installed once into a folder of its own under `target/`.

use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::Mutex;

/// The folder of programs of a virtual environment that has `requirement` (`name==version`), made if need be.
///
/// Panics with what the installation printed if it fails, without a network for example.
pub fn installed(requirement: &str) -> PathBuf {
    static INSTALLING: Mutex<()> = Mutex::new(());
    let _one_at_a_time = INSTALLING.lock().unwrap_or_else(|error| error.into_inner());
    let folder = testbed::workspace_root()
        .join("target/python")
        .join(requirement);
    let programs = folder.join("bin");
    // Written last, so that it says that the installation is whole.
    let stamp = folder.join("installed");
    if stamp.is_file() {
        return programs;
    }
    testbed::packages::ensure_python_venv().expect("Python can make virtual environments");
    succeed(Command::new("python3").args(["-m", "venv"]).arg(&folder));
    let pip = [
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
    ];
    succeed(
        Command::new(programs.join("python"))
            .args(pip)
            .arg(requirement),
    );
    std::fs::write(stamp, "").expect("the folder was just made");
    programs
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
        let output = succeed(command.arg("-c").arg(script).args(arguments));
        String::from_utf8(output.stdout).expect("the script prints UTF-8")
    };
    let task = tokio::task::spawn_blocking(run);
    task.await.expect("the script succeeds")
}

fn succeed(command: &mut Command) -> Output {
    let output = command.output().expect("python3 runs");
    assert!(
        output.status.success(),
        "{command:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    output
}
