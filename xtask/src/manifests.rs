//! `cargo xtask manifests`: writes the variables into spin.toml from the table of settings, and makes
//! spin-wasi02.toml from spin.toml.
//!
//! Everything else in spin.toml is written by hand.

use std::fmt::Write as _;

use anyhow::{Context, Result, ensure};
use session::domain::config::{NeededBy, SETTINGS};
use testbed::workspace_root;

/// For Spin 4.1 or later.
const MANIFEST: &str = "spin.toml";

/// For every Spin.
const WASI02: &str = "spin-wasi02.toml";

/// The component that has what the HTTP trigger doesn't need to know left out.
const SCHEDULED: &str = "session-maintenance";

/// Where the second manifest differs from the first.
const DIFFERENCES: [(&str, &str); 3] = [
    ("session_http.wasm", "session_http_wasi02.wasm"),
    (
        "--package session-http\"",
        "--package session-http-wasi02\"",
    ),
    ("components/http/**", "components/http-wasi02/**"),
];

const WASI02_COMMENT: &str = "\
# For Spin before 4.1, and hosts that embed one: as spin.toml, with the HTTP component for WASI 0.2.
# Made by `cargo xtask manifests`; change spin.toml instead.
";

/// Writes both.
pub(crate) fn run() -> Result<()> {
    let path = workspace_root().join(MANIFEST);
    let manifest = std::fs::read_to_string(&path).context("failed to read spin.toml")?;
    let manifest = with_variables(&manifest)?;
    let wasi02 = for_wasi02(&manifest)?;
    std::fs::write(path, manifest).context("failed to write spin.toml")?;
    std::fs::write(workspace_root().join(WASI02), wasi02)
        .context("failed to write spin-wasi02.toml")
}

/// Replaces the lines of each section of variables.
fn with_variables(manifest: &str) -> Result<String> {
    let mut result = String::new();
    let mut lines = manifest.lines().peekable();
    let mut sections = 0;
    while let Some(line) = lines.next() {
        result.push_str(line);
        result.push('\n');
        let component = line
            .strip_prefix("[component.")
            .and_then(|rest| rest.strip_suffix(".variables]"));
        if line != "[variables]" && component.is_none() {
            continue;
        }
        sections += 1;
        while lines.next_if(|line| !line.is_empty()).is_some() {}
        for setting in SETTINGS {
            let (name, default) = (setting.name, setting.default);
            let secret = if setting.is_secret() {
                ", secret = true"
            } else {
                ""
            };
            match component {
                None => writeln!(result, "{name} = {{ default = \"{default}\"{secret} }}")?,
                Some(SCHEDULED) if setting.needed_by == NeededBy::Http => {}
                Some(_) => writeln!(result, "{name} = \"{{{{ {name} }}}}\"")?,
            }
        }
    }
    ensure!(
        sections == 3,
        "spin.toml has {sections} sections of variables, not 3"
    );
    Ok(result)
}

fn for_wasi02(manifest: &str) -> Result<String> {
    let mut result = format!("{WASI02_COMMENT}{manifest}");
    for (first, second) in DIFFERENCES {
        ensure!(
            manifest.matches(first).count() == 1,
            "spin.toml should say {first} once"
        );
        result = result.replace(first, second);
    }
    Ok(result)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &str) -> String {
        std::fs::read_to_string(workspace_root().join(name)).unwrap()
    }

    #[test]
    fn the_manifests_are_as_made() {
        let manifest = read(MANIFEST);
        let made = with_variables(&manifest).unwrap();
        assert!(manifest == made, "run cargo xtask manifests: {made}");
        let made = for_wasi02(&manifest).unwrap();
        assert!(read(WASI02) == made, "run cargo xtask manifests: {made}");
    }

    #[test]
    fn what_is_written_by_hand_stays() {
        let manifest = read(MANIFEST);
        let outdated = manifest.replace("refresh_reuse_window = ", "forgotten = ");
        assert_ne!(outdated, manifest);
        assert_eq!(with_variables(&outdated).unwrap(), manifest);
    }
}
