//! A tick of maintenance on request, for hosts without a cron trigger.

use super::Service;
use crate::maintenance::{self, Report};
use crate::platform::Platform;
use crate::store::Store;

impl<S: Store, P: Platform> Service<S, P> {
    /// Runs one tick; nothing if the settings have no endpoint for that.
    pub async fn maintain(&self) -> Option<Report> {
        let budget = self.config.maintenance?;
        Some(maintenance::run(&*self.store, &*self.platform, &self.config, budget).await)
    }
}
