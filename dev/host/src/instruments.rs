//! What tests can read and turn while the host runs. There are instruments only with `--control`;
//! without, nobody on the way of a request asks for them more than once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use crate::entropy::Entropy;
use crate::faults::{Call, Faults, Operation, Verdict};
use crate::stats::Counters;

/// All instruments but the clock, which the cron scheduler needs as well.
#[derive(Default)]
pub(crate) struct Instruments {
    pub(crate) entropy: Arc<Entropy>,
    pub(crate) faults: Faults,
    pub(crate) stats: Counters,
    /// Values of components' variables since they were changed, as a provider such as Vault may give others.
    pub(crate) variables: Mutex<HashMap<String, String>>,
}

impl Instruments {
    /// Counts a call to a database and lets the fault rules decide about it.
    pub(crate) async fn meet(&self, call: Call<'_>) -> Verdict {
        if call.operation != Operation::Open {
            self.stats.statement(call.sql);
        }
        self.faults.meet(call).await
    }
}
