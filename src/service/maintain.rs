//! A tick of maintenance on request, for hosts without a cron trigger.

use session_core::domain::maintenance::Report;
use session_core::platform::Platform;
use session_store::Store;

use super::Service;
use crate::maintenance;

impl<S: Store, P: Platform> Service<S, P> {
    /// Runs one tick; nothing if the settings have no endpoint for that.
    pub async fn maintain(&self) -> Option<Report> {
        let budget = self.config.maintenance?;
        Some(maintenance::run(&*self.store, &*self.platform, &self.config, budget).await)
    }
}
