//! The HTTP component for Spin 4.1 or later: wires the session library to Spin's HTTP trigger (spin-sdk 7).
//!
//! Instances serve many requests, several at a time, so everything that is the same for all of them is made by
//! the first and kept in a static.

#![warn(clippy::disallowed_methods)]

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use session_api::{Api, bad_request, needs_settings};
use session_core::domain::setting::NeededBy;
use session_core::log::Event;
use session_core::platform::Platform as _;
use session_core::sync::once_cell::{InitError, OnceCell};
use session_runtime::wasi03::{
    Connector, Spin, body_first, connector, request, response, variable,
};
use session_runtime::{read_config, start, warn_without_api_keys};
use session_store::sql::SqlStore;
use spin_sdk::wasip3;
use spin_sdk::wasip3::http::types;

/// How long a request waits for the settings, read by itself or by another one.
const SETTINGS_DEADLINE: Duration = Duration::from_secs(3);

/// Any wait at all. The lookup of a variable takes Spin's thread from those that serve requests, until the instance waits:
/// a reply before that would leave in two packets, the second after 40 ms of delayed ACK. Where the keys come from the
/// database, that is waited for.
const A_MOMENT: Duration = Duration::from_nanos(1);

type App = Api<SqlStore<Connector, Spin>, Spin>;

static APP: LazyLock<OnceCell<App, Spin>> = LazyLock::new(|| OnceCell::new(Arc::new(Spin)));
/// What answers when the settings can't be read. It is not kept: the next request tries again.
static WITHOUT_SETTINGS: App = Api::WithoutSettings;

struct Component;

wasip3::http::service::export!(Component);

impl wasip3::exports::http::handler::Guest for Component {
    async fn handle(request: types::Request) -> Result<types::Response, types::ErrorCode> {
        handle(request).await
    }
}

async fn handle(incoming: types::Request) -> Result<types::Response, types::ErrorCode> {
    let reply = match request(incoming) {
        Some(request) => {
            let app = match needs_settings(request.uri()) {
                true => app().await,
                false => &WITHOUT_SETTINGS,
            };
            app.handle(request).await
        }
        None => bad_request(),
    };
    let response = response(reply);
    body_first().await;
    response
}

/// This instance's app, made by its first request.
async fn app() -> &'static App {
    let make = async {
        let settings = read_config(NeededBy::Http, &Spin, variable).await;
        match start(
            settings,
            |config| connector(&config.database),
            Arc::new(Spin),
        ) {
            Api::WithoutSettings => None,
            app => {
                warn_without_api_keys(&app);
                if app.has_own_keys() {
                    Spin.sleep(A_MOMENT).await;
                }
                Some(app)
            }
        }
    };
    match APP.get_or_init(SETTINGS_DEADLINE, make).await {
        Ok(app) => app,
        Err(InitError::Failed) => &WITHOUT_SETTINGS,
        Err(InitError::TimedOut) => {
            let reason = &format_args!("the variables can't be read within {SETTINGS_DEADLINE:?}");
            Spin.log(&Event::SettingsUnreadable { reason });
            &WITHOUT_SETTINGS
        }
    }
}
