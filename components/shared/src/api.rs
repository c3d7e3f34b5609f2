//! The HTTP API on the settings that were read, or what answers in its place.

use std::sync::Arc;

use session::domain::config::Config;
use session::http::Api;
use session::log::Event;
use session::platform::Platform;
use session::service::Service;
use session::store::Store;
use session::store::db::Connector;
use session::store::sql::SqlStore;

use crate::database::open_store;
use crate::settings::{SettingsError, read_key_file};

/// What answers requests.
pub fn start<C: Connector, P: Platform>(
    settings: Result<Config, SettingsError>,
    connector: impl FnOnce(&Config) -> C,
    platform: Arc<P>,
) -> Api<SqlStore<C, P>, P> {
    let with_key = settings.and_then(|config| {
        let key = read_key_file(&config, &*platform)?;
        Ok((config, key))
    });
    let (config, key) = match with_key {
        Ok(with_key) => with_key,
        Err(SettingsError::Unavailable) => return Api::WithoutSettings,
        Err(SettingsError::Wrong) => return Api::Misconfigured,
    };
    let store = open_store(connector(&config), &config, Arc::clone(&platform));
    let service = Service::new(Arc::new(store), platform, config, key.as_deref());
    Api::Ready(Arc::new(service))
}

/// Says in the log that the API is open to everybody, if it is.
pub fn warn_without_api_keys<S: Store, P: Platform>(api: &Api<S, P>) {
    if let Api::Ready(service) = api
        && service.config().api_keys.is_empty()
    {
        service.platform().log(&Event::OpenToAnyone);
    }
}
