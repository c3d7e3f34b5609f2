//! What deploy/ and docs/deploy.md name is there: the manifest's variables, and SpinKube's fields.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use session_tests::prelude::*;
use testbed::{packages, workspace_root};

/// The fields of `core.spinkube.dev/v1alpha1`'s SpinApp that there are, as far as we use them: from spin-operator's
/// `config/crd/bases/core.spinkube.dev_spinapps.yaml`.
const FIELDS: &str = "
    apiVersion kind metadata.name spec.checks.liveness.httpGet.path
    spec.checks.liveness.timeoutSeconds spec.checks.readiness.httpGet.path
    spec.checks.readiness.periodSeconds spec.checks.readiness.timeoutSeconds spec.components
    spec.executor spec.image spec.replicas spec.runtimeConfig.loadFromSecret spec.variables.name
    spec.variables.value spec.variables.valueFrom.secretKeyRef.key
    spec.variables.valueFrom.secretKeyRef.name
";

#[test_on(once)]
async fn every_variable_is_one_of_the_manifest(_: Backend) {
    let manifest: toml::Table = read("spin.toml").parse().expect("it is TOML");
    let known = manifest["variables"].as_table().expect("it has variables");
    let mut named = BTreeSet::new();
    for file in ["docs/deploy.md", "deploy/compose.yaml", "README.md"] {
        for part in read(file).split("SPIN_VARIABLE_").skip(1) {
            let upper = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
            let end = part.find(|c| !upper(c)).unwrap_or(part.len());
            // `SPIN_VARIABLE_<NAME>` and the like name none.
            named.extend(
                (end > 0 && !part[..end].ends_with('_')).then(|| part[..end].to_ascii_lowercase()),
            );
        }
    }
    for (path, value) in leaves(&read("deploy/spinkube/spinapp.yaml")) {
        named.extend((path == "spec.variables.name").then_some(value));
    }
    assert!(named.contains("mysql_password"), "{named:?}");
    for name in named {
        assert!(known.contains_key(&name), "there is no variable {name}");
    }
    // A secret's value is nowhere, only where it is to be had.
    let app = read("deploy/spinkube/spinapp.yaml");
    for (name, variable) in known {
        if variable.get("secret").is_some() && app.contains(&format!("name: {name}\n")) {
            let by_reference = format!("- name: {name}\n      valueFrom:\n        secretKeyRef:");
            assert!(app.contains(&by_reference), "{name} stands in the open");
        }
    }
}

#[test_on(once)]
async fn every_field_is_one_of_spinkubes(_: Backend) {
    let paths: BTreeSet<String> = leaves(&read("deploy/spinkube/spinapp.yaml"))
        .into_iter()
        .map(|(path, _)| path)
        .collect();
    assert!(
        paths.contains("spec.checks.readiness.httpGet.path"),
        "{paths:?}"
    );
    for path in paths {
        // Kubernetes' own: quantities by name.
        let known = FIELDS.split_whitespace().any(|field| field == path)
            || path.starts_with("spec.resources.");
        assert!(known, "SpinApp has no field {path}");
    }
    // The autoscaler's patch takes one away and adds one, and scales what the operator makes.
    let patch = read("deploy/spinkube-autoscale/kustomization.yaml");
    assert!(patch.contains("path: /spec/replicas\n"));
    assert!(patch.contains("path: /spec/enableAutoscaling\n"));
    let target = read("deploy/spinkube-autoscale/hpa.yaml");
    assert!(target.contains("kind: Deployment\n    name: session\n"));
}

/// Each alert fires when it should, and only then.
#[test_on(once)]
async fn alerts_fire_as_their_tests_say(_: Backend) {
    packages::ensure(packages::PROMTOOL).expect("promtool can be had");
    let mut promtool = Command::new("promtool");
    promtool.args(["test", "rules", "deploy/monitoring/alerts.test.yaml"]);
    let output = promtool.current_dir(workspace_root()).output();
    let output = output.expect("promtool starts");
    let said = String::from_utf8_lossy(&output.stderr) + String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}");
    let tested = read("deploy/monitoring/alerts.test.yaml");
    for rule in read("deploy/monitoring/alerts.yaml")
        .split("- alert: ")
        .skip(1)
    {
        let name = rule.lines().next().expect("it has a name");
        let fires = format!("alertname: {name}\n        exp_alerts:\n          - ");
        assert!(tested.contains(&fires), "no test sees {name} fire");
    }
}

/// What kustomize rejects: a file that is missing, and a base that holds the folder that names it, its own included ("cycle
/// detected").
#[test_on(once)]
async fn kustomizations_name_files_and_no_folder_that_holds_them(_: Backend) {
    for folder in ["deploy/spinkube", "deploy/spinkube-autoscale"] {
        let mut resources = Vec::new();
        follow(&workspace_root().join(folder), &[], &mut resources);
        for name in ["spinapp.yaml", "maintenance.yaml", "runtime-config.toml"] {
            let named = resources.iter().any(|path| path.ends_with(name));
            assert!(named, "{folder} has no {name}: {resources:?}");
        }
    }
}

/// Adds every file that a kustomization is made of.
fn follow(folder: &Path, visited: &[PathBuf], resources: &mut Vec<PathBuf>) {
    let folder = folder.canonicalize().expect("the folder is there");
    let cycle = visited.iter().find(|visited| visited.starts_with(&folder));
    assert!(cycle.is_none(), "{} holds {cycle:?}", folder.display());
    let visited = [visited, std::slice::from_ref(&folder)].concat();
    let yaml = read(folder.join("kustomization.yaml"));
    let document: serde_json::Value = serde_saphyr::from_str(&yaml).expect("it is YAML");
    let generated = document["secretGenerator"].as_array();
    let generated = generated
        .into_iter()
        .flatten()
        .flat_map(|secret| secret["files"].as_array());
    let named = document["resources"]
        .as_array()
        .into_iter()
        .chain(generated);
    for name in named.flatten().filter_map(|name| name.as_str()) {
        let path = folder.join(name);
        if path.is_dir() {
            follow(&path, &visited, resources);
        } else {
            assert!(path.is_file(), "{} is missing", path.display());
            resources.push(path);
        }
    }
}

/// Each table is divided by its primary key, by which every statement names a row.
#[test_on(once)]
async fn vitess_divides_every_table_by_its_primary_key(_: Backend) {
    let schema = serde_json::from_str::<serde_json::Value>(&read("deploy/vitess/vschema.json"));
    let schema = schema.expect("it is JSON");
    let tables = schema["tables"].as_object().expect("it has tables");
    let sql = read("sql/mysql/001_create_tables.sql");
    let created: Vec<_> = sql.split("CREATE TABLE IF NOT EXISTS `").skip(1).collect();
    assert_eq!(created.len(), tables.len());
    for (name, table) in tables {
        let text = created
            .iter()
            .find(|text| text.starts_with(&format!("{name}`")));
        let vindex = &table["column_vindexes"][0];
        let key = format!(
            "PRIMARY KEY (`{}`)",
            vindex["column"].as_str().expect("a column")
        );
        assert!(text.expect("a table of sql/mysql").contains(&key), "{name}");
        assert!(
            schema["vindexes"]
                .get(vindex["name"].as_str().expect("a name"))
                .is_some()
        );
    }
}

/// With the scheduled component beside it: that trigger knows fewer keys.
#[test_on(sqlite)]
async fn every_trigger_takes_the_runtime_configuration_at_the_root(db: Backend) {
    let service = db.service().runtime_config("runtime-config.toml");
    let service = service.start().await;
    service
        .json("GET", "/ready", "")
        .await
        .expect(200, r#"{"message":"ready","status":"OK"}"#);
    service.tick().await;
}

fn read(path: impl AsRef<Path>) -> String {
    let path = workspace_root().join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The values of a YAML file of plain maps and lists, each with the names that lead to it.
fn leaves(yaml: &str) -> Vec<(String, String)> {
    let mut leaves = Vec::new();
    let mut names: Vec<(usize, &str)> = Vec::new();
    for line in yaml.lines() {
        let text = line.trim_start_matches([' ', '-']);
        if text.is_empty() || text.starts_with('#') {
            continue;
        }
        let (name, value) = text.split_once(':').expect("a line has a name");
        let depth = line.len() - text.len();
        names.retain(|(of, _)| *of < depth);
        names.push((depth, name));
        let path: Vec<_> = names.iter().map(|(_, name)| *name).collect();
        if !value.is_empty() {
            leaves.push((path.join("."), value.trim().trim_matches('"').to_owned()));
        }
    }
    leaves
}
