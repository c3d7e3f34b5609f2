//! Reading the settings from Spin's variables.

use std::collections::BTreeMap;

use futures::future::try_join_all;
use session_core::domain::log::LogSettings;
use session_core::domain::setting::{self, ConfigError, Setting, combined};
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
    let values = match lookup(combined::VARIABLE).await {
        Ok(Some(text)) => combined::split(&text).map_err(|index| {
            let reason = &format_args!(
                "a value has the character U+001F in it: part {index} of the variable settings is no setting"
            );
            platform.log(&Event::SettingsUnreadable { reason });
            SettingsError::Wrong
        })?,
        // The manifest does not have it, or one of those in it can't be read, and the log is to name that one.
        Ok(None) | Err(NoAnswer) => one_by_one(settings, lookup).await.map_err(|name| {
            let reason = &format_args!("the variable {name} can't be read from its provider");
            platform.log(&Event::SettingsUnreadable { reason });
            SettingsError::Unavailable
        })?,
    };
    let lookup = |name: &str| values.get(name).cloned();
    log::set(LogSettings::parse(&lookup));
    parse(&lookup).map_err(|errors| {
        for error in errors {
            platform.log(&Event::Misconfigured(&error));
        }
        SettingsError::Wrong
    })
}

/// The values of variables that the component has, each looked up by itself.
///
/// # Errors
/// The name of one that can't be read.
async fn one_by_one<F: Future<Output = Lookup>>(
    settings: impl Iterator<Item = &'static Setting>,
    lookup: impl Fn(&'static str) -> F,
) -> Result<BTreeMap<String, String>, &'static str> {
    let values = settings.map(|setting| {
        let value = lookup(setting.name);
        async move {
            let value = value.await.map_err(|NoAnswer| setting.name)?;
            Ok(value.map(|value| (setting.name.to_owned(), value)))
        }
    });
    let values = try_join_all(values).await?;
    Ok(values.into_iter().flatten().collect())
}
