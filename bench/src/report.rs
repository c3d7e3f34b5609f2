//! bench/RESULTS.md: a section for each kind of measurement, each replaced as a whole.

use std::fs;

use anyhow::{Context as _, Result};
use testbed::workspace_root;

const FILE: &str = "bench/RESULTS.md";

const PREAMBLE: &str = "\
# Results

The last results of `cargo xtask bench`, written by it (`--write`). Figures of different machines don't
compare, and those of one machine only within a section: ratios are what to look at. Latencies are in
milliseconds, CPU in seconds per 1,000 requests, memory is the serving process's peak.
";

/// The sections, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Section {
    /// Systems side by side.
    Comparison,
    /// Small and large tables.
    Growth,
    /// Large removals.
    Removals,
    /// Instruction counts.
    Instructions,
}

impl Section {
    const ALL: [Self; 4] = [
        Self::Comparison,
        Self::Growth,
        Self::Removals,
        Self::Instructions,
    ];

    fn heading(self) -> &'static str {
        match self {
            Self::Comparison => "## Side by side",
            Self::Growth => "## Growth",
            Self::Removals => "## Removals",
            Self::Instructions => "## Instructions",
        }
    }
}

/// What a section says, if there is one.
pub(crate) fn read(section: Section) -> Option<String> {
    let text = fs::read_to_string(workspace_root().join(FILE)).ok()?;
    body(&text, section).map(str::to_owned)
}

/// Puts `text` in the place of a section.
pub(crate) fn write(section: Section, text: &str) -> Result<()> {
    let path = workspace_root().join(FILE);
    let old = fs::read_to_string(&path).unwrap_or_default();
    fs::write(&path, replaced(&old, section, text)).context("failed to write bench/RESULTS.md")?;
    eprintln!("bench/RESULTS.md is up to date");
    Ok(())
}

fn replaced(old: &str, section: Section, text: &str) -> String {
    let mut new = PREAMBLE.to_owned();
    for each in Section::ALL {
        let body = match each == section {
            true => Some(text),
            false => body(old, each),
        };
        if let Some(body) = body {
            new += &format!("\n{}\n\n{}\n", each.heading(), body.trim());
        }
    }
    new
}

fn body(text: &str, section: Section) -> Option<&str> {
    let (_, rest) = text.split_once(&format!("\n{}\n", section.heading()))?;
    Some(rest.split("\n## ").next().unwrap_or(rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_is_replaced_and_the_others_stay() {
        let one = replaced("", Section::Growth, "old growth\n");
        assert!(one.starts_with("# Results\n") && one.ends_with("\n## Growth\n\nold growth\n"));
        let two = replaced(&one, Section::Comparison, "table\n### Part\nmore");
        let three = replaced(&two, Section::Growth, "new growth");
        let tail = "\n## Side by side\n\ntable\n### Part\nmore\n\n## Growth\n\nnew growth\n";
        assert_eq!(three, format!("{PREAMBLE}{tail}"));
    }
}
