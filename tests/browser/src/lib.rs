//! A browser, the demo that it visits, and the clock that the demo's tokens live by.
//!
//! Nothing here waits for a time: what is to happen is waited for, and the service's clock is moved.

mod driver;
mod https;
pub mod npm;
mod page;
mod tour;

use std::time::Duration;

use testbed::service::{Control, ServiceProcess};

pub use driver::Browser;
pub use https::{BINDING, HttpsFront, MARKER};
pub use page::Page;
pub use tour::{First, THEMES, tour};

/// The demo's access tokens live for ten seconds.
const A_TOKENS_LIFE: Duration = Duration::from_secs(11);

/// How far the service's clock is ahead of the browser's, so that no page believes that a token expires soon.
const AHEAD_MS: i64 = 600_000;

/// The demo, served by dev-host on ports of its own.
pub struct Demo {
    service: ServiceProcess,
}

impl Demo {
    /// Builds what is missing and serves it. Its clock stands still: nothing expires by itself.
    pub async fn start() -> Self {
        testbed::build::edge().expect("the edge builds");
        let service = ServiceProcess::builder()
            .manifest("examples/demo/spin.toml")
            .start();
        let demo = Self {
            service: service.expect("the demo starts"),
        };
        let now = demo.control().now_ms().await.expect("there is a clock");
        let frozen = demo.control().freeze_at_ms(now + AHEAD_MS).await;
        frozen.expect("the clock stops");
        demo
    }

    /// Ada's address.
    pub fn url(&self) -> String {
        self.service.url().replace("127.0.0.1", "localhost")
    }

    /// The attacker's address, which is the same machine by another name.
    pub fn attackers_url(&self) -> &str {
        self.service.url()
    }

    /// Lets the clock run on.
    pub async fn thaw(&self) {
        let now = self.control().now_ms().await.expect("there is a clock");
        let set = self.control().set_now_ms(now).await;
        set.expect("the clock runs");
    }

    /// Ends it.
    pub fn stop(&mut self) {
        self.service.kill();
    }

    /// How often the service or the edge has logged this.
    pub fn logged(&self, event: &str) -> usize {
        self.service.log().matches(event).count()
    }

    /// Lets every access token expire that there is.
    pub async fn let_access_tokens_expire(&self) {
        self.advance(A_TOKENS_LIFE).await;
    }

    /// Moves the clock.
    pub async fn advance(&self, by: Duration) {
        let millis = i64::try_from(by.as_millis()).expect("it is seconds");
        let moved = self.control().advance_ms(millis).await;
        moved.expect("the clock moves");
    }

    fn control(&self) -> &Control {
        let control = self.service.control();
        control.expect("the development host has one")
    }
}
