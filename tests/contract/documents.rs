//! What the documents say of the tests is true.

use std::collections::BTreeSet;
use std::path::Path;

use session_tests::prelude::*;
use testbed::workspace_root;

#[test_on(once)]
async fn the_tests_that_the_security_page_names_are_there(_: Backend) {
    let read = |path: &str| {
        let path = workspace_root().join(path);
        std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    };
    let page = read("docs/security.md");
    let (promises, faults) = page.split_once("## Planted faults").expect("both tables");
    let mut rows = BTreeSet::new();
    for line in promises.lines().filter(|line| is_row(line)) {
        let cells: Vec<_> = line.split('|').map(str::trim).collect();
        let (row, files) = (cells[1], cells[3]);
        let prefix = format!("{}_", row.to_lowercase());
        for file in files.split_whitespace() {
            let file = file.trim_matches('`');
            let named = read(file).lines().any(|line| {
                let name = line.split("fn ").nth(1).unwrap_or_default();
                name.starts_with(&prefix) || name.contains(&format!("_{prefix}"))
            });
            assert!(named, "{file} has no test of {row}");
        }
        assert!(!files.is_empty(), "{row} has no test");
        rows.insert(row.to_owned());
    }
    assert_eq!(rows.len(), 70, "{rows:?}");

    let mut sources = String::new();
    collect(&workspace_root().join("src"), &mut sources);
    let name = |line: &'_ str| line.split('`').nth(1).map(str::to_owned);
    let faults = faults.lines().filter(|line| line.contains("| `"));
    let mut names: Vec<_> = faults.filter_map(name).collect();
    let edge = page
        .split("## ")
        .find(|part| part.starts_with("At the edge"));
    let attacks = edge.expect("its table").lines();
    for tests in attacks.filter_map(|line| line.split('|').nth(3)) {
        names.extend(tests.split('`').skip(1).step_by(2).map(str::to_owned));
    }
    for name in names {
        assert!(
            sources.contains(&format!("fn {name}(")),
            "there is no {name}"
        );
    }
}

/// `| TF1 | …`
fn is_row(line: &str) -> bool {
    let id = line
        .strip_prefix("| ")
        .and_then(|rest| rest.split(' ').next());
    id.is_some_and(|id| {
        let (letters, digits) = id.split_at_checked(2).unwrap_or_default();
        letters.bytes().all(|b| b.is_ascii_uppercase()) && digits.parse::<u8>().is_ok()
    })
}

fn collect(folder: &Path, text: &mut String) {
    for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, text);
        } else {
            text.push_str(&std::fs::read_to_string(&path).expect("a source"));
        }
    }
}
