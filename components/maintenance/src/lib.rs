//! The scheduled component: wires the session library's maintenance tick to Spin's cron trigger (spin-sdk 5.2).

#![warn(clippy::disallowed_methods)]

use std::sync::Arc;

use session_core::domain::setting::NeededBy;
use session_runtime::wasi02::{Spin, connector, run, variable};
use session_runtime::{SettingsError, open_store, read_config};
use session_service::maintenance;

mod bindings {
    #![expect(unsafe_code, reason = "generated")]
    wit_bindgen::generate!({ world: "spin-cron", path: "wit" });
    use super::Maintenance;
    export!(Maintenance);
}

use bindings::Guest;
use bindings::fermyon::spin_cron::cron_types::{Error, Metadata};

struct Maintenance;

impl Guest for Maintenance {
    fn handle_cron_event(_: Metadata) -> Result<(), Error> {
        // The clock is asked, not the metadata: a tick that waited must not act on an old time.
        run(maintain()).map_err(Error::Other)
    }
}

async fn maintain() -> Result<(), String> {
    let settings = read_config(NeededBy::All, &Spin, variable).await;
    let config = settings.map_err(|error| match error {
        SettingsError::Wrong => "misconfigured",
        SettingsError::Unavailable => "the settings can't be read",
    })?;
    let store = open_store(connector(&config.database), &config, Arc::new(Spin));
    let report = maintenance::run(&store, &Spin, &config, config.clean_up_budget).await;
    report.error.map_or(Ok(()), Err)
}
