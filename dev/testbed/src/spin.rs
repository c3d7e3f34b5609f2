//! Spin on this machine: whether it is there, which manifest it can run, and whether it can run the scheduled
//! component.

use std::{path::PathBuf, process::Command};

use crate::process::find_program;

/// The first version that can run a part of an application (`-c`).
const NEEDED: (u64, u64) = (3, 0);

/// The first version that runs components of WASI 0.3, and knows the limit in [`HTTP_RUNTIME_CONFIG`].
const WASI03: (u64, u64) = (4, 1);

/// A runtime configuration for the HTTP component alone: every trigger is given the file, and that of the scheduled
/// component ends at a key that it does not know.
pub const HTTP_RUNTIME_CONFIG: &str = "runtime-config.http.toml";

/// The plugin that the scheduled component's trigger comes from.
pub const CRON_PLUGIN: &str = "trigger-cron";

/// A Spin that can be used.
#[derive(Clone, Debug, PartialEq)]
pub struct Spin {
    /// Its program.
    pub path: PathBuf,
    /// As it says itself.
    pub version: String,
    /// Whether it runs components of WASI 0.3.
    pub has_wasi03: bool,
}

/// Whether Spin can be used.
#[derive(Debug, PartialEq)]
pub enum Found {
    /// Yes.
    Usable(Spin),
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

impl Spin {
    /// The manifest for it.
    pub fn manifest(&self) -> &'static str {
        match self.has_wasi03 {
            true => "spin.toml",
            false => "spin-wasi02.toml",
        }
    }

    /// Whether the cron trigger's plugin is installed.
    pub fn has_cron_plugin(&self) -> bool {
        output(Command::new(&self.path).args(["plugins", "list", "--installed"]))
            .is_some_and(|text| lists_cron_plugin(&text))
    }
}

fn judge(path: PathBuf, text: &str) -> Found {
    match version(text) {
        Some((major, minor, version)) if (major, minor) >= NEEDED => Found::Usable(Spin {
            path,
            version,
            // A pre-release of 4.1 has what is needed.
            has_wasi03: (major, minor) >= WASI03,
        }),
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
    fn every_version_has_its_manifest() {
        let (new, old) = (Some("spin.toml"), Some("spin-wasi02.toml"));
        for (text, manifest) in [
            ("spin 4.1.0 (abcdef0 2026-08-01)", new),
            ("spin 4.1.0-pre0 (abcdef0 2026-08-01)\n", new),
            ("spin 4.10.2", new),
            ("spin 5.0.0", new),
            ("spin 4.0.9 (abcdef0 2026-05-01)", old),
            ("spin 3.5.1 (abcdef0 2025-10-01)", old),
            ("spin 3.0.0", old),
            ("spin 2.7.0", None),
            ("Spin Version 6.5.2 -- 6 December 2019", None),
            ("spin", None),
            ("", None),
        ] {
            let chosen = match judge("/bin/spin".into(), text) {
                Found::Usable(spin) => Some(spin.manifest()),
                Found::Unusable(_) => None,
            };
            assert_eq!(chosen, manifest, "{text}");
        }
    }

    #[test]
    fn an_old_version_is_named() {
        let Found::Unusable(why) = judge("/bin/spin".into(), "spin 2.7.1 (abcdef0)") else {
            panic!("usable");
        };
        assert_eq!(why, "spin 2.7.1 is older than 3.0");
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
