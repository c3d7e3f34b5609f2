//! The application, put together from the command line, spin.toml and runtime-config.toml, with
//! every variable decided. All mistakes in these are found here, before anything runs.

use std::collections::{BTreeMap, HashMap};
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::Semaphore;

use crate::args::Args;
use crate::clock::Clock;
use crate::manifest::{self, Files, Manifest, Source};
use crate::middleware::Layer;
use crate::outbound::AllowedHosts;
use crate::runtime_config::{RuntimeConfig, unused_keys};
use crate::schedule::Schedule;
use crate::template::Template;
use crate::test_controls::TestControls;
use crate::variables::{self, Provider};

/// Everything that doesn't change while the host runs, and what all components share.
pub(crate) struct App {
    /// Its name in the manifest.
    pub(crate) name: String,
    /// The values of its variables.
    pub(crate) variables: HashMap<String, String>,
    /// Components that are wanted, by id.
    pub(crate) components: BTreeMap<String, Arc<Component>>,
    /// HTTP triggers.
    pub(crate) routes: Vec<Route>,
    /// Schedules and the components that they run.
    pub(crate) schedules: Vec<(Schedule, Arc<Component>)>,
    /// One permit per MySQL connection, if they are limited.
    pub(crate) mysql_permits: Option<Arc<Semaphore>>,
    /// The time of guests and of the scheduler.
    pub(crate) clock: Arc<Clock>,
    /// By how much guests' timers are slower than real ones.
    pub(crate) slow_timers: NonZeroU32,
    /// Whether calls between guests and host are counted, which costs each of them some nanoseconds.
    pub(crate) counts_turns: bool,
    /// What tests read and turn.
    pub(crate) test_controls: Arc<TestControls>,
    /// Sections of runtime-config.toml that were ignored.
    pub(crate) ignored: Vec<String>,
}

/// An HTTP trigger.
pub(crate) struct Route {
    /// `None`: only other components reach it.
    pub(crate) path: Option<String>,
    pub(crate) component: Arc<Component>,
}

type Databases = BTreeMap<String, Option<PathBuf>>;

/// A component and what it may use.
pub(crate) struct Component {
    pub(crate) id: String,
    pub(crate) wasm: PathBuf,
    /// What it is composed with, the outermost first.
    pub(crate) middleware: Vec<Layer>,
    pub(crate) files: Vec<(PathBuf, String)>,
    pub(crate) environment: BTreeMap<String, String>,
    pub(crate) variables: HashMap<String, Template>,
    pub(crate) allowed_hosts: AllowedHosts,
    /// SQLite files by label; `None` is in memory.
    pub(crate) databases: Databases,
}

impl App {
    /// Reads the files that `args` names. The error is every mistake that was found, one per line.
    pub(crate) fn load(args: &Args) -> Result<Self, String> {
        let manifest = Manifest::parse(&read(&args.manifest)?)
            .map_err(|error| format!("{}: {error}", args.manifest.display()))?;
        let folder = parent(&args.manifest);
        let mut config = match &args.runtime_config {
            Some(path) => RuntimeConfig::parse(&read(path)?, parent(path))
                .map_err(|error| format!("{}: {error}", path.display()))?,
            None => RuntimeConfig::default(),
        };

        let is_wanted = |id: &str| {
            let has_trigger = manifest
                .trigger
                .http
                .iter()
                .any(|trigger| trigger.component == id)
                || manifest
                    .trigger
                    .cron
                    .iter()
                    .any(|trigger| trigger.component == id);
            has_trigger && (args.components.is_empty() || args.components.iter().any(|c| c == id))
        };
        let mut mistakes = manifest.mistakes(folder, is_wanted);
        for id in &args.components {
            if !manifest.component.contains_key(id) {
                mistakes.push(format!("--component {id}: there is no such component"));
            }
        }
        let given: HashMap<_, _> = args.variables.iter().cloned().collect();
        for name in given
            .keys()
            .filter(|name| !manifest.variables.contains_key(*name))
        {
            mistakes.push(format!(
                "--variable {name}: the application has no such variable"
            ));
        }

        let mut providers = vec![Provider::Static(given)];
        providers.append(&mut config.providers);
        providers.push(Provider::default_environment());
        let values = variables::resolve(&manifest.variables, &providers, &mut mistakes);
        let databases = databases(args, &config);

        let mut components = BTreeMap::new();
        for (id, declared) in manifest.component.iter().filter(|(id, _)| is_wanted(id)) {
            let assembly = Assembly {
                id,
                declared,
                manifest: &manifest,
                folder,
                values: &values,
            };
            let component = assembly.component(&databases, &mut mistakes);
            components.insert(id.clone(), Arc::new(component));
        }

        let mut routes = Vec::new();
        for trigger in &manifest.trigger.http {
            if let Some(component) = components.get(&trigger.component) {
                routes.push(Route {
                    path: trigger.route.path().map(str::to_owned),
                    component: component.clone(),
                });
            }
        }
        for component in components.values() {
            for id in component.allowed_hosts.chained() {
                if !routes.iter().any(|route| route.component.id == id) {
                    mistakes.push(format!(
                        "component '{}' may call '{id}', which is no HTTP component that runs here",
                        component.id
                    ));
                }
            }
        }
        let mut schedules = Vec::new();
        for trigger in &manifest.trigger.cron {
            if let Some(component) = components.get(&trigger.component) {
                match Schedule::parse(&trigger.cron_expression) {
                    Ok(schedule) => schedules.push((schedule, component.clone())),
                    Err(error) => mistakes.push(format!(
                        "cron expression '{}' of component '{}': {error}",
                        trigger.cron_expression, trigger.component
                    )),
                }
            }
        }
        if !args.no_cron && !schedules.is_empty() && !config.too_new_for_cron.is_empty() {
            mistakes.push(format!(
                "the cron trigger embeds Spin 3.5 and ends with: {}",
                unused_keys(&config.too_new_for_cron)
            ));
        }
        if mistakes.is_empty() && components.is_empty() {
            mistakes.push("there is no component with a trigger".to_owned());
        }
        if !mistakes.is_empty() {
            return Err(format!(
                "{}: {}",
                args.manifest.display(),
                mistakes.join("\n  ")
            ));
        }
        Ok(Self {
            name: manifest.application.name,
            variables: values,
            components,
            routes,
            schedules,
            mysql_permits: config
                .max_mysql_connections
                .map(|most| Arc::new(Semaphore::new(most))),
            clock: Arc::new(Clock::new()),
            slow_timers: args.slow_timers,
            counts_turns: args.control.is_some(),
            test_controls: Arc::default(),
            ignored: config.ignored,
        })
    }
}

/// What is needed to make one component.
struct Assembly<'a> {
    id: &'a str,
    declared: &'a manifest::Component,
    folder: &'a Path,
    manifest: &'a Manifest,
    values: &'a HashMap<String, String>,
}

impl Assembly<'_> {
    fn component(&self, databases: &Databases, mistakes: &mut Vec<String>) -> Component {
        let mut wrong = |what: String| mistakes.push(format!("component '{}': {what}", self.id));
        let mut variables = HashMap::new();
        for (name, template) in &self.declared.variables {
            if !manifest::is_valid_name(name) {
                wrong(format!("variable '{name}' is not lower-case snake case"));
            }
            // Filled in when the component reads it: tests change values.
            match self.fill(template).and_then(|_| parsed(template)) {
                Ok(template) => _ = variables.insert(name.clone(), template),
                Err(error) => wrong(format!("variable '{name}': {error}")),
            }
        }
        let mut hosts = Vec::new();
        for template in &self.declared.allowed_outbound_hosts {
            match self.fill(template) {
                Ok(host) => hosts.push(host),
                Err(error) => wrong(format!("allowed outbound host '{template}': {error}")),
            }
        }
        let allowed_hosts = AllowedHosts::parse(&hosts).unwrap_or_else(|error| {
            wrong(error);
            AllowedHosts::default()
        });
        let mut own = Databases::new();
        for label in &self.declared.sqlite_databases {
            match databases.get(label) {
                Some(database) => _ = own.insert(label.clone(), database.clone()),
                None => wrong(format!("sqlite database '{label}' is not configured")),
            }
        }
        let wasm = self.file(self.declared);
        let files = self.declared.files.iter().filter_map(|files| match files {
            Files::Placement {
                source,
                destination,
            } => Some((self.folder.join(source), destination.clone())),
            Files::Pattern(_) => None,
        });
        Component {
            id: self.id.to_owned(),
            wasm,
            middleware: self.middleware().collect(),
            files: files.collect(),
            environment: self.declared.environment.clone(),
            variables,
            allowed_hosts,
            databases: own,
        }
    }

    fn file(&self, declared: &manifest::Component) -> PathBuf {
        match &declared.source {
            Source::Path(path) => self.folder.join(path),
            Source::Remote { .. } => PathBuf::new(),
        }
    }

    /// What is not there was reported already.
    fn middleware(&self) -> impl Iterator<Item = Layer> {
        self.manifest.middleware(self.id).filter_map(|layer| {
            Some(Layer {
                id: layer.component.clone(),
                wasm: self.file(self.manifest.component.get(&layer.component)?),
                inherits: layer.inherit_configuration.clone(),
            })
        })
    }

    /// A variable that is known but has no value was reported already; it fills in as nothing.
    fn fill(&self, template: &str) -> Result<String, String> {
        parsed(template)?
            .fill(|name| {
                let known = self.manifest.variables.contains_key(name);
                self.values
                    .get(name)
                    .map(String::as_str)
                    .or(known.then_some("0"))
            })
            .map_err(|name| format!("unknown variable '{name}'"))
    }
}

fn parsed(template: &str) -> Result<Template, String> {
    Template::parse(template).map_err(|error| error.to_string())
}

fn databases(args: &Args, config: &RuntimeConfig) -> Databases {
    let default = args.state_dir().map(|folder| folder.join("sqlite_db.db"));
    let mut databases = Databases::from([("default".to_owned(), default)]);
    databases.extend(config.sqlite.clone());
    databases
}

fn read(path: &Path) -> Result<String, String> {
    std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}

fn parent(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new(""))
}
