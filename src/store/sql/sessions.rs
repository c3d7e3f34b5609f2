//! Sessions on SQL.

use session_core::domain::authentication::Authentication;
use session_core::domain::device::DeviceKey;
use session_core::domain::id::{HandleHash, UserId};
use session_core::domain::json::Json;
use session_core::domain::revocation::{Revocation, Revoked, dead_since};
use session_core::domain::secret::{DoubleHash, Random};
use session_core::domain::session::{Confirmation, StoredSession};
use session_core::domain::time::{Timestamp, millis};
use session_core::platform::Platform;

use super::failure::Failure;
use super::rows::{
    decode_data, decode_handle, decode_listed, decode_record, decode_revoked, decode_session,
    user_of_tombstone,
};
use super::store::SqlStore;
use crate::db::{Connector, DbError, Row, Statement, Value};
use crate::error::Result;
use crate::ports::{First, SessionStore};
use crate::records::{ListedSession, NewSession, SessionRecord};

pub(super) fn hex(bytes: &[u8; 32]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn live(handle: HandleHash, now: Timestamp) -> [Value; 2] {
    [handle.as_str().into(), now.as_millis().into()]
}

/// What takes the place of a session's refresh token, expiry and user.
fn tombstone(mark: Value, revocation: Revocation) -> [Value; 3] {
    let user = user_of_tombstone(revocation.reason);
    let expires_at = revocation.expires_at().as_millis();
    [mark, expires_at.into(), user.as_str().into()]
}

impl<C: Connector, P: Platform> SqlStore<C, P> {
    /// A text that no other row has.
    fn mark(&self) -> Value {
        let random: &dyn Random = &*self.platform;
        hex(&random.bytes()).as_str().into()
    }

    /// Revokes those of some sessions that are live, with a mark that one caller can set, and reads back which rows have
    /// it. A try whose answer was lost, or that was rolled back, may be repeated: what was done is in the rows, which
    /// outlive the question.
    async fn revoke_live(
        &self,
        handles: &[HandleHash],
        revocation: Revocation,
    ) -> Result<Vec<Row>, Failure> {
        let (revoke, find) = self.sql.of_many(handles.len());
        let keys = || handles.iter().map(|handle| handle.as_str().into());
        let mark = self.mark();
        let now = revocation.at.as_millis().into();
        let values = tombstone(mark.clone(), revocation).into_iter().chain([now]);
        let marked = std::iter::once(mark).chain(keys()).collect();
        let script = [
            Statement::execute(&revoke, values.chain(keys()).collect()),
            match handles {
                [_] => Statement::row(&find, marked),
                _ => Statement::query(&find, marked),
            },
        ];
        self.runner.run(&script).await
    }

    /// Revokes a user's next thousand sessions, and says where the next batch begins; none after the last.
    async fn revoke_batch_of_user(
        &self,
        tombstone: [Value; 3],
        mut params: Vec<Value>,
    ) -> Result<Option<Value>, Failure> {
        let next = Statement::row(&self.sql.next_batch_of_user, params.clone());
        let next = self.runner.run(&[next]).await?.pop();
        let next = next.and_then(|row| row.into_iter().next());
        params.extend(next.clone());
        let revoke = match next {
            Some(_) => &self.sql.revoke_batch_of_user,
            None => &self.sql.revoke_rest_of_user,
        };
        let params = tombstone.into_iter().chain(params).collect();
        self.runner
            .run(&[Statement::execute(revoke, params)])
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
            session.stored.binding.stored().as_deref().into(),
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

    async fn bind(
        &self,
        handle: HandleHash,
        current: DoubleHash,
        device: DeviceKey,
        now: Timestamp,
    ) -> Result<Option<StoredSession>> {
        let [key, time] = live(handle, now);
        let bind = vec![
            device.encode().as_str().into(),
            key,
            time,
            current.as_str().into(),
        ];
        let bind = Statement::execute(&self.sql.bind, bind);
        let find = Statement::row(&self.sql.find, live(handle, now).to_vec());
        self.one(&[bind, find], decode_session).await
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
        let end = expires_at.clone();
        let params = vec![end.clone(), end, key, time, current, expires_at];
        let extend = Statement::execute(&self.sql.extend, params);
        self.runner.run(&[extend]).await?;
        Ok(())
    }

    async fn delete(&self, handle: HandleHash, revocation: Revocation) -> Result<bool> {
        let revoked = self.revoke_live(&[handle], revocation).await?;
        Ok(!revoked.is_empty())
    }

    async fn revoke(&self, handle: HandleHash, revocation: Revocation) -> Result<()> {
        let mut params = tombstone(self.mark(), revocation).to_vec();
        params.push(handle.as_str().into());
        let revoke = Statement::execute(&self.sql.revoke, params);
        self.runner.run(&[revoke]).await?;
        Ok(())
    }

    /// In the order of the index, from each thousandth row to the next: what is revoked is a range, so a session that was
    /// there before is revoked however many come meanwhile, and those that come behind the last range keep nothing going.
    async fn delete_user(
        &self,
        user: &UserId,
        except: Option<HandleHash>,
        revocation: Revocation,
    ) -> Result<()> {
        let except = except.as_ref().map_or("", HandleHash::as_str);
        let user = Value::from(user.as_str());
        let tombstone = tombstone(self.mark(), revocation);
        let mut from = Some(self.dialect.start_of_order());
        while let Some(start) = from {
            let params = vec![user.clone(), user.clone(), except.into(), start];
            let batch = self.revoke_batch_of_user(tombstone.clone(), params);
            from = self.runner.batch(batch).await?;
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
        revocation: Revocation,
    ) -> Result<Vec<HandleHash>> {
        let revoked = self.revoke_live(handles, revocation);
        let revoked = self.runner.batch(revoked).await?;
        revoked.into_iter().map(decode_handle).collect()
    }

    async fn revocations(
        &self,
        (from, after): (Timestamp, Option<HandleHash>),
        before: Timestamp,
        limit: u64,
    ) -> Result<Vec<Revoked>> {
        let [from, before] = [from, before].map(|at| Value::from(dead_since(at).as_millis()));
        let after = after.as_ref().map_or("", HandleHash::as_str).into();
        let params = vec![from.clone(), before, from, after, limit.into()];
        let read = Statement::query(&self.sql.revocations, params);
        let rows = self.runner.run(&[read]).await?;
        rows.into_iter().map(decode_revoked).collect()
    }
}
