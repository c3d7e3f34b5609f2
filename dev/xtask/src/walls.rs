//! The walls inside the house: which crate may use which, and what a source file may be.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use testbed::{build::cargo, workspace_root};

/// Files of more than [`LONGEST`] lines, each with its reason.
const LONG: [(&str, &str); 1] = [(
    "store/pool/tests/interleavings.rs",
    "one model: the host's lock, its guests, and the search through their orders",
)];
const LONGEST: usize = 400;

/// The crates of this repository, each with those that it uses.
type Arrows = BTreeMap<String, BTreeSet<String>>;

#[test]
fn crates_use_one_another_as_the_architecture_draws_it() {
    let page = std::fs::read_to_string(workspace_root().join("docs/ARCHITECTURE.md")).unwrap();
    let drawn = drawing(&page);
    let output = Command::new(cargo().get_program())
        .args(["metadata", "--locked", "--no-deps", "--format-version=1"])
        .current_dir(workspace_root())
        .output()
        .unwrap();
    let found = arrows(&serde_json::from_slice(&output.stdout).unwrap());
    for (name, uses) in &found {
        let may = drawn
            .get(name)
            .unwrap_or_else(|| panic!("{name} is not drawn"));
        assert_eq!(uses, may, "{name}: found beside drawn");
    }
    assert!(drawn.keys().eq(found.keys()), "a crate that is not there");
    // Whatever is drawn, these two stay.
    assert_eq!(drawn["session-core"], BTreeSet::new());
    assert_eq!(drawn["session-edge"], ["session-core".to_owned()].into());
}

/// The code block of `crates` in the page: lines of `crate -> crates that it uses`.
fn drawing(page: &str) -> Arrows {
    let block = page.split("```crates\n").nth(1).unwrap();
    let block = block.split("```").next().unwrap();
    let lines = block.lines().filter_map(|line| line.split_once(" ->"));
    let words = |words: &str| words.split_whitespace().map(str::to_owned).collect();
    lines
        .map(|(name, uses)| (name.to_owned(), words(uses)))
        .collect()
}

/// The normal dependencies between the workspace's own crates.
fn arrows(metadata: &Value) -> Arrows {
    let packages = metadata["packages"].as_array().unwrap();
    let name = |value: &Value| value["name"].as_str().unwrap().to_owned();
    let ours: BTreeSet<String> = packages.iter().map(name).collect();
    let uses = |package: &Value| {
        let all = package["dependencies"].as_array().unwrap().iter();
        let normal = all.filter(|dependency| dependency["kind"].is_null());
        normal
            .map(name)
            .filter(|name| ours.contains(name))
            .collect()
    };
    packages
        .iter()
        .map(|package| (name(package), uses(package)))
        .collect()
}

#[test]
fn sources_are_short_and_lie_where_their_modules_say() {
    let src = workspace_root().join("src");
    let mut long = Vec::new();
    walk(&src, &mut |path, text| {
        let name = path.strip_prefix(&src).unwrap().to_str().unwrap();
        assert!(!text.contains("#[path"), "{name} has a module elsewhere");
        if text.lines().count() > LONGEST {
            long.push(name.to_owned());
        }
    });
    assert_eq!(long, LONG.map(|(name, _reason)| name));
}

pub(crate) fn walk(folder: &Path, visit: &mut impl FnMut(&Path, &str)) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            walk(&path, visit);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            visit(&path, &std::fs::read_to_string(&path).unwrap());
        }
    }
}
