//! What an instance has done since it began. The numbers are lost with it.

use std::collections::BTreeMap;

use session_core::log::Event;

/// How often each of these has happened in this instance.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Sessions that were created.
    pub logins: u64,
    /// Refresh tokens that were exchanged.
    pub refreshes: u64,
    /// Refresh tokens that were reported as stolen.
    pub thefts: u64,
    /// Revocations: of a session, or of all of a user's.
    pub revocations: u64,
    /// Tokens of bound sessions that came without a proof of the device.
    pub proofs_missing: u64,
    /// Proofs that were not the device's.
    pub proofs_wrong: u64,
    /// Requests that failed, by the stable code of the error.
    pub errors: BTreeMap<&'static str, u64>,
}

impl Counters {
    pub(super) fn count(&mut self, event: &Event<'_>) {
        match event {
            Event::SessionCreated { .. } => self.logins += 1,
            Event::SessionRefreshed { .. } => self.refreshes += 1,
            Event::TokenTheftDetected { .. } => self.thefts += 1,
            Event::SessionRevoked { .. } | Event::UserRevoked => self.revocations += 1,
            Event::DeviceProofMissing { .. } => self.proofs_missing += 1,
            Event::DeviceProofWrong { .. } => self.proofs_wrong += 1,
            Event::SessionReauthenticated { .. } => {
                self.logins += 1;
                self.revocations += 1;
            }
            _ => {}
        }
    }
}
