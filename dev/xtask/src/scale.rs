//! What so many sessions ask of machines and databases: the table of docs/scale.md, from the inputs in docs/scale.json.

use std::{collections::BTreeMap, fmt::Write as _};

use anyhow::{Context, Result};
use serde_json::Value;

pub(crate) const TABLE_HEAD: &str =
    "| Sessions | 10⁵ | 10⁶ | 10⁷ | 10⁸ | 10⁹ |\n|---|--:|--:|--:|--:|--:|\n";

const SESSIONS: [f64; 5] = [1e5, 1e6, 1e7, 1e8, 1e9];

/// The inputs, by section and name.
struct Inputs(BTreeMap<String, BTreeMap<String, Value>>);

impl Inputs {
    fn get(&self, section: &str, name: &str) -> Result<f64> {
        let value = self.0.get(section).and_then(|section| section.get(name));
        value
            .and_then(Value::as_f64)
            .with_context(|| format!("docs/scale.json lacks {section}: {name}"))
    }
}

/// The rows of the table.
pub(crate) fn rows(inputs: &str) -> Result<String> {
    let inputs = Inputs(serde_json::from_str(inputs).context("docs/scale.json")?);
    let columns = SESSIONS.map(|sessions| reckon(&inputs, sessions));
    let columns: Vec<_> = columns.into_iter().collect::<Result<_>>()?;
    let mut table = String::new();
    for (row, (name, _)) in columns[0].iter().enumerate() {
        write!(table, "| {name} |")?;
        for column in &columns {
            write!(table, " {} |", rounded(column[row].1))?;
        }
        table.push('\n');
    }
    Ok(table)
}

fn reckon(inputs: &Inputs, sessions: f64) -> Result<Vec<(&'static str, f64)>> {
    let statements = |name| inputs.get("statements", name);
    let commits = |name| inputs.get("commits", name);
    let measured = |name| inputs.get("measured", name);
    let assumed = |name| inputs.get("assumed", name);

    let checks = sessions / 1_000.0 * assumed("checks a second and thousand sessions")?;
    let active = checks * assumed("seconds between a user's requests")?;
    let refreshes = active / assumed("seconds of an access token")?;
    let logins = sessions / (assumed("days of a session")? * 86_400.0);
    let logouts = logins * assumed("ended by a logout")?;
    let data_reads = checks * assumed("reads of data for a check")?;

    let cores = checks / measured("checks a second and core")?
        + (refreshes + logins + data_reads) / measured("refreshes a second and core")?;
    let cores = cores / assumed("used part of a machine")?;
    let machines = (cores / assumed("cores of a machine")?).ceil();
    let instances = machines * assumed("instances of a machine")?;

    let written = refreshes * commits("confirm")?
        + logins * commits("create")?
        + logouts * commits("delete")?;
    let asked = refreshes * (statements("refresh")? + statements("confirm")?)
        + logins * statements("create")?
        + logouts * statements("delete")?
        + data_reads * statements("read data")?;
    let reads = asked - written;
    let polled = instances * statements("keys")? / assumed("seconds between key polls")?;
    let scraped = machines * statements("metrics")? / assumed("seconds between metrics")?;
    let fed = instances / assumed("seconds between feed polls")?;
    let blacklisted = reads + checks * statements("check with blacklisting")?;

    let used = assumed("used part of a machine")?;
    let gigabytes = sessions * measured("bytes of a row with its indexes")? / 1e9;
    let by_memory = gigabytes / assumed("gigabytes of memory for rows of a server")?;
    let by_work = |reads: f64| -> Result<f64> {
        Ok((reads / measured("reads a second of a server")?
            + written / measured("commits a second of a server")?)
            / used)
    };
    Ok(vec![
        ("checks a second", checks),
        ("refreshes a second", refreshes),
        ("logins a second", logins),
        ("cores for the service", cores),
        ("machines of 16 cores", machines),
        (
            "connections, at most",
            machines * assumed("connections of a machine")?,
        ),
        ("database: reads a second", reads),
        ("database: reads a second with blacklisting", blacklisted),
        ("database: commits a second", written),
        ("database: polls of keys a second", polled),
        ("database: statements of metrics a second", scraped),
        ("database: polls of the feed a second, with it", fed),
        ("rows and indexes, GB for each copy", gigabytes),
        ("servers by memory", by_memory),
        ("servers by work", by_work(reads + polled + scraped)?),
        (
            "servers by work, with blacklisting",
            by_work(blacklisted + polled + scraped)?,
        ),
        (
            "clean-up: part of one tick's speed, %",
            (logins - logouts) / measured("rows removed a second")? * 100.0,
        ),
    ])
}

/// Two digits that count, with a comma for each thousand.
fn rounded(value: f64) -> String {
    if value < 0.1 {
        return "< 0.1".to_owned();
    }
    if value < 10.0 && value.fract() != 0.0 {
        return format!("{value:.1}");
    }
    let unit = 10_f64.powf(value.log10().floor() - 1.0).max(1.0);
    let digits = format!("{:.0}", (value / unit).round() * unit);
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_two_digits_that_count() {
        let values = [0.02, 0.25, 9.0, 12.34, 1_234_567.0, 999.9];
        let texts = values.map(rounded);
        assert_eq!(texts, ["< 0.1", "0.2", "9", "12", "1,200,000", "1,000"]);
    }

    #[test]
    fn a_missing_input_is_named() {
        let error = rows(r#"{"assumed": {}}"#).unwrap_err();
        assert!(
            format!("{error}").contains("checks a second and thousand"),
            "{error}"
        );
    }
}
