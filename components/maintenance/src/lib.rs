//! The scheduled component: wires the session library's maintenance tick to Spin's cron trigger (spin-sdk 5.2).
//!
//! It imports only `fermyon:spin@2.0.0` and WASI 0.2, whose calls block: every future here is ready at once.

#![warn(clippy::disallowed_methods)]

mod mysql;
mod platform;
mod sqlite;

use std::collections::HashMap;
use std::sync::Arc;

use futures::executor::block_on;
use session::domain::config::{Config, Database, VARIABLES};
use session::maintenance::{Report, tick};
use session::platform::{Level, Platform as _};
use session::store::sql::{Dialect, SqlStore};
use spin_sdk::variables;

use crate::mysql::MySql;
use crate::platform::Spin;
use crate::sqlite::Sqlite;

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
        let values = read_settings()?;
        let config = Config::parse(|name| values.get(name).cloned()).map_err(|errors| {
            for error in &errors {
                Spin.log(Level::Error, &format!("misconfigured: {error}"));
            }
            Error::Other("misconfigured".to_owned())
        })?;
        let report = run(&config);
        let line = serde_json::to_string(&report).expect("numbers and text serialize");
        match report.error {
            None => {
                Spin.log(Level::Info, &format!("maintenance {line}"));
                Ok(())
            }
            Some(error) => {
                Spin.log(Level::Error, &format!("maintenance {line}"));
                Err(Error::Other(error))
            }
        }
    }
}

/// Every setting. One that can't be had fails the tick: its default could be another database.
fn read_settings() -> Result<HashMap<&'static str, String>, Error> {
    let mut values = HashMap::new();
    for name in VARIABLES {
        match variables::get(name) {
            Ok(value) => {
                values.insert(name, value);
            }
            // A variable that the manifest leaves out has its default.
            Err(variables::Error::Undefined(_)) => {}
            // The error's text is the provider's, and may hold an address or more.
            Err(_) => {
                let line = format!("the variable {name} can't be read from its provider");
                Spin.log(Level::Error, &line);
                return Err(Error::Other(line));
            }
        }
    }
    Ok(values)
}

fn run(config: &Config) -> Report {
    let (platform, tables) = (Arc::new(Spin), &config.tables);
    match &config.database {
        Database::MySql(settings) => {
            let connector = MySql::new(settings);
            let store = SqlStore::new(connector, 1, Dialect::MySql, tables, Arc::clone(&platform));
            block_on(tick(&store, &*platform, config))
        }
        Database::Sqlite => {
            let store = SqlStore::new(Sqlite, 1, Dialect::Sqlite, tables, Arc::clone(&platform));
            block_on(tick(&store, &*platform, config))
        }
    }
}
