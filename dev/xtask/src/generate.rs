//! `cargo xtask generate`: writes what follows from the tables of settings: the variables of spin.toml, spin-wasi02.toml as
//! a whole, and the tables of README.md and docs/browsers.md; and the table of docs/scale.md from its inputs.
//!
//! Everything else in those files is written by hand.

use std::fmt::Write as _;

use anyhow::{Context, Result, ensure};
use session_core::domain::config::SETTINGS;
use session_core::domain::setting::{NeededBy, Setting, combined};
use session_edge::settings::SETTINGS as EDGE_SETTINGS;
use testbed::workspace_root;

use crate::scale;

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
# Made by `cargo xtask generate`; change spin.toml instead.
";

/// The documents with a table of settings, and which settings those are.
const DOCUMENTS: [(&str, &[Setting]); 2] =
    [("README.md", SETTINGS), ("docs/browsers.md", EDGE_SETTINGS)];

/// The document with what so many sessions need, and the inputs of its table.
const SCALE: [&str; 2] = ["docs/scale.md", "docs/scale.json"];

const TABLE_HEAD: &str = "| Variable | Default | Allowed | What it does |\n|---|---|---|---|\n";

/// Writes them all.
pub(crate) fn run() -> Result<()> {
    let manifest = with_variables(&read(MANIFEST)?)?;
    write(WASI02, &for_wasi02(&manifest)?)?;
    write(MANIFEST, &manifest)?;
    for (name, settings) in DOCUMENTS {
        write(name, &with_table(&read(name)?, settings)?)?;
    }
    let [document, inputs] = SCALE;
    write(document, &with_scale(&read(document)?, &read(inputs)?)?)
}

fn read(name: &str) -> Result<String> {
    std::fs::read_to_string(workspace_root().join(name))
        .with_context(|| format!("failed to read {name}"))
}

fn write(name: &str, text: &str) -> Result<()> {
    std::fs::write(workspace_root().join(name), text)
        .with_context(|| format!("failed to write {name}"))
}

/// Replaces the rows of the only table with that head.
fn with_table(document: &str, settings: &[Setting]) -> Result<String> {
    let mut rows = String::new();
    // Links in the rows start from the top folder; docs/ is one below.
    let is_below = settings.first().map(|s| s.name) == EDGE_SETTINGS.first().map(|s| s.name);
    for setting in settings {
        let default = match setting.default {
            "" => setting.unset.to_owned(),
            default => format!("`{default}`"),
        };
        let (name, allowed, about) = (setting.name, setting.kind.markdown(), setting.about);
        let about = match is_below {
            true => about.replace("(docs/", "("),
            false => about.to_owned(),
        };
        writeln!(rows, "| `{name}` | {default} | {allowed} | {about} |")?;
    }
    with_rows(document, TABLE_HEAD, &rows)
}

fn with_scale(document: &str, inputs: &str) -> Result<String> {
    with_rows(document, scale::TABLE_HEAD, &scale::rows(inputs)?)
}

/// Replaces the rows below the head of a table.
fn with_rows(document: &str, head: &str, rows: &str) -> Result<String> {
    let (before, rest) = document
        .split_once(head)
        .context("there is no such table")?;
    let old_rows = rest.lines().take_while(|line| line.starts_with('|'));
    let after = &rest[old_rows.map(|line| line.len() + 1).sum::<usize>()..];
    Ok(format!("{before}{head}{rows}{after}"))
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
        match component {
            None => result.push_str(&declarations()),
            Some(component) => result.push_str(&component_variables(component)),
        }
    }
    ensure!(
        sections == 3,
        "spin.toml has {sections} sections of variables, not 3"
    );
    Ok(result)
}

/// The application's variables.
fn declarations() -> String {
    let declaration = |setting: &Setting| {
        let (name, default) = (setting.name, setting.default);
        let secret = match setting.is_secret() {
            true => ", secret = true",
            false => "",
        };
        format!("{name} = {{ default = \"{default}\"{secret} }}\n")
    };
    SETTINGS.iter().map(declaration).collect()
}

/// What a component has of them: each, and all of them in one, which is what the component reads.
fn component_variables(component: &str) -> String {
    let needed = SETTINGS
        .iter()
        .filter(|setting| component != SCHEDULED || setting.needed_by != NeededBy::Http);
    let names: Vec<_> = needed.map(|setting| setting.name).collect();
    let each = names
        .iter()
        .map(|name| format!("{name} = \"{{{{ {name} }}}}\"\n"));
    let comment = "# All of these in one, which is what the component reads: one call of the host's instead of one for each.";
    let separator = format!("\\u{:04x}\\\n", u32::from(combined::SEPARATOR));
    let all = names
        .iter()
        .map(|name| format!("    {name}={{{{ {name} }}}}"));
    format!(
        "{}{comment}\n{} = \"\"\"\\\n{}\\\n    \"\"\"\n",
        each.collect::<String>(),
        combined::VARIABLE,
        all.collect::<Vec<_>>().join(&separator),
    )
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

    #[test]
    fn everything_is_as_generated() {
        let manifest = read(MANIFEST).unwrap();
        let made = with_variables(&manifest).unwrap();
        assert!(manifest == made, "run cargo xtask generate: {made}");
        let made = for_wasi02(&manifest).unwrap();
        assert!(read(WASI02).unwrap() == made, "run cargo xtask generate");
        for (name, settings) in DOCUMENTS {
            let document = read(name).unwrap();
            let made = with_table(&document, settings).unwrap();
            assert!(document == made, "run cargo xtask generate: {name}");
        }
        let [document, inputs] = SCALE.map(|name| read(name).unwrap());
        let made = with_scale(&document, &inputs).unwrap();
        assert!(document == made, "run cargo xtask generate: {made}");
    }

    #[test]
    fn what_is_written_by_hand_stays() {
        let manifest = read(MANIFEST).unwrap();
        let outdated = manifest.replace("refresh_reuse_window = ", "forgotten = ");
        assert_ne!(outdated, manifest);
        assert_eq!(with_variables(&outdated).unwrap(), manifest);
    }
}
