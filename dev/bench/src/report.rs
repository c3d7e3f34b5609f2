//! What is printed and written: a table, verdicts and the conditions, as a section of dev/bench/RESULTS.md that is
//! replaced as a whole.

use std::fs;
use std::thread;

use anyhow::{Context as _, Result};
use testbed::workspace_root;

const FILE: &str = "dev/bench/RESULTS.md";

const PREAMBLE: &str = "\
# Results

The last results of `cargo xtask bench`, written by it (`--write`). Figures of different machines don't
compare, and those of one machine only within a section: ratios are what to look at. Latencies are in
milliseconds, CPU in seconds per 1,000 requests, memory is the serving process's peak.
";

/// The sections, in their order.
const SECTIONS: [&str; 4] = ["Side by side", "Growth", "Removals", "Instructions"];

/// One kind of measurement's results.
pub(crate) struct Report {
    section: &'static str,
    text: String,
}

impl Report {
    /// Begins with a sentence or two about what was measured.
    pub(crate) fn new(section: &'static str, introduction: &str) -> Self {
        Self {
            section,
            text: format!("{introduction}\n"),
        }
    }

    /// Adds a table. The first row is its heading; what can be read as a number is on the right.
    pub(crate) fn table(&mut self, rows: &[Vec<String>]) {
        let columns = rows[0].len();
        let of = |column: usize| rows.iter().map(move |row| row[column].as_str());
        let is_number = |cell: &str| {
            cell == "–" || cell.starts_with(|c: char| c.is_ascii_digit()) || cell == "inf"
        };
        let widths: Vec<usize> = (0..columns)
            .map(|column| of(column).map(|cell| cell.chars().count()).max())
            .map(|width| width.unwrap_or(0).max(3))
            .collect();
        let right: Vec<bool> = (0..columns)
            .map(|column| of(column).skip(1).all(is_number))
            .collect();
        self.text.push('\n');
        for (index, row) in rows.iter().enumerate() {
            let cells = row.iter().zip(&widths).zip(&right);
            let cells = cells.map(|((cell, &width), right)| match right {
                true => format!("{cell:>width$}"),
                false => format!("{cell:<width$}"),
            });
            self.line(cells.collect());
            if index == 0 {
                let rule = widths.iter().zip(&right);
                let rule = rule.map(|(&width, right)| match right {
                    true => "-".repeat(width - 1) + ":",
                    false => "-".repeat(width),
                });
                self.line(rule.collect());
            }
        }
        self.text.push('\n');
    }

    fn line(&mut self, cells: Vec<String>) {
        self.text += &format!("| {} |\n", cells.join(" | "));
    }

    /// Adds a line that says whether a goal is reached.
    pub(crate) fn verdict(&mut self, reached: bool, text: &str) {
        let word = if reached { "reached" } else { "**missed**" };
        self.text += &format!("- {word}: {text}\n");
    }

    /// What it says so far.
    #[cfg(test)]
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Prints it, and puts it in the place of its section if `write`.
    pub(crate) fn publish(&self, write: bool) -> Result<()> {
        println!("{}", self.text);
        if write {
            let path = workspace_root().join(FILE);
            let old = fs::read_to_string(&path).unwrap_or_default();
            let new = replaced(&old, self.section, &self.text);
            fs::write(&path, new).context("failed to write dev/bench/RESULTS.md")?;
        }
        Ok(())
    }
}

/// What a section of dev/bench/RESULTS.md says, if there is one.
pub(crate) fn read(section: &str) -> Option<String> {
    let text = fs::read_to_string(workspace_root().join(FILE)).ok()?;
    body(&text, section).map(str::to_owned)
}

fn replaced(old: &str, section: &str, text: &str) -> String {
    let mut new = PREAMBLE.to_owned();
    for each in SECTIONS {
        let body = match each == section {
            true => Some(text),
            false => body(old, each),
        };
        if let Some(body) = body {
            new += &format!("\n## {each}\n\n{}\n", body.trim());
        }
    }
    new
}

fn body<'a>(text: &'a str, section: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(&format!("\n## {section}\n"))?;
    Some(rest.split("\n## ").next().unwrap_or(rest))
}

/// Cores, memory, kernel and what else the machine was doing; nothing that tells one machine from another of its kind.
pub(crate) fn conditions() -> String {
    let read = |path| fs::read_to_string(path).unwrap_or_default();
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let kernel = read("/proc/sys/kernel/osrelease");
    let kernel: Vec<&str> = kernel.split('.').take(2).collect();
    let load = read("/proc/loadavg");
    let load = load.split(' ').next().unwrap_or_default();
    let memory = read("/proc/meminfo");
    let kibibytes = memory.split_whitespace().nth(1).map(str::parse);
    let kibibytes: u64 = kibibytes.and_then(Result::ok).unwrap_or_default();
    format!(
        "On {cores} cores, {} GiB of memory, Linux {}; the load comes from the same machine, whose load average was \
         {load} at the start.",
        (kibibytes + (1 << 19)) >> 20,
        kernel.join(".")
    )
}

/// A number with commas between thousands, without decimals.
pub(crate) fn whole(number: f64) -> String {
    let digits = format!("{:.0}", number.max(0.0));
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number with two decimals; of none a dash.
pub(crate) fn fine(number: impl Into<Option<f64>>) -> String {
    let number = number.into();
    number.map_or_else(|| "–".to_owned(), |number| format!("{number:.2}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_aligned_and_markdown() {
        let mut report = Report::new("Growth", "Much.");
        let rows = [["name", "n"], ["a", "1,234"], ["b", "–"]];
        report.table(&rows.map(|row| row.map(str::to_owned).to_vec()));
        report.verdict(false, "all");
        let expected = "\
Much.

| name |     n |
| ---- | ----: |
| a    | 1,234 |
| b    |     – |

- **missed**: all
";
        assert_eq!(report.text(), expected);
        let numbers = [0.0, 999.0, 1000.0, 1_234_567.0];
        assert_eq!(numbers.map(whole), ["0", "999", "1,000", "1,234,567"]);
    }

    #[test]
    fn a_section_is_replaced_and_the_others_stay() {
        let one = replaced("", "Growth", "old growth\n");
        assert!(one.starts_with("# Results\n") && one.ends_with("\n## Growth\n\nold growth\n"));
        let two = replaced(&one, "Side by side", "table\n### Part\nmore");
        let three = replaced(&two, "Growth", "new growth");
        let tail = "\n## Side by side\n\ntable\n### Part\nmore\n\n## Growth\n\nnew growth\n";
        assert_eq!(three, format!("{PREAMBLE}{tail}"));
    }
}
