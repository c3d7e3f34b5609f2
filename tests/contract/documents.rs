//! What the documents say of tests, files and pages is true.

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
    assert_eq!(rows.len(), 71, "{rows:?}");

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

#[test_on(once)]
async fn every_path_and_link_leads_somewhere(_: Backend) {
    let root = workspace_root();
    let mut pages = vec![root.join("README.md"), root.join("CHANGELOG.md")];
    for folder in ["docs", "docs/decisions", "dev/fuzz", "examples", "keys"] {
        let files = std::fs::read_dir(root.join(folder)).expect("a folder");
        let paths = files.flatten().map(|entry| entry.path());
        // An example has its page in its own folder.
        let paths = paths.flat_map(|path| [path.join("README.md"), path]);
        pages.extend(
            paths.filter(|path| path.is_file() && path.extension().is_some_and(|e| e == "md")),
        );
    }
    assert!(pages.len() >= 25, "{pages:?}");
    let mut lost = Vec::new();
    for page in pages {
        let text = std::fs::read_to_string(&page).expect("a page");
        let folder = page.parent().expect("it lies in a folder");
        let links = text.split("](").skip(1);
        for link in links.filter_map(|rest| rest.split(')').next()) {
            let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = match path {
                "" => page.clone(),
                path => folder.join(path),
            };
            let there = link.starts_with("https://")
                || target.exists() && (anchor.is_empty() || has_heading(&target, anchor));
            lost.extend((!there).then(|| format!("{}: {link}", page.display())));
        }
        for path in text
            .split('`')
            .skip(1)
            .step_by(2)
            .filter(|text| is_path(text))
        {
            let there = root.join(path).exists();
            lost.extend((!there).then(|| format!("{}: `{path}`", page.display())));
        }
    }
    assert!(lost.is_empty(), "{lost:#?}");
}

/// Whether a text in backticks names a file or folder of this repository from its root.
fn is_path(text: &str) -> bool {
    let folders = [
        "components",
        "deploy",
        "dev",
        "docs",
        "examples",
        "sql",
        "src",
        "tests",
    ];
    let first = text.split_once('/').map(|(first, _)| first);
    first.is_some_and(|first| folders.contains(&first))
        && !text.contains(char::is_whitespace)
        && !text.contains(['*', '<', '…'])
}

/// Whether a page has the heading that a link's anchor stands for.
fn has_heading(page: &Path, anchor: &str) -> bool {
    let text = std::fs::read_to_string(page).expect("a page");
    let headings = text.lines().filter(|line| line.starts_with('#'));
    headings.into_iter().any(|line| {
        let words = line.trim_start_matches('#').trim().to_lowercase();
        let kept = |c: &char| c.is_alphanumeric() || [' ', '-', '_'].contains(c);
        let slug: String = words.chars().filter(kept).collect();
        slug.replace(' ', "-") == anchor
    })
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
