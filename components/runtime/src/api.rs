//! The HTTP API on the settings that were read, or what answers in its place.

use std::sync::Arc;

use session_api::Api;
use session_core::domain::config::Config;
use session_core::domain::setting::ConfigError;
use session_core::log::Event;
use session_core::platform::Platform;
use session_service::Service;
use session_store::Store;
use session_store::db::Connector;
use session_store::sql::SqlStore;

use crate::database::open_store;
use crate::settings::SettingsError;

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

/// The operator's signing key, if one is configured; line breaks at its end don't count.
///
/// # Errors
/// If the file can't be read or is shorter than 32 bytes; the log says so.
fn read_key_file(
    config: &Config,
    platform: &impl Platform,
) -> Result<Option<Vec<u8>>, SettingsError> {
    let Some(path) = &config.access.key_path else {
        return Ok(None);
    };
    let key = std::fs::read(path).ok().map(|mut key| {
        while key.pop_if(|byte| matches!(byte, b'\n' | b'\r')).is_some() {}
        key
    });
    match key {
        Some(key) if key.len() >= 32 => Ok(Some(key)),
        _ => {
            let allowed = "allowed: the path, inside the component, of a file of at least 32 bytes";
            let mistake = ConfigError {
                variable: "access_token_signing_key_path",
                value: Some(path.clone()),
                allowed: allowed.to_owned(),
            };
            platform.log(&Event::Misconfigured(&mistake));
            Err(SettingsError::Wrong)
        }
    }
}
