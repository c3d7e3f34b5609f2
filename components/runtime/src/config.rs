//! The service's configuration, read from its settings.

use session_core::domain::config::{Config, SETTINGS};
use session_core::domain::setting::NeededBy;
use session_core::platform::Platform;

use crate::settings::{Lookup, SettingsError, read_settings};

/// Reads the settings that a component of the service needs: the HTTP components all, the scheduled one fewer.
///
/// # Errors
/// If one can't be read, or some are wrong.
pub async fn read_config<P: Platform, F: Future<Output = Lookup>>(
    needed_by: NeededBy,
    platform: &P,
    lookup: impl Fn(&'static str) -> F,
) -> Result<Config, SettingsError> {
    let needed = SETTINGS
        .iter()
        .filter(|setting| needed_by == NeededBy::Http || setting.needed_by == needed_by);
    read_settings(needed, Config::parse, platform, lookup).await
}
