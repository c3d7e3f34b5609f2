//! Middleware of an HTTP trigger: components that Spin composes with the trigger's own into one, at start.
//! Requests pass them from the first to the last; each imports the handler that the next one exports.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use wac_graph::types::Package;
use wac_graph::{CompositionGraph, EncodeOptions, PackageId};

/// What middleware imports from the next component, and what each component exports.
const HANDLER: &str = "wasi:http/handler@0.3.0";

/// What a manifest calls the kinds of configuration, and how the names of their interfaces begin. Spin traps a
/// call to what middleware does not inherit. Environment and files are left out: every program in Rust imports
/// them, so that nothing could be told before such a call.
const KINDS: [(&str, &[&str]); 3] = [
    (
        "allowed_outbound_hosts",
        &[
            "fermyon:spin/mysql",
            "spin:mysql/",
            "wasi:http/client@",
            "wasi:http/outgoing-handler@",
        ],
    ),
    ("sqlite_databases", &["fermyon:spin/sqlite", "spin:sqlite/"]),
    ("variables", &["fermyon:spin/variables", "spin:variables/"]),
];

/// `dependencies` of a trigger.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Dependencies {
    /// The outermost comes first.
    #[serde(default)]
    pub(crate) middleware: Vec<Middleware>,
}

/// An entry of `dependencies.middleware`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Middleware {
    pub(crate) component: String,
    #[serde(default)]
    pub(crate) inherit_configuration: Inherit,
}

/// Which of the trigger's component's configuration its middleware may use. It has none of its own.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum Inherit {
    /// All or nothing.
    All(bool),
    /// These kinds.
    Kinds(Vec<String>),
}

impl Default for Inherit {
    fn default() -> Self {
        Self::All(false)
    }
}

/// Middleware whose file is known.
pub(crate) struct Layer {
    pub(crate) id: String,
    pub(crate) wasm: PathBuf,
    pub(crate) inherits: Inherit,
}

impl Inherit {
    fn has(&self, kind: &str) -> bool {
        match self {
            Self::All(all) => *all,
            Self::Kinds(kinds) => kinds.iter().any(|one| one == kind),
        }
    }
}

/// A component with its layers around it, the outermost first.
///
/// # Errors
/// If a file can't be read, two of them don't fit, or a layer imports what it does not inherit.
pub(crate) fn compose(wasm: &Path, layers: &[Layer]) -> Result<Vec<u8>, String> {
    let read = |path: &Path| fs::read(path).map_err(|error| format!("{}: {error}", path.display()));
    let innermost = read(wasm)?;
    if layers.is_empty() {
        return Ok(innermost);
    }
    let mut graph = CompositionGraph::new();
    let site = register(&mut graph, "site", innermost)?;
    let mut instance = graph.instantiate(site);
    for layer in layers.iter().rev() {
        let package = register(&mut graph, &layer.id, read(&layer.wasm)?)?;
        check(&graph, package, layer)?;
        let outer = graph.instantiate(package);
        let wired = graph
            .alias_instance_export(instance, HANDLER)
            .map_err(|error| error.to_string())
            .and_then(|next| {
                let set = graph.set_instantiation_argument(outer, HANDLER, next);
                set.map_err(|error| error.to_string())
            });
        wired.map_err(|error| format!("middleware '{}' cannot be composed: {error}", layer.id))?;
        instance = outer;
    }
    let whole = |error: &dyn std::fmt::Display| format!("middleware cannot be composed: {error}");
    let handler = graph
        .alias_instance_export(instance, HANDLER)
        .map_err(|error| whole(&error))?;
    graph
        .export(handler, HANDLER)
        .map_err(|error| whole(&error))?;
    graph
        .encode(EncodeOptions::default())
        .map_err(|error| whole(&error))
}

fn register(graph: &mut CompositionGraph, id: &str, wasm: Vec<u8>) -> Result<PackageId, String> {
    let package = Package::from_bytes(id, None, wasm, graph.types_mut())
        .map_err(|error| format!("'{id}' is not a component: {error:#}"))?;
    graph
        .register_package(package)
        .map_err(|error| error.to_string())
}

fn check(graph: &CompositionGraph, package: PackageId, layer: &Layer) -> Result<(), String> {
    let imports = &graph.types()[graph[package].ty()].imports;
    for (kind, prefixes) in KINDS.iter().filter(|(kind, _)| !layer.inherits.has(kind)) {
        let mut names = imports.keys();
        if let Some(name) = names.find(|name| prefixes.iter().any(|start| name.starts_with(start)))
        {
            let id = &layer.id;
            return Err(format!(
                "middleware '{id}' imports {name}, but does not inherit {kind}"
            ));
        }
    }
    Ok(())
}
