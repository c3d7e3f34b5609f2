//! What this instance logs, and how: known once the settings are read.

use std::sync::{Mutex, PoisonError};

use session_core::log::LogSettings;

static SETTINGS: Mutex<Option<LogSettings>> = Mutex::new(None);

pub(crate) fn set(settings: LogSettings) {
    *SETTINGS.lock().unwrap_or_else(PoisonError::into_inner) = Some(settings);
}

pub(crate) fn settings() -> LogSettings {
    let settings = SETTINGS.lock().unwrap_or_else(PoisonError::into_inner);
    settings.unwrap_or_default()
}
