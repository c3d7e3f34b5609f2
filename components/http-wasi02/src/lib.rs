//! The HTTP component for every Spin: wires the session library to Spin's HTTP trigger by WASI 0.2 (spin-sdk 5.2).
//!
//! Each request is an instance of its own, so nothing is kept, and only what a request needs is done.

#![warn(clippy::disallowed_methods)]

use std::sync::Arc;

use session_api::{Api, bad_request, needs_settings};
use session_core::domain::setting::NeededBy;
use session_core::log::Event;
use session_core::platform::Platform as _;
use session_runtime::wasi02::{Connector, Spin, connector, request, send, variable};
use session_runtime::{read_config, start, warn_without_api_keys};
use session_store::sql::SqlStore;
use spin_sdk::http::{IncomingRequest, ResponseOutparam};

type App = Api<SqlStore<Connector, Spin>, Spin>;

mod entry {
    #![expect(unsafe_code, reason = "generated")]
    use spin_sdk::http::{IncomingRequest, ResponseOutparam};

    #[spin_sdk::http_component]
    async fn handle(incoming: IncomingRequest, response_out: ResponseOutparam) {
        super::handle(incoming, response_out).await;
    }
}

async fn handle(incoming: IncomingRequest, response_out: ResponseOutparam) {
    let response = match request(incoming) {
        Some(request) => {
            let app = match needs_settings(request.uri()) {
                true => app().await,
                false => Api::WithoutSettings,
            };
            // Not for each request: each is an instance of its own.
            if request.uri().path() == "/ready" {
                warn_without_api_keys(&app);
            }
            app.handle(request).await
        }
        None => bad_request(),
    };
    if send(response, response_out).is_none() {
        Spin.log(&Event::ReplyNotTaken);
    }
}

async fn app() -> App {
    let settings = read_config(NeededBy::Http, &Spin, variable).await;
    start(
        settings,
        |config| connector(&config.database),
        Arc::new(Spin),
    )
}
