//! runtime-config.toml: connection limits, variable providers and database files. Sections that only
//! this host has no use for are named in a warning; what Spin refuses is refused.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::variables::Provider;

/// What the file configures.
#[derive(Default)]
pub(crate) struct RuntimeConfig {
    /// Most MySQL connections of the whole application, `None` for no limit.
    pub(crate) max_mysql_connections: Option<usize>,
    /// In the order of the file.
    pub(crate) providers: Vec<Provider>,
    /// SQLite databases by label; `None` as path means in memory.
    pub(crate) sqlite: BTreeMap<String, Option<PathBuf>>,
    /// Sections that Spin has a use for, and this host has none.
    pub(crate) ignored: Vec<String>,
    /// Sections that Spin 3.5 does not know, which the cron trigger embeds.
    pub(crate) too_new_for_cron: Vec<String>,
}

/// What else Spin 4.1 knows.
const OTHERS: [&str; 11] = [
    "client_tls",
    "key_value_store",
    "llm_compute",
    "log_dir",
    "max_instance_memory",
    "outbound_http",
    "outbound_mqtt",
    "outbound_networking",
    "outbound_pg",
    "outbound_redis",
    "state_dir",
];

/// What Spin 4.1 was the first to know.
const SINCE_4_1: [&str; 4] = [
    "outbound_mqtt",
    "outbound_mysql",
    "outbound_pg",
    "outbound_redis",
];

#[derive(Deserialize)]
struct File {
    outbound_mysql: Option<OutboundMysql>,
    #[serde(alias = "config_provider", default)]
    variables_provider: Vec<ProviderEntry>,
    #[serde(default)]
    sqlite_database: BTreeMap<String, SqliteEntry>,
    #[serde(flatten)]
    others: BTreeMap<String, toml::Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OutboundMysql {
    max_connections: Option<usize>,
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum ProviderEntry {
    Static { values: HashMap<String, String> },
    Env { prefix: Option<String> },
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum SqliteEntry {
    Spin { path: Option<PathBuf> },
}

impl RuntimeConfig {
    /// Reads the text of the file; relative database paths start at `folder`.
    pub(crate) fn parse(text: &str, folder: &Path) -> Result<Self, String> {
        let wrong = |error: toml::de::Error| error.to_string().trim_end().to_owned();
        let sections: toml::Table = toml::from_str(text).map_err(wrong)?;
        let file: File = toml::from_str(text).map_err(wrong)?;
        let others: Vec<_> = file.others.into_keys().collect();
        let (ignored, unused): (Vec<_>, Vec<_>) = others
            .into_iter()
            .partition(|name| OTHERS.contains(&name.as_str()));
        if !unused.is_empty() {
            return Err(unused_keys(&unused));
        }
        let too_new_for_cron = sections.into_iter().map(|(name, _)| name);
        Ok(Self {
            too_new_for_cron: too_new_for_cron
                .filter(|name| SINCE_4_1.contains(&name.as_str()))
                .collect(),
            max_mysql_connections: file.outbound_mysql.and_then(|mysql| mysql.max_connections),
            providers: file
                .variables_provider
                .into_iter()
                .map(|entry| match entry {
                    ProviderEntry::Static { values } => Provider::Static(values),
                    ProviderEntry::Env {
                        prefix: Some(prefix),
                    } => Provider::Environment { prefix },
                    ProviderEntry::Env { prefix: None } => Provider::default_environment(),
                })
                .collect(),
            sqlite: file
                .sqlite_database
                .into_iter()
                .map(|(label, SqliteEntry::Spin { path })| {
                    (label, path.map(|path| folder.join(path)))
                })
                .collect(),
            ignored,
        })
    }
}

/// As Spin says it.
pub(crate) fn unused_keys(names: &[String]) -> String {
    format!("unused runtime config key(s): {}", names.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_sections_are_read_and_others_named() {
        let config = RuntimeConfig::parse(
            r#"
                [outbound_mysql]
                max_connections = 50
                [[config_provider]]
                type = "static"
                values = { token = "x" }
                [sqlite_database.default]
                type = "spin"
                path = "data/app.db"
                [key_value_store.default]
                type = "spin"
            "#,
            Path::new("/app"),
        )
        .unwrap();
        assert_eq!(config.max_mysql_connections, Some(50));
        assert_eq!(config.providers.len(), 1);
        assert_eq!(
            config.sqlite["default"].as_deref(),
            Some(Path::new("/app/data/app.db"))
        );
        assert_eq!(config.ignored, ["key_value_store"]);
        assert_eq!(config.too_new_for_cron, ["outbound_mysql"]);
    }

    #[test]
    fn what_spin_does_not_know_is_refused() {
        let text = "[outbound_mysql]\n[outbound_mysqll]";
        let error = RuntimeConfig::parse(text, Path::new("/")).err();
        assert_eq!(
            error.as_deref(),
            Some("unused runtime config key(s): outbound_mysqll")
        );
    }

    #[test]
    fn an_unknown_provider_is_an_error() {
        let text = "[[variables_provider]]\ntype = \"vault\"\nurl = \"x\"";
        assert!(RuntimeConfig::parse(text, Path::new("/")).is_err());
    }
}
