//! A browser, the demo that it visits, and the clock that the demo's tokens live by.
//!
//! Nothing here waits for a time: what is to happen is waited for, and the service's clock is moved.

mod driver;
mod https;
pub mod library;
mod page;

use std::time::Duration;

use testbed::service::ServiceProcess;

pub use driver::Browser;
pub use https::HttpsFront;
pub use page::Page;

/// The demo's access tokens live for ten seconds.
const A_TOKENS_LIFE: Duration = Duration::from_secs(11);

/// The demo, served by dev-host on ports of its own.
pub struct Demo {
    service: ServiceProcess,
}

impl Demo {
    /// Builds what is missing and serves it.
    pub fn start() -> Self {
        testbed::build::edge().expect("the edge builds");
        let service = ServiceProcess::builder()
            .manifest("examples/demo/spin.toml")
            .start();
        Self {
            service: service.expect("the demo starts"),
        }
    }

    /// Ada's address.
    pub fn url(&self) -> String {
        self.service.url().replace("127.0.0.1", "localhost")
    }

    /// The attacker's address, which is the same machine by another name.
    pub fn attackers_url(&self) -> &str {
        self.service.url()
    }

    /// Lets every access token expire that there is.
    pub async fn let_access_tokens_expire(&self) {
        let millis = i64::try_from(A_TOKENS_LIFE.as_millis()).expect("it is seconds");
        let moved = self
            .service
            .control()
            .expect("the development host has one")
            .advance_ms(millis)
            .await;
        moved.expect("the clock moves");
    }
}
