//! The program as a shell sees it: what it refuses, how, and with which exit code.

#![expect(
    clippy::unwrap_used,
    reason = "a helper that fails is a test that fails"
)]

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

/// The smallest component there is: it imports and exports nothing.
const EMPTY_COMPONENT: &[u8] = b"\0asm\x0d\0\x01\0";

struct App(PathBuf);

impl App {
    fn new(name: &str, manifest: &str) -> Self {
        let folder =
            std::env::temp_dir().join(format!("dev-host-test-{}-{name}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("spin.toml"), manifest).unwrap();
        fs::write(folder.join("web.wasm"), EMPTY_COMPONENT).unwrap();
        Self(folder)
    }

    fn run(&self, arguments: &[&str]) -> (Option<i32>, String) {
        let Output {
            status,
            stderr,
            stdout,
        } = Command::new(env!("CARGO_BIN_EXE_dev-host"))
            .arg("--from")
            .arg(self.0.join("spin.toml"))
            .args(["--listen", "127.0.0.1:0"])
            .args(arguments)
            .env_remove("SPIN_VARIABLE_TOKEN")
            .output()
            .unwrap();
        assert!(stdout.is_empty());
        (status.code(), String::from_utf8(stderr).unwrap())
    }
}

impl Drop for App {
    fn drop(&mut self) {
        _ = fs::remove_dir_all(&self.0);
    }
}

const MANIFEST: &str = r#"
spin_manifest_version = 2
[application]
name = "app"
[variables]
token = { required = true }
[[trigger.http]]
route = "/..."
component = "web"
[component.web]
source = "web.wasm"
[component.web.variables]
token = "{{ token }}"
"#;

#[test]
fn wrong_arguments_end_with_two() {
    let (code, message) = App::new("arguments", MANIFEST).run(&["--colour"]);
    assert_eq!(code, Some(2));
    assert!(message.contains("--colour"), "{message}");
}

#[test]
fn a_manifest_that_is_not_there_or_not_toml_is_named() {
    let app = App::new("toml", "spin_manifest_version = ");
    let (code, message) = app.run(&[]);
    assert_eq!(code, Some(2));
    assert!(
        message.contains("spin.toml") && message.contains("line 1"),
        "{message}"
    );
    fs::remove_file(app.0.join("spin.toml")).unwrap();
    let (code, message) = app.run(&[]);
    assert_eq!(code, Some(2));
    assert!(message.contains("spin.toml"), "{message}");
}

#[test]
fn every_mistake_of_the_manifest_is_listed() {
    let manifest = MANIFEST
        .replace("web.wasm", "gone.wasm")
        .replace("{{ token }}", "{{ tokken }}");
    let (code, message) = App::new("mistakes", &manifest).run(&["--component", "nobody"]);
    assert_eq!(code, Some(2));
    assert!(message.contains("'token' is required"), "{message}");
    assert!(message.contains("no such component"), "{message}");
    let (_, message) = App::new("template", &manifest).run(&["--variable", "token=x"]);
    assert!(message.contains("gone.wasm does not exist"), "{message}");
    assert!(message.contains("unknown variable 'tokken'"), "{message}");
}

#[test]
fn a_component_that_serves_nothing_is_refused() {
    let app = App::new("empty", MANIFEST);
    let (code, message) = app.run(&["--variable", "token=x"]);
    assert_eq!(code, Some(2));
    assert!(
        message.contains("component 'web' is not an HTTP component"),
        "{message}"
    );
}

#[test]
fn what_the_cron_trigger_would_refuse_is_refused() {
    let manifest = format!(
        "{MANIFEST}\n[[trigger.cron]]\ncomponent = \"web\"\ncron_expression = \"0 0 * * * *\""
    );
    let app = App::new("cron", &manifest);
    let config = app.0.join("runtime-config.toml");
    fs::write(&config, "[outbound_mysql]\nmax_connections = 1").unwrap();
    let arguments = [
        "--variable",
        "token=x",
        "--runtime-config-file",
        config.to_str().unwrap(),
    ];
    let refused = "unused runtime config key(s): outbound_mysql";
    let (code, message) = app.run(&arguments);
    assert_eq!(code, Some(2));
    assert!(message.contains(refused), "{message}");
    let (_, message) = app.run(&[&arguments[..], &["--no-cron"]].concat());
    assert!(!message.contains(refused), "{message}");
}
