//! What comes before each operation of the store in memory.

use crate::error::Result;

/// What happens before each operation of a store in memory: tests count, delay and fail them.
pub trait Hook: Send + Sync + 'static {
    /// Comes before the operation of that name.
    ///
    /// # Errors
    /// Those of the operation, which then does nothing.
    fn before(&self, operation: &'static str) -> impl Future<Output = Result<()>> + Send;
}

/// Nothing happens.
impl Hook for () {
    async fn before(&self, _: &'static str) -> Result<()> {
        Ok(())
    }
}
