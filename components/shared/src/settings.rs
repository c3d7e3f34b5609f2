//! Reading the settings from Spin's variables, and the key file that one of them may name.

use std::collections::HashMap;

use futures::future::try_join_all;
use session::domain::config::{Config, ConfigError, NeededBy, SETTINGS, Setting};
use session::log::Event;
use session::platform::Platform;

use crate::log;

/// Why there is no configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SettingsError {
    /// A provider of variables did not give one.
    Unavailable,
    /// Some are wrong.
    Wrong,
}

/// A provider of variables did not give one. Its own words may hold an address or more.
#[derive(Clone, Copy, Debug)]
pub struct NoAnswer;

/// A variable's value; none if the component doesn't have it, which stands for its default.
pub type Lookup = Result<Option<String>, NoAnswer>;

/// Reads the settings that a component needs, all at once, and parses them. What is wrong goes to the log.
///
/// One that can't be had is never taken for its default: that could be another database, or no API keys.
///
/// # Errors
/// If one can't be had, or some are wrong.
pub async fn read_settings<P: Platform, F: Future<Output = Lookup>>(
    needed_by: NeededBy,
    platform: &P,
    lookup: impl Fn(&'static str) -> F,
) -> Result<Config, SettingsError> {
    let has = |setting: &&Setting| needed_by == NeededBy::Http || setting.needed_by == needed_by;
    let values = SETTINGS.iter().filter(has).map(|setting| {
        let value = lookup(setting.name);
        async move {
            let value = value.await.map_err(|NoAnswer| setting.name)?;
            Ok((setting.name, value))
        }
    });
    let values: HashMap<_, _> = try_join_all(values)
        .await
        .map_err(|name: &str| {
            let reason = &format_args!("the variable {name} can't be read from its provider");
            platform.log(&Event::SettingsUnreadable { reason });
            SettingsError::Unavailable
        })?
        .into_iter()
        .collect();
    let lookup = |name: &str| values.get(name).cloned().flatten();
    log::set(Config::log_settings(lookup).0);
    Config::parse(lookup).map_err(|errors| {
        for error in errors {
            platform.log(&Event::Misconfigured(&error));
        }
        SettingsError::Wrong
    })
}

/// The operator's signing key, if one is configured; line breaks at its end don't count.
///
/// # Errors
/// If the file can't be read or is shorter than 32 bytes; the log says so.
pub(crate) fn read_key_file(
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
