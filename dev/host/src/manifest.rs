//! spin.toml, manifest version 2: its shape and what can be checked without anything else.
//! Variables get their values in `variables`, triggers and components are assembled in `app`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::middleware::{Dependencies, Middleware};

/// The whole file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Manifest {
    spin_manifest_version: i64,
    pub(crate) application: Application,
    #[serde(default)]
    pub(crate) variables: BTreeMap<String, Variable>,
    #[serde(default)]
    pub(crate) trigger: Triggers,
    #[serde(default)]
    pub(crate) component: BTreeMap<String, Component>,
}

/// `[application]`; only the name matters here.
#[derive(Debug, Deserialize)]
pub(crate) struct Application {
    pub(crate) name: String,
}

/// One entry of `[variables]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Variable {
    pub(crate) default: Option<String>,
    #[serde(default)]
    pub(crate) required: bool,
    #[serde(default, rename = "secret")]
    _secret: bool,
    #[serde(rename = "description")]
    _description: Option<String>,
}

/// `[[trigger.…]]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Triggers {
    #[serde(default)]
    pub(crate) http: Vec<HttpTrigger>,
    #[serde(default)]
    pub(crate) cron: Vec<CronTrigger>,
}

/// `[[trigger.http]]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct HttpTrigger {
    #[serde(rename = "id")]
    _id: Option<String>,
    pub(crate) component: String,
    pub(crate) route: Route,
    #[serde(rename = "executor")]
    _executor: Option<toml::Value>,
    #[serde(default)]
    pub(crate) dependencies: Dependencies,
}

/// A path, or `{ private = true }` for a component that only others call.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum Route {
    Path(String),
    Private { private: bool },
}

impl Route {
    /// Where clients find it, if they do.
    pub(crate) fn path(&self) -> Option<&str> {
        match self {
            Self::Path(path) => Some(path),
            Self::Private { .. } => None,
        }
    }
}

/// `[[trigger.cron]]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CronTrigger {
    #[serde(rename = "id")]
    _id: Option<String>,
    pub(crate) component: String,
    pub(crate) cron_expression: String,
}

/// `[component.ID]`. What Spin knows and this host does not need is read and left alone; a
/// component that imports more than the host offers is refused when it is linked.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Component {
    pub(crate) source: Source,
    #[serde(default)]
    pub(crate) files: Vec<Files>,
    #[serde(default)]
    pub(crate) allowed_outbound_hosts: Vec<String>,
    #[serde(default)]
    pub(crate) sqlite_databases: Vec<String>,
    #[serde(default)]
    pub(crate) variables: BTreeMap<String, String>,
    #[serde(default)]
    pub(crate) environment: BTreeMap<String, String>,
    #[serde(rename = "description")]
    _description: Option<String>,
    #[serde(rename = "build")]
    _build: Option<toml::Value>,
    #[serde(rename = "tool")]
    _tool: Option<toml::Value>,
    #[serde(rename = "targets")]
    _targets: Option<toml::Value>,
    #[serde(rename = "exclude_files")]
    _exclude_files: Option<toml::Value>,
    #[serde(rename = "key_value_stores")]
    _key_value_stores: Option<toml::Value>,
    #[serde(rename = "ai_models")]
    _ai_models: Option<toml::Value>,
    #[serde(rename = "dependencies")]
    _dependencies: Option<toml::Value>,
    #[serde(rename = "dependencies_inherit_configuration")]
    _inherit: Option<toml::Value>,
    #[serde(rename = "profile")]
    _profile: Option<toml::Value>,
}

/// Where the wasm is.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum Source {
    Path(PathBuf),
    Remote {
        #[serde(rename = "url")]
        _url: Option<toml::Value>,
    },
}

/// An entry of `files`.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum Files {
    Placement {
        source: PathBuf,
        destination: String,
    },
    Pattern(String),
}

impl Manifest {
    /// Reads the text of a manifest; the error says where it is wrong.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        toml::from_str(text).map_err(|error| error.to_string().trim_end().to_owned())
    }

    /// Everything that is wrong in itself, one line each. `folder` is where relative paths start.
    pub(crate) fn mistakes(&self, folder: &Path, is_wanted: impl Fn(&str) -> bool) -> Vec<String> {
        let mut mistakes = Vec::new();
        if self.spin_manifest_version != 2 {
            mistakes.push(format!(
                "spin_manifest_version is {}, only 2 is supported",
                self.spin_manifest_version
            ));
        }
        for (name, variable) in &self.variables {
            if !is_valid_name(name) {
                mistakes.push(format!("variable '{name}' is not lower-case snake case"));
            }
            if variable.required == variable.default.is_some() {
                mistakes.push(format!(
                    "variable '{name}' needs either a default or 'required = true'"
                ));
            }
        }
        let http = self
            .trigger
            .http
            .iter()
            .map(|trigger| (&trigger.component, "http"));
        let cron = self
            .trigger
            .cron
            .iter()
            .map(|trigger| (&trigger.component, "cron"));
        for (id, kind) in http.chain(cron) {
            if !self.component.contains_key(id) {
                mistakes.push(format!(
                    "{kind} trigger names component '{id}', which is not there"
                ));
            }
        }
        let mut paths = BTreeSet::new();
        for trigger in &self.trigger.http {
            if is_wanted(&trigger.component) {
                self.add_middleware_mistakes(trigger, folder, &mut mistakes);
            }
            match &trigger.route {
                Route::Path(path) if !path.starts_with('/') => {
                    mistakes.push(format!("route '{path}' does not start with '/'"));
                }
                Route::Path(path) if !paths.insert(path) => {
                    mistakes.push(format!("route '{path}' is there twice"));
                }
                Route::Private { private: false } => mistakes.push(format!(
                    "route of component '{}' must be a path or {{ private = true }}",
                    trigger.component
                )),
                Route::Path(_) | Route::Private { private: true } => {}
            }
        }
        for (id, component) in self.component.iter().filter(|(id, _)| is_wanted(id)) {
            component.add_mistakes(id, folder, &mut mistakes);
        }
        mistakes
    }

    /// The middleware of the trigger of this component, which has no other then.
    pub(crate) fn middleware(&self, component: &str) -> impl Iterator<Item = &Middleware> {
        let triggers = self.trigger.http.iter();
        triggers
            .filter(move |trigger| trigger.component == component)
            .flat_map(|trigger| &trigger.dependencies.middleware)
    }

    fn add_middleware_mistakes(
        &self,
        trigger: &HttpTrigger,
        folder: &Path,
        mistakes: &mut Vec<String>,
    ) {
        let id = &trigger.component;
        let triggers = self.trigger.http.iter();
        if !trigger.dependencies.middleware.is_empty()
            && triggers.filter(|other| other.component == *id).count() > 1
        {
            mistakes.push(format!(
                "component '{id}' has middleware and more than one trigger: Spin makes several components of it, \
                 this host does not"
            ));
        }
        for Middleware { component, .. } in &trigger.dependencies.middleware {
            match self.component.get(component) {
                None => mistakes.push(format!(
                    "middleware of component '{id}' names component '{component}', which is not there"
                )),
                Some(layer) => {
                    layer.add_mistakes(component, folder, mistakes);
                    if !layer.variables.is_empty() || !layer.allowed_outbound_hosts.is_empty() {
                        mistakes.push(format!(
                            "component '{component}' is middleware: its variables and hosts are those of '{id}'"
                        ));
                    }
                }
            }
        }
    }
}

impl Component {
    fn add_mistakes(&self, id: &str, folder: &Path, mistakes: &mut Vec<String>) {
        match &self.source {
            Source::Path(path) if !folder.join(path).is_file() => mistakes.push(format!(
                "component '{id}': {} does not exist (build it first)",
                folder.join(path).display()
            )),
            Source::Path(_) => {}
            Source::Remote { .. } => mistakes.push(format!(
                "component '{id}': source must be the path of a local file"
            )),
        }
        for files in &self.files {
            match files {
                Files::Placement { source, .. } if !folder.join(source).is_dir() => {
                    mistakes.push(format!(
                        "component '{id}': files source {} is not a folder",
                        source.display()
                    ))
                }
                Files::Placement { .. } => {}
                Files::Pattern(pattern) => mistakes.push(format!(
                    "component '{id}': files entry '{pattern}' must have the form \
                     {{ source = …, destination = … }}"
                )),
            }
        }
    }
}

/// Whether `name` is lower-case snake case, which is all that Spin allows.
pub(crate) fn is_valid_name(name: &str) -> bool {
    name.split('_').all(|word| {
        !word.is_empty()
            && word
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
    }) && name.starts_with(|c: char| c.is_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"
        spin_manifest_version = 2
        [application]
        name = "app"
        version = "1.0.0"
        [variables]
        mysql_host = { default = "localhost" }
        token = { required = true, secret = true }
        [[trigger.http]]
        route = "/..."
        component = "web"
        [[trigger.cron]]
        component = "job"
        cron_expression = "0 0 * * * *"
        [component.web]
        source = "web.wasm"
        files = [{ source = ".", destination = "/keys" }]
        allowed_outbound_hosts = ["mysql://{{ mysql_host }}:3306"]
        sqlite_databases = ["default"]
        [component.web.variables]
        token = "{{ token }}"
        [component.web.build]
        command = "cargo build"
        [component.job]
        source = "job.wasm"
    "#;

    fn mistakes(text: &str) -> Vec<String> {
        let manifest = Manifest::parse(text).unwrap();
        manifest.mistakes(Path::new("/nowhere"), |id| id != "job")
    }

    #[test]
    fn every_section_is_read() {
        let manifest = Manifest::parse(GOOD).unwrap();
        assert_eq!(manifest.application.name, "app");
        assert!(manifest.variables["token"].required);
        assert_eq!(manifest.trigger.cron[0].cron_expression, "0 0 * * * *");
        assert_eq!(manifest.component["web"].sqlite_databases, ["default"]);
    }

    #[test]
    fn missing_files_are_reported_for_wanted_components_only() {
        let all = mistakes(GOOD).join("\n");
        assert!(all.contains("/nowhere/web.wasm does not exist"), "{all}");
        assert!(all.contains("files source . is not a folder"), "{all}");
        assert!(!all.contains("job"), "{all}");
    }

    #[test]
    fn all_mistakes_are_reported_at_once() {
        let text = GOOD
            .replace("version = 2", "version = 1")
            .replace("component = \"web\"", "component = \"wobble\"")
            .replace("\"/...\"", "\"x\"")
            .replace("required = true,", "");
        let all = mistakes(&text).join("\n");
        for part in [
            "only 2 is supported",
            "'wobble'",
            "route 'x'",
            "variable 'token' needs",
        ] {
            assert!(all.contains(part), "{part} in {all}");
        }
    }

    #[test]
    fn mistakes_about_middleware_are_reported() {
        let layered = GOOD.replacen(
            "component = \"web\"",
            "component = \"web\"
        dependencies.middleware = [{ component = \"layer\" }, { component = \"none\" }]
        [[trigger.http]]
        route = \"/open\"
        component = \"web\"
        [component.layer]
        source = \"layer.wasm\"
        variables = { a = \"b\" }",
            1,
        );
        let all = mistakes(&layered).join("\n");
        for part in [
            "'web' has middleware and more than one trigger",
            "/nowhere/layer.wasm does not exist",
            "'layer' is middleware: its variables",
            "names component 'none', which is not there",
        ] {
            assert!(all.contains(part), "{part} in {all}");
        }
    }

    #[test]
    fn unknown_keys_are_refused_with_their_line() {
        let error = Manifest::parse(&GOOD.replace("sqlite_databases", "sqlite")).unwrap_err();
        assert!(
            error.contains("line") && error.contains("sqlite"),
            "{error}"
        );
    }

    #[test]
    fn names_are_lower_snake_case() {
        for good in ["a", "mysql_host", "key2"] {
            assert!(is_valid_name(good), "{good}");
        }
        for bad in ["", "A", "2a", "_a", "a_", "a__b", "a-b", "é"] {
            assert!(!is_valid_name(bad), "{bad}");
        }
    }
}
