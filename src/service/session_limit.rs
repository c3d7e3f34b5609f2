//! The limit on a user's sessions: what a login does that is beyond it.

use session_core::domain::config::SessionLimit;
use session_core::domain::revocation::Reason;
use session_core::domain::time::Timestamp;
use session_core::log::Event;
use session_core::platform::Platform;
use session_store::{BATCH_ROWS, First, NewSession, Store};

use super::{Result, Service, ServiceError};

impl<S: Store, P: Platform> Service<S, P> {
    /// Ends the user's oldest sessions, or refuses the one that was just stored, if there are too many.
    ///
    /// After the insert, so that of logins at the same time each sees the others, and all rank them alike. Two of them may
    /// still both pass if the one that is older by its clock is stored after the other has looked.
    pub(super) async fn keep_limit(
        &self,
        session: &NewSession,
        limit: SessionLimit,
        now: Timestamp,
    ) -> Result<()> {
        let (user, own) = (&session.stored.user_id, session.handle);
        if limit.refuses {
            let first = self.store.by_age(user, First::Oldest, 0, limit.most, now);
            return match first.await?.contains(&own) {
                true => Ok(()),
                false => Err(ServiceError::TooManySessions),
            };
        }
        let beyond = self
            .store
            .by_age(user, First::Newest, limit.most, BATCH_ROWS, now);
        // With a clock that is behind, the session of now is not the newest.
        let beyond: Vec<_> = beyond
            .await?
            .into_iter()
            .filter(|key| *key != own)
            .collect();
        if !beyond.is_empty() {
            let revocation = self.revocation(Reason::Limit);
            for session in self.store.delete_batch(&beyond, revocation).await? {
                self.log(&Event::SessionRevoked { session });
            }
        }
        Ok(())
    }
}
