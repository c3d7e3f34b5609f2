//! Ticks over a store in memory.

#[path = "maintenance_tests/expired.rs"]
mod expired;
#[path = "maintenance_tests/keys.rs"]
mod keys;

use std::sync::Arc;
use std::time::Duration;

use super::{Report, run};
use crate::domain::config::Config;
use crate::platform::Platform;
use crate::service::Service;
use crate::store::Store;
use crate::testing::store::WatchedStore;
use crate::testing::{TestPlatform, config, ready};

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
            .filter(|row| row.name != "last_tick")
            .map(|row| row.name.replace("access_token_signing_key", "key"))
            .collect()
    }
}

/// A tick of the scheduled component.
async fn tick<S: Store, P: Platform>(store: &S, platform: &P, config: &Config) -> Report {
    run(store, platform, config, config.clean_up_budget).await
}
