//! What tests read and turn while the host runs, by the control API; without it nothing here changes.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use crate::entropy::Entropy;
use crate::faults::{Call, Faults, Operation, Verdict};
use crate::stats::Counters;

/// All of it but the clock, which the cron scheduler needs as well.
#[derive(Default)]
pub(crate) struct TestControls {
    pub(crate) entropy: Arc<Entropy>,
    pub(crate) faults: Faults,
    pub(crate) stats: Counters,
    /// Values of components' variables since they were changed, as a provider such as Vault may give others.
    pub(crate) variables: Mutex<HashMap<String, String>>,
}

impl TestControls {
    /// Counts a call to a database and lets the fault rules decide about it.
    pub(crate) async fn meet(&self, call: Call<'_>) -> Verdict {
        if call.operation != Operation::Open {
            self.stats.statement(call.sql);
        }
        self.faults.meet(call).await
    }
}
