//! `DELETE /session`: the session that a handle or one of its tokens names.

use serde::Deserialize;
use session_core::domain::protocol::Protocol;
use session_core::platform::Platform;
use session_service::Service;
use session_store::Store;

use super::reply;
use crate::error::ApiError;
use crate::field::{Text, parse};
use crate::reply::Reply;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Input<'a> {
    #[serde(default, borrow)]
    session_handle: Text<'a>,
    #[serde(default, borrow)]
    access_token: Text<'a>,
    #[serde(default, borrow)]
    refresh_token: Text<'a>,
}

pub(super) async fn answer<S: Store, P: Platform>(
    service: &Service<S, P>,
    body: &[u8],
) -> Result<Reply, ApiError> {
    let input: Input<'_> = parse(body)?;
    let access = input.access_token.optional("accessToken")?;
    let refresh = input.refresh_token.optional("refreshToken")?;
    let handle = match (&access, &refresh) {
        (None, None) => Some(input.session_handle.required("sessionHandle")?),
        _ => input.session_handle.optional("sessionHandle")?,
    };
    let revoked = match (handle, access, refresh) {
        (Some(handle), None, None) => Some(service.revoke(Protocol::Native, &handle).await?),
        (None, Some(token), None) => {
            service
                .revoke_by_access_token(Protocol::Native, &token)
                .await?
        }
        (None, None, Some(token)) => {
            service
                .revoke_by_refresh_token(Protocol::Native, &token)
                .await?
        }
        _ => {
            let message = "sessionHandle, accessToken and refreshToken exclude each other";
            return Err(ApiError::invalid(message));
        }
    };
    Ok(revoked.map_or_else(reply::unauthorised, reply::revoked))
}
