//! docs/compliance.md against the code: its tests exist, and its blocks of settings are right.

use std::collections::BTreeSet;

use session_core::domain::config::Config;
use testbed::workspace_root;

use crate::walls::walk;

fn page() -> String {
    std::fs::read_to_string(workspace_root().join("docs/compliance.md")).unwrap()
}

/// The cells of the rows that have a status.
fn rows(page: &str) -> Vec<Vec<&str>> {
    let rows = page.lines().filter_map(|line| line.strip_prefix("| "));
    let rows = rows.map(|row| row.split('|').map(str::trim).collect::<Vec<_>>());
    rows.filter(|cells| matches!(cells[1], "met" | "partly" | "site" | "not"))
        .collect()
}

#[test]
fn every_named_test_exists_and_whatever_is_met_names_one_or_a_page() {
    let mut tests = BTreeSet::new();
    for folder in ["src", "tests", "dev/host", "components"] {
        walk(&workspace_root().join(folder), &mut |_, source| {
            let names = source.split("fn ").skip(1);
            tests.extend(names.filter_map(|rest| Some(rest.split_once('(')?.0.to_owned())));
        });
    }
    let page = page();
    let rows = rows(&page);
    assert!(rows.len() > 40, "{} rows", rows.len());
    for cells in rows {
        let [requirement, status, how, named, ..] = cells[..] else {
            panic!("four cells: {cells:?}")
        };
        for test in named.split('`').skip(1).step_by(2) {
            assert!(
                tests.contains(test),
                "{requirement}: there is no test {test}"
            );
        }
        assert!(!how.is_empty(), "{requirement}");
        if status == "site" {
            assert_eq!(
                named, "",
                "{requirement}: how does a test show what a site does?"
            );
        }
    }
}

#[test]
fn the_blocks_of_settings_are_accepted() {
    let page = page();
    let blocks: Vec<_> = page.split("```sh\n# AAL").skip(1).collect();
    assert_eq!(blocks.len(), 3);
    for block in blocks {
        let block = block.split("```").next().unwrap();
        let lines = block.lines().filter_map(|line| {
            let (name, value) = line.strip_prefix("SPIN_VARIABLE_")?.split_once('=')?;
            Some((name.to_ascii_lowercase(), value.to_owned()))
        });
        let lines: Vec<_> = lines.collect();
        let known = session_core::domain::config::SETTINGS.iter();
        let known: BTreeSet<_> = known.map(|setting| setting.name).collect();
        for (name, _) in &lines {
            assert!(known.contains(&**name), "there is no setting {name}");
        }
        let lookup = |name: &str| {
            let line = lines.iter().find(|(known, _)| known == name);
            line.map(|(_, value)| value.clone())
        };
        Config::parse(&lookup).unwrap_or_else(|errors| panic!("{block}: {errors:?}"));
    }
}
