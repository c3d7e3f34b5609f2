//! Session data: what a site keeps with a session on the server.

use session_core::domain::id::HandleHash;
use session_core::domain::json::Json;
use session_core::domain::protocol::Protocol;
use session_core::platform::Platform;
use session_store::{SessionRecord, Store};

use super::{Result, Service};

impl<S: Store, P: Platform> Service<S, P> {
    /// Reads a session's data: `None` if there is no session, `Some(None)` if it has no data.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn read_data(
        &self,
        protocol: Protocol,
        handle: &str,
    ) -> Result<Option<Option<Json>>> {
        let Some(handle) = HandleHash::from_caller(protocol, handle) else {
            return Ok(None);
        };
        Ok(self.store.read_data(handle, self.platform.now()).await?)
    }

    /// Reads the whole record of a session; `None` if there is no session.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn record(&self, protocol: Protocol, handle: &str) -> Result<Option<SessionRecord>> {
        let Some(handle) = HandleHash::from_caller(protocol, handle) else {
            return Ok(None);
        };
        Ok(self.store.record(handle, self.platform.now()).await?)
    }

    /// Replaces a session's data. False if there is no session.
    ///
    /// # Errors
    /// If the database does not answer; the data may be replaced all the same.
    pub async fn write_data(
        &self,
        protocol: Protocol,
        handle: &str,
        data: Option<&Json>,
    ) -> Result<bool> {
        let Some(handle) = HandleHash::from_caller(protocol, handle) else {
            return Ok(false);
        };
        let now = self.platform.now();
        Ok(self.store.write_data(handle, data, now).await?)
    }
}
