//! Ticks over a store in memory.

mod expired;
mod keys;

use std::sync::Arc;
use std::time::Duration;

use session_core::domain::config::Config;
use session_core::domain::maintenance::Report;
use session_core::platform::Platform;
use session_core::testing::{TestPlatform, config, ready};
use session_store::testing::WatchedStore;
use session_store::{KeyStore, Store};

use super::run;
use crate::Service;

const HOUR: Duration = Duration::from_secs(3600);

/// A database and a clock.
struct World {
    store: Arc<WatchedStore>,
    platform: Arc<TestPlatform>,
}

impl World {
    fn new() -> Self {
        Self {
            store: Arc::default(),
            platform: TestPlatform::new(1),
        }
    }

    /// An instance of the service that makes or loads its keys.
    fn service(&self, settings: &[(&str, &str)]) -> Service<WatchedStore, TestPlatform> {
        let (store, platform) = (Arc::clone(&self.store), Arc::clone(&self.platform));
        let service = Service::new(store, platform, config(settings), None);
        ready(service.ready()).unwrap();
        service
    }

    fn tick(&self, settings: &[(&str, &str)]) -> Report {
        ready(tick(&*self.store, &*self.platform, &config(settings)))
    }

    /// The names of the keys in the key table.
    fn names(&self) -> Vec<String> {
        let rows = ready(self.store.keys()).unwrap();
        rows.into_iter()
            .filter(|row| !row.name.starts_with("used_"))
            .map(|row| row.name.replace("access_token_signing_key", "key"))
            .collect()
    }
}

/// A tick of the scheduled component.
async fn tick<S: Store, P: Platform>(store: &S, platform: &P, config: &Config) -> Report {
    run(store, platform, config, config.clean_up_budget).await
}
