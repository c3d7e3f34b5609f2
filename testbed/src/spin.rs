//! Spin on this machine: whether it is there, recent enough, and able to run the scheduled component.

use std::{path::PathBuf, process::Command};

use crate::process::find_program;

/// The first version that runs WASI 0.3 components.
const NEEDED: (u64, u64) = (4, 1);

/// The plugin that the scheduled component's trigger comes from.
pub const CRON_PLUGIN: &str = "trigger-cron";

/// Whether Spin can be used.
#[derive(Debug, PartialEq)]
pub enum Found {
    /// Yes: its path and version.
    Usable(PathBuf, String),
    /// No, and why.
    Unusable(String),
}

/// Looks for Spin on the `PATH`.
pub fn find() -> Found {
    let Some(path) = find_program("spin") else {
        return Found::Unusable("no spin on the PATH".to_owned());
    };
    match output(Command::new(&path).arg("--version")) {
        Some(text) => judge(path, &text),
        None => Found::Unusable(format!("{} --version failed", path.display())),
    }
}

/// Whether the cron trigger's plugin is installed.
pub fn has_cron_plugin(spin: &PathBuf) -> bool {
    output(Command::new(spin).args(["plugins", "list", "--installed"]))
        .is_some_and(|text| lists_cron_plugin(&text))
}

fn judge(path: PathBuf, text: &str) -> Found {
    match version(text) {
        // A pre-release of 4.1 has what is needed.
        Some((major, minor, full)) if (major, minor) >= NEEDED => Found::Usable(path, full),
        Some((_, _, full)) => Found::Unusable(format!(
            "spin {full} is older than {}.{}",
            NEEDED.0, NEEDED.1
        )),
        None => Found::Unusable(format!("{} is not the Spin of WebAssembly", path.display())),
    }
}

/// From `spin 4.1.0 (abcdef0 2026-08-01)`. Another program of this name prints something else.
fn version(text: &str) -> Option<(u64, u64, String)> {
    let mut words = text.split_whitespace();
    if words.next() != Some("spin") {
        return None;
    }
    let full = words.next()?;
    let mut numbers = full.split(['.', '-', '+']);
    let major = numbers.next()?.parse().ok()?;
    let minor = numbers.next()?.parse().ok()?;
    Some((major, minor, full.to_owned()))
}

fn lists_cron_plugin(text: &str) -> bool {
    text.lines()
        .any(|line| line.split_whitespace().next() == Some(CRON_PLUGIN))
}

fn output(command: &mut Command) -> Option<String> {
    let output = command
        .output()
        .ok()
        .filter(|output| output.status.success())?;
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_from_4_1_on_are_usable() {
        for (text, usable) in [
            ("spin 4.1.0 (abcdef0 2026-08-01)", true),
            ("spin 4.1.0-pre0 (abcdef0 2026-08-01)\n", true),
            ("spin 4.10.2", true),
            ("spin 5.0.0", true),
            ("spin 4.0.9 (abcdef0 2026-05-01)", false),
            ("spin 3.5.1 (abcdef0 2025-10-01)", false),
            ("Spin Version 6.5.2 -- 6 December 2019", false),
            ("spin", false),
            ("", false),
        ] {
            let found = judge("/bin/spin".into(), text);
            assert_eq!(
                matches!(found, Found::Usable(..)),
                usable,
                "{text}: {found:?}"
            );
        }
    }

    #[test]
    fn an_old_version_is_named() {
        let Found::Unusable(why) = judge("/bin/spin".into(), "spin 3.5.1 (abcdef0)") else {
            panic!("usable");
        };
        assert_eq!(why, "spin 3.5.1 is older than 4.1");
    }

    #[test]
    fn the_plugin_is_recognised_by_its_whole_name() {
        assert!(lists_cron_plugin(
            "cloud 0.11.0 [installed]\ntrigger-cron 0.3.0 [installed]\n"
        ));
        assert!(!lists_cron_plugin("trigger-cron-more 0.3.0 [installed]\n"));
        assert!(!lists_cron_plugin("No plugins found\n"));
    }
}
