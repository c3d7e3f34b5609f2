//! The table of the settings: its defaults are allowed, and README says the same.

use std::collections::BTreeMap;

use crate::domain::config::parser::refusal;
use crate::domain::config::{Kind, NeededBy, SETTINGS};

#[test]
fn every_default_is_allowed() {
    for setting in SETTINGS {
        let name = setting.name;
        match setting.kind {
            Kind::Text | Kind::Secret => {}
            Kind::Word(_) if setting.default.is_empty() => {}
            kind => assert_eq!(refusal(kind, setting.default), None, "{name}"),
        }
        assert!(!setting.is_secret() || setting.default.is_empty(), "{name}");
    }
    let mut names: Vec<_> = SETTINGS.iter().map(|setting| setting.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), SETTINGS.len());
}

/// Who reaches the API is nothing to the clean-up, and a mistake there must not stop it.
#[test]
fn the_scheduled_component_has_no_api_keys() {
    let only_http = SETTINGS
        .iter()
        .filter(|setting| setting.needed_by == NeededBy::Http);
    let names: Vec<_> = only_http.map(|setting| setting.name).collect();
    assert!(names.contains(&"api_keys"), "{names:?}");
    assert!(!names.contains(&"master_key"), "{names:?}");
}

#[test]
fn readme_has_every_setting_with_its_default_and_what_is_allowed() {
    let readme = include_str!("../../../README.md");
    let rows = rows(readme);
    assert_eq!(rows.len(), SETTINGS.len(), "{:?}", rows.keys());
    for setting in SETTINGS {
        let name = setting.name;
        let Some((default, allowed)) = rows.get(name) else {
            panic!("README has no row for {name}");
        };
        match setting.default {
            "" => assert!(!default.is_empty(), "{name}"),
            text => assert_eq!(default, text, "{name}"),
        }
        match setting.kind {
            Kind::Word(words) => {
                for word in words {
                    let said = default == word
                        || default.contains(&format!("`{word}`"))
                        || allowed.contains(&format!("`{word}`"));
                    assert!(said, "{name}: {word}");
                }
            }
            Kind::Number { min, max, .. } => {
                let range = format!("{min}–{max}");
                let shown = allowed.replace(',', "");
                assert!(
                    shown.contains(&range) || name == "mysql_port",
                    "{name}: {range}"
                );
            }
            Kind::Secret => assert!(allowed.contains("secret"), "{name}"),
            Kind::Text | Kind::Host | Kind::Table => {}
        }
    }
}

/// The rows of README's table by setting, with the default and what is allowed.
fn rows(readme: &str) -> BTreeMap<&str, (String, &str)> {
    let (_, section) = readme.split_once("\n## Settings\n").expect("a section");
    let (section, _) = section.split_once("\n## ").expect("another section");
    let mut rows = BTreeMap::new();
    for line in section.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<_> = line.split('|').map(str::trim).collect();
        let names: Vec<_> = cells[1].split(", ").collect();
        let defaults: Vec<_> = cells[2].split(", ").collect();
        for (n, name) in names.iter().enumerate() {
            // One default for each name, or one text for all.
            let default = match defaults.len() == names.len() {
                true => defaults[n].trim_matches('`').to_owned(),
                false => cells[2].to_owned(),
            };
            rows.insert(name.trim_matches('`'), (default, cells[3]));
        }
    }
    rows
}
