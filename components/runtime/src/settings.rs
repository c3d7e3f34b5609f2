//! Reading the settings from Spin's variables.

use std::collections::HashMap;

use futures::future::try_join_all;
use session_core::domain::log::LogSettings;
use session_core::domain::setting::{self, ConfigError, Setting};
use session_core::log::Event;
use session_core::platform::Platform;

use crate::log;

/// Why there are no settings.
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

/// Reads `settings`, all at once, and parses them. What is wrong goes to the log.
///
/// One that can't be read is never taken for its default: that could be another database, or no API keys.
///
/// # Errors
/// If one can't be read, or some are wrong.
pub async fn read_settings<T, P: Platform, F: Future<Output = Lookup>>(
    settings: impl Iterator<Item = &'static Setting>,
    parse: impl FnOnce(setting::Lookup<'_>) -> Result<T, Vec<ConfigError>>,
    platform: &P,
    lookup: impl Fn(&'static str) -> F,
) -> Result<T, SettingsError> {
    let values = settings.map(|setting| {
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
    log::set(LogSettings::parse(&lookup));
    parse(&lookup).map_err(|errors| {
        for error in errors {
            platform.log(&Event::Misconfigured(&error));
        }
        SettingsError::Wrong
    })
}
