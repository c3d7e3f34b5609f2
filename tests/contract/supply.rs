//! What the built components ask of their host: these interfaces, that one address, nothing else (SC1).

use std::collections::{BTreeMap, BTreeSet};

use session_tests::prelude::*;
use testbed::build::component_file;
use testbed::workspace_root;
use wasmparser::{ComponentTypeRef, Parser, Payload};

/// Packages, each with its interfaces. One word more is one power more.
const HTTP: &str = "
    spin:mysql: mysql@3.0.0
    spin:sqlite: sqlite@3.1.0
    spin:variables: variables@3.0.0
    wasi:cli: environment@0.2.6 exit@0.2.6 stderr@0.2.6 stdin@0.2.6 stdout@0.2.6
        terminal-input@0.2.6 terminal-output@0.2.6 terminal-stderr@0.2.6 terminal-stdin@0.2.6
        terminal-stdout@0.2.6
    wasi:clocks: monotonic-clock@0.2.6 monotonic-clock@0.3.0 types@0.3.0 wall-clock@0.2.6
    wasi:filesystem: preopens@0.2.6 types@0.2.6
    wasi:http: types@0.3.0
    wasi:io: error@0.2.6 poll@0.2.6 streams@0.2.6
    wasi:random: insecure-seed@0.2.6 random@0.2.6
";

const DATABASE: &str = "mysql://{{ mysql_host }}:{{ mysql_port }}";

/// What a component imports: its interfaces, and the names of single types.
#[derive(Default)]
struct Imports {
    interfaces: BTreeSet<String>,
    types: BTreeSet<String>,
}

fn imports(package: &str) -> Imports {
    let bytes = std::fs::read(component_file(package)).expect("the component is built");
    let mut found = Imports::default();
    // The modules and components inside import from each other.
    let mut depth = 0;
    for payload in Parser::new(0).parse_all(&bytes) {
        match payload.expect("it is a component") {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth -= 1,
            Payload::ComponentImportSection(section) if depth == 0 => {
                for import in section {
                    let import = import.expect("it is an import");
                    let set = match import.ty {
                        ComponentTypeRef::Instance(_) => &mut found.interfaces,
                        ComponentTypeRef::Type(_) => &mut found.types,
                        other => panic!("{other:?} in {package}"),
                    };
                    set.insert(import.name.name.to_owned());
                }
            }
            _ => {}
        }
    }
    found
}

#[test_on(once)]
async fn sc1_the_http_component_imports_exactly_these_interfaces(_: Backend) {
    let found = imports("session-http");
    let mut package = "";
    let mut expected = BTreeSet::new();
    for word in HTTP.split_whitespace() {
        match word.strip_suffix(':') {
            Some(name) => package = name,
            None => drop(expected.insert(format!("{package}/{word}"))),
        }
    }
    assert_eq!(found.interfaces, expected);
    assert_eq!(found.types, BTreeSet::new());
}

/// Every Spin from 3.0 on has these: anything later keeps the application from starting there.
fn assert_wasi02(found: &Imports) {
    assert!(found.interfaces.contains("fermyon:spin/mysql@2.0.0"));
    let allowed = |name: &&String| match name.split_once('@') {
        Some(("fermyon:spin-cron/cron-types", version)) => version == "2.0.0",
        Some((name, "2.0.0")) => name.starts_with("fermyon:spin/"),
        Some((name, version)) => name.starts_with("wasi:") && version.starts_with("0.2."),
        None => false,
    };
    let more: Vec<_> = found
        .interfaces
        .iter()
        .filter(|name| !allowed(name))
        .collect();
    assert!(more.is_empty(), "{more:?}");
}

#[test_on(once)]
async fn sc1_the_http_component_for_older_spins_imports_no_more_than_they_have(_: Backend) {
    let found = imports("session-http-wasi02");
    assert_wasi02(&found);
    let spin = |name: &&String| name.starts_with("fermyon:");
    let databases_and_settings = [
        "fermyon:spin/mysql@2.0.0",
        "fermyon:spin/rdbms-types@2.0.0",
        "fermyon:spin/sqlite@2.0.0",
        "fermyon:spin/variables@2.0.0",
    ];
    let found: Vec<_> = found.interfaces.iter().filter(spin).collect();
    assert_eq!(found, databases_and_settings);
}

#[test_on(once)]
async fn sc1_the_scheduled_component_imports_no_more_than_its_trigger_has(_: Backend) {
    let found = imports("session-maintenance");
    assert_wasi02(&found);
    // Those of cron-types, by their names in this component.
    assert_eq!(found.types, ["error", "metadata"].map(str::to_owned).into());
}

#[test_on(once)]
async fn sc1_the_http_components_stay_small(_: Backend) {
    for (package, limit) in [
        ("session-http", 1_600_000),
        ("session-http-wasi02", 1_500_000),
    ] {
        let file = component_file(package);
        let size = file.metadata().expect("the component is built").len();
        assert!(size < limit, "{package}: {size} bytes");
    }
}

#[test_on(once)]
async fn sc1_no_component_reaches_more_than_the_database(_: Backend) {
    let text = std::fs::read_to_string(workspace_root().join("spin.toml")).expect("it is there");
    let manifest: toml::Table = text.parse().expect("it is TOML");
    let components = manifest["component"].as_table().expect("it has components");
    let hosts: BTreeMap<&str, toml::Value> = components
        .iter()
        .map(|(name, component)| (&**name, component["allowed_outbound_hosts"].clone()))
        .collect();
    let only_the_database = toml::Value::Array(vec![DATABASE.into()]);
    let expected =
        ["session-http", "session-maintenance"].map(|name| (name, only_the_database.clone()));
    assert_eq!(hosts, expected.into());
    // Other keys that open a way out, such as `allowed_http_hosts`, have no place at all.
    for (name, component) in components {
        let component = component.as_table().expect("a component has settings");
        let keys: BTreeSet<&str> = component.keys().map(|key| &**key).collect();
        let known = [
            "allowed_outbound_hosts",
            "build",
            "files",
            "source",
            "sqlite_databases",
            "variables",
        ];
        assert!(keys.is_subset(&known.into()), "{name}: {keys:?}");
    }
}
