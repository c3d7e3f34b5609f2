//! Sessions on SQL.

use std::time::Duration;

use session_core::domain::authentication::Authentication;
use session_core::domain::id::{HandleHash, UserId};
use session_core::domain::json::Json;
use session_core::domain::secret::{DoubleHash, Random};
use session_core::domain::session::{Confirmation, StoredSession};
use session_core::domain::time::{Timestamp, millis};
use session_core::platform::Platform;

use super::failure::Failure;
use super::rows::{decode_data, decode_handle, decode_listed, decode_record, decode_session};
use super::store::SqlStore;
use crate::db::{Connector, DbError, Statement, Value};
use crate::error::Result;
use crate::ports::{First, SessionStore};
use crate::records::{ListedSession, NewSession, SessionRecord};

/// When a session that is marked as deleted has expired, before now: long enough ago for every clock, and too short for
/// the clean-up, which would take it for one that nobody deleted.
const DEAD_SINCE: Duration = Duration::from_secs(3600);

pub(super) fn hex(bytes: &[u8; 32]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn live(handle: HandleHash, now: Timestamp) -> [Value; 2] {
    [handle.as_str().into(), now.as_millis().into()]
}

impl<C: Connector, P: Platform> SqlStore<C, P> {
    /// Deletes a user's next thousand sessions, and says where the next batch begins; none after the last.
    async fn delete_batch_of_user(&self, mut params: Vec<Value>) -> Result<Option<Value>, Failure> {
        let next = Statement::row(&self.sql.next_batch_of_user, params.clone());
        let next = self.runner.run(&[next]).await?.pop();
        let next = next.and_then(|row| row.into_iter().next());
        params.extend(next.clone());
        let delete = match next {
            Some(_) => &self.sql.delete_batch_of_user,
            None => &self.sql.delete_rest_of_user,
        };
        self.runner
            .run(&[Statement::execute(delete, params)])
            .await?;
        Ok(next)
    }
}

impl<C: Connector, P: Platform> SessionStore for SqlStore<C, P> {
    async fn insert(&self, session: &NewSession) -> Result<()> {
        let authentication = session.stored.authentication.as_ref();
        let authentication = authentication.map(Authentication::to_json);
        let params = vec![
            session.handle.as_str().into(),
            session.stored.user_id.as_str().into(),
            session.stored.current.as_str().into(),
            session.data.as_ref().map(Json::as_str).into(),
            session.stored.expires_at.as_millis().into(),
            session.stored.payload.as_ref().map(Json::as_str).into(),
            u64::from(session.stored.generation.0).into(),
            session.created_at.as_millis().into(),
            session.sealed.as_deref().into(),
            session
                .stored
                .limits
                .ends_at
                .map(Timestamp::as_millis)
                .into(),
            session.stored.limits.idle_timeout.map(millis).into(),
            session.stored.issued_at.map(Timestamp::as_millis).into(),
            session.client.as_ref().map(Json::as_str).into(),
            authentication.as_deref().into(),
        ];
        match self
            .runner
            .run(&[Statement::execute(&self.sql.insert, params)])
            .await
        {
            // Handles are random: a row of that key is our own, from a try whose answer was lost.
            Ok(_) | Err(Failure::Db(DbError::DuplicateKey)) => Ok(()),
            Err(failure) => Err(failure.into()),
        }
    }

    async fn find(&self, handle: HandleHash, now: Timestamp) -> Result<Option<StoredSession>> {
        let find = Statement::row(&self.sql.find, live(handle, now).to_vec());
        self.one(&[find], decode_session).await
    }

    async fn confirm(
        &self,
        handle: HandleHash,
        confirmation: Confirmation,
        sealed: &str,
        client: Option<&Json>,
        now: Timestamp,
    ) -> Result<Option<StoredSession>> {
        let [key, time] = live(handle, now);
        let expires_at = Value::from(confirmation.expires_at.as_millis());
        let confirm = vec![
            confirmation.child.as_str().into(),
            expires_at.clone(),
            confirmation.issued_at.as_millis().into(),
            expires_at.clone(),
            expires_at,
            sealed.into(),
            confirmation.issued_at.as_millis().into(),
            client.map(Json::as_str).into(),
            key,
            time,
            confirmation.parent.as_str().into(),
        ];
        let confirm = Statement::execute(&self.sql.confirm, confirm);
        let find = Statement::row(&self.sql.find, live(handle, now).to_vec());
        self.one(&[confirm, find], decode_session).await
    }

    async fn extend(
        &self,
        handle: HandleHash,
        current: DoubleHash,
        expires_at: Timestamp,
        now: Timestamp,
    ) -> Result<()> {
        let [key, time] = live(handle, now);
        let expires_at = Value::from(expires_at.as_millis());
        let current = current.as_str().into();
        let params = vec![expires_at.clone(), key, time, current, expires_at];
        let extend = Statement::execute(&self.sql.extend, params);
        self.runner.run(&[extend]).await?;
        Ok(())
    }

    /// Marks the row with a text of its own, which one caller can do while the session is live, and reads back whose
    /// mark it has. That may be repeated, and is right wherever a compare-and-set is. A marked session is dead.
    async fn delete(&self, handle: HandleHash, now: Timestamp) -> Result<bool> {
        let random: &dyn Random = &*self.platform;
        let mark = hex(&random.bytes());
        let [key, time] = live(handle, now);
        let dead_since = Value::from(now.minus(DEAD_SINCE).as_millis());
        let params = vec![mark.as_str().into(), dead_since, key.clone(), time];
        let script = [
            Statement::execute(&self.sql.mark, params),
            Statement::row(&self.sql.read_mark, vec![key.clone()]),
        ];
        let rows = self.runner.run(&script).await?;
        let is_ours = rows.first().and_then(|row| row.first()) == Some(&mark.as_str().into());
        if is_ours {
            let remove =
                Statement::execute(&self.sql.remove_marked, vec![key, mark.as_str().into()]);
            // If that fails the clean-up removes the row; the session is dead all the same.
            self.runner.run(&[remove]).await.ok();
        }
        Ok(is_ours)
    }

    async fn remove(&self, handle: HandleHash) -> Result<()> {
        let remove = Statement::execute(&self.sql.remove, vec![handle.as_str().into()]);
        self.runner.run(&[remove]).await?;
        Ok(())
    }

    /// In the order of the index, from each thousandth row to the next: what is removed is a range, so a session that was
    /// there before is removed however many come meanwhile, and those that come behind the last range keep nothing going.
    async fn delete_user(&self, user: &UserId, except: Option<HandleHash>) -> Result<()> {
        let except = except.as_ref().map_or("", HandleHash::as_str);
        let user = Value::from(user.as_str());
        let mut from = Some(self.dialect.start_of_order());
        while let Some(start) = from {
            let params = vec![user.clone(), user.clone(), except.into(), start];
            from = self.runner.batch(self.delete_batch_of_user(params)).await?;
        }
        Ok(())
    }

    async fn read_data(&self, handle: HandleHash, now: Timestamp) -> Result<Option<Option<Json>>> {
        let read = Statement::row(&self.sql.read_data, live(handle, now).to_vec());
        self.one(&[read], decode_data).await
    }

    async fn write_data(
        &self,
        handle: HandleHash,
        data: Option<&Json>,
        now: Timestamp,
    ) -> Result<bool> {
        let [key, time] = live(handle, now);
        let write = vec![data.map(Json::as_str).into(), key, time];
        let find = Statement::row(&self.sql.read_data, live(handle, now).to_vec());
        let rows = self
            .runner
            .run(&[Statement::execute(&self.sql.write_data, write), find])
            .await?;
        Ok(!rows.is_empty())
    }

    async fn record(&self, handle: HandleHash, now: Timestamp) -> Result<Option<SessionRecord>> {
        let read = Statement::row(&self.sql.record, live(handle, now).to_vec());
        self.one(&[read], decode_record).await
    }

    async fn write_payload(
        &self,
        handle: HandleHash,
        payload: Option<&Json>,
        now: Timestamp,
    ) -> Result<Option<StoredSession>> {
        let [key, time] = live(handle, now);
        let write = vec![payload.map(Json::as_str).into(), key, time];
        let write = Statement::execute(&self.sql.write_payload, write);
        let find = Statement::row(&self.sql.find, live(handle, now).to_vec());
        self.one(&[write, find], decode_session).await
    }

    async fn by_age(
        &self,
        user: &UserId,
        first: First,
        skip: u64,
        limit: u64,
        now: Timestamp,
    ) -> Result<Vec<HandleHash>> {
        let user = Value::from(user.as_str());
        let time = now.as_millis().into();
        let params = vec![user.clone(), user, time, limit.into(), skip.into()];
        let [oldest, newest] = &self.sql.by_age;
        let sql = match first {
            First::Oldest => oldest,
            First::Newest => newest,
        };
        let rows = self.runner.run(&[Statement::query(sql, params)]).await?;
        rows.into_iter().map(decode_handle).collect()
    }

    async fn list_user(
        &self,
        user: &UserId,
        after: Option<HandleHash>,
        limit: u64,
        now: Timestamp,
    ) -> Result<Vec<ListedSession>> {
        let params = vec![
            user.as_str().into(),
            user.as_str().into(),
            now.as_millis().into(),
            after.as_ref().map_or("", HandleHash::as_str).into(),
            limit.into(),
        ];
        let list = Statement::query(&self.sql.list_user, params);
        let rows = self.runner.run(&[list]).await?;
        rows.into_iter().map(decode_listed).collect()
    }

    async fn delete_batch(
        &self,
        handles: &[HandleHash],
        now: Timestamp,
    ) -> Result<Vec<HandleHash>> {
        let (find, delete) = self.sql.of_many(handles.len());
        let params = |handles: &[HandleHash]| {
            let handles = handles.iter().map(|handle| handle.as_str().into());
            std::iter::once(now.as_millis().into())
                .chain(handles)
                .collect::<Vec<Value>>()
        };
        let scripts = async {
            let find = Statement::query(&find, params(handles));
            let there = self.runner.run(&[find]).await?;
            if !there.is_empty() {
                let delete = Statement::execute(&delete, params(handles));
                self.runner.run(&[delete]).await?;
            }
            Ok(there)
        };
        let there = self.runner.batch(scripts).await?;
        there.into_iter().map(decode_handle).collect()
    }
}
