//! What an instance makes once: settings, store, keys.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, OnceLock};

use bytes::Bytes;
use http::Response;
use http_body_util::Full;
use session::domain::config::{Config, ConfigError, Database, VARIABLES};
use session::http::Api;
use session::platform::{Level, Platform as _};
use session::service::Service;
use session::store::sql::{Dialect, SqlStore};
use session::sync::Semaphore;
use spin_sdk::http::Request;
use spin_sdk::variables::{self, Error};

use crate::mysql::MySql;
use crate::platform::Spin;
use crate::sqlite::Sqlite;

/// SQLite lets one connection write at a time; a few let the others read meanwhile.
const SQLITE_CONNECTIONS: usize = 3;

/// The API on the database that the settings name.
pub(crate) enum App {
    MySql(Api<SqlStore<MySql, Spin>, Spin>),
    Sqlite(Api<SqlStore<Sqlite, Spin>, Spin>),
}

static APP: OnceLock<App> = OnceLock::new();
/// What answers when the settings can't be read. It is not kept: the next request tries again.
static WITHOUT_SETTINGS: App = App::Sqlite(Api::WithoutSettings);
/// Has one permit, held by the request that makes the app.
static STARTING: LazyLock<Semaphore<Spin>> = LazyLock::new(|| Semaphore::new(1, Arc::new(Spin)));

impl App {
    /// This instance's app, made by its first request.
    pub(crate) async fn get() -> &'static Self {
        if let Some(app) = APP.get() {
            return app;
        }
        let _turn = STARTING.acquire().await;
        match APP.get() {
            Some(app) => app,
            None => match read_settings().await {
                Some(values) => APP.get_or_init(|| Self::start(&values)),
                None => &WITHOUT_SETTINGS,
            },
        }
    }

    /// Mistakes in the settings are logged, and then every request is refused.
    fn start(values: &HashMap<&str, String>) -> Self {
        let config = Config::parse(|name| values.get(name).cloned());
        let with_key = config.and_then(|config| match read_key_file(&config) {
            Ok(key) => Ok((config, key)),
            Err(error) => Err(vec![error]),
        });
        match with_key {
            Ok((config, key)) => Self::serve(config, key.as_deref()),
            Err(errors) => {
                for error in errors {
                    Spin.log(Level::Error, &format!("misconfigured: {error}"));
                }
                Self::Sqlite(Api::Misconfigured)
            }
        }
    }

    fn serve(config: Config, key: Option<&[u8]>) -> Self {
        if config.api_keys.is_empty() {
            let line = "api_keys is not set: whoever reaches this address can use the API";
            Spin.log(Level::Warn, line);
        }
        let platform = Arc::new(Spin);
        let tables = config.tables.clone();
        match config.database.clone() {
            Database::MySql(settings) => {
                let limit = settings.connection_limit;
                let (connector, p) = (MySql::new(&settings), Arc::clone(&platform));
                let store = SqlStore::new(connector, limit, Dialect::MySql, &tables, p);
                let service = Service::new(Arc::new(store), platform, config, key);
                Self::MySql(Api::Ready(Arc::new(service)))
            }
            Database::Sqlite => {
                let p = Arc::clone(&platform);
                let store = SqlStore::new(Sqlite, SQLITE_CONNECTIONS, Dialect::Sqlite, &tables, p);
                let service = Service::new(Arc::new(store), platform, config, key);
                Self::Sqlite(Api::Ready(Arc::new(service)))
            }
        }
    }

    pub(crate) async fn handle(&self, request: Request) -> Response<Full<Bytes>> {
        match self {
            Self::MySql(api) => api.handle(request).await,
            Self::Sqlite(api) => api.handle(request).await,
        }
    }
}

/// Every setting, or none if one can't be had: to go on with its default could be to go on without API keys.
async fn read_settings() -> Option<HashMap<&'static str, String>> {
    let mut values = HashMap::new();
    for name in VARIABLES {
        match variables::get(name).await {
            Ok(value) => {
                values.insert(name, value);
            }
            // A variable that the manifest leaves out has its default.
            Err(Error::Undefined(_)) => {}
            // The error's text is the provider's, and may hold an address or more.
            Err(_) => {
                let line = format!("the variable {name} can't be read from its provider");
                Spin.log(Level::Error, &line);
                return None;
            }
        }
    }
    Some(values)
}

/// The operator's signing key, if one is configured; line breaks at its end don't count.
fn read_key_file(config: &Config) -> Result<Option<Vec<u8>>, ConfigError> {
    let Some(path) = &config.access.key_path else {
        return Ok(None);
    };
    let key = std::fs::read(path).ok().map(|mut key| {
        while key.pop_if(|byte| matches!(byte, b'\n' | b'\r')).is_some() {}
        key
    });
    match key {
        Some(key) if key.len() >= 32 => Ok(Some(key)),
        _ => Err(ConfigError {
            variable: "access_token_signing_key_path",
            value: Some(path.clone()),
            allowed: "allowed: the path, inside the component, of a file of at least 32 bytes"
                .to_owned(),
        }),
    }
}
