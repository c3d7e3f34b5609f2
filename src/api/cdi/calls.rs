//! What each call takes from its request.

use serde::Deserialize;
use serde_json::value::RawValue;
use session_core::domain::id::UserId;
use session_core::domain::json::{JSON_MAX_BYTES, Json, present};
use session_core::domain::protocol::Protocol;
use session_core::domain::token::header::{CdiFormat, TokenFormat};
use session_core::domain::token::key::Class;
use session_core::domain::token::shape::cdi::{Payload, PayloadError};
use session_core::platform::Platform;
use session_service::{Check, CheckLevel, Service, TokenOptions};
use session_store::Store;

use super::reply;
use super::version::CdiVersion;
use crate::error::ApiError;
use crate::field::{Flag, Text, json, parameter, parse, required_parameter};
use crate::reply::Reply;
use crate::within_deadline;

/// That the service and its database are there; probes want a 500 if they are not.
pub(super) async fn hello<S: Store, P: Platform>(
    service: &Service<S, P>,
) -> Result<Reply, ApiError> {
    match service.ready().await {
        Ok(()) => Ok(reply::hello()),
        Err(error) => Err(ApiError::Internal(error.to_string())),
    }
}

/// Users are the site's: none has another id with us.
pub(super) fn user_id(query: &str) -> Result<Reply, ApiError> {
    required_parameter(query, "userId")?;
    Ok(reply::unknown_user_id())
}

pub(super) async fn create<S: Store, P: Platform>(
    service: &Service<S, P>,
    body: &[u8],
    version: CdiVersion,
) -> Result<Reply, ApiError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Input<'a> {
        #[serde(default, borrow)]
        user_id: Text<'a>,
        #[serde(
            default,
            rename = "userDataInJWT",
            deserialize_with = "present",
            borrow
        )]
        payload: Option<&'a RawValue>,
        #[serde(default, deserialize_with = "present", borrow)]
        user_data_in_database: Option<&'a RawValue>,
        #[serde(default)]
        enable_anti_csrf: Flag,
        #[serde(default)]
        use_dynamic_signing_key: Flag,
    }
    let input: Input<'_> = parse(body)?;
    let user_id = check_user_id(input.user_id.required("userId")?)?;
    let payload = payload(required(input.payload, "userDataInJWT")?)?;
    let data = data(input.user_data_in_database)?;
    let options = options(
        version,
        input.enable_anti_csrf.required("enableAntiCsrf")?,
        input
            .use_dynamic_signing_key
            .optional("useDynamicSigningKey")?,
    );
    let grant = service
        .create(user_id, Some(payload), Some(data), options)
        .await?;
    Ok(reply::granted(&grant, version))
}

pub(super) async fn verify<S: Store, P: Platform>(
    service: &Service<S, P>,
    body: &[u8],
    version: CdiVersion,
) -> Result<Reply, ApiError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Input<'a> {
        #[serde(default, borrow)]
        access_token: Text<'a>,
        #[serde(default, borrow)]
        anti_csrf_token: Text<'a>,
        #[serde(default)]
        do_anti_csrf_check: Flag,
        #[serde(default)]
        enable_anti_csrf: Flag,
        #[serde(default)]
        check_database: Flag,
    }
    let input: Input<'_> = parse(body)?;
    let token = input.access_token.required("accessToken")?;
    let shown = input.anti_csrf_token.optional("antiCsrfToken")?;
    let do_check = input.do_anti_csrf_check.required("doAntiCsrfCheck")?;
    let is_enabled = input.enable_anti_csrf.required("enableAntiCsrf")?;
    let check = Check {
        protocol: Protocol::Cdi,
        level: match input.check_database.required("checkDatabase")? {
            true => CheckLevel::Payload,
            false => CheckLevel::Token,
        },
        anti_csrf: (do_check && is_enabled).then_some(shown.as_deref()),
    };
    let answer = service.verify(&token, check).await?;
    Ok(reply::verified(&answer, version))
}

pub(super) async fn refresh<S: Store, P: Platform>(
    service: &Service<S, P>,
    body: &[u8],
    version: CdiVersion,
) -> Result<Reply, ApiError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Input<'a> {
        #[serde(default, borrow)]
        refresh_token: Text<'a>,
        #[serde(default, borrow)]
        anti_csrf_token: Text<'a>,
        #[serde(default)]
        enable_anti_csrf: Flag,
        #[serde(default)]
        use_dynamic_signing_key: Flag,
    }
    let input: Input<'_> = parse(body)?;
    let token = input.refresh_token.required("refreshToken")?;
    let shown = input.anti_csrf_token.optional("antiCsrfToken")?;
    let choice = input.use_dynamic_signing_key;
    let dynamic = match version.needs_key_choice() {
        true => Some(choice.required("useDynamicSigningKey")?),
        false => choice.optional("useDynamicSigningKey")?,
    };
    let anti_csrf = input.enable_anti_csrf.required("enableAntiCsrf")?;
    let options = options(version, anti_csrf, dynamic);
    let answer = service.refresh(&token, shown.as_deref(), options).await?;
    Ok(reply::refreshed(&answer, version))
}

pub(super) async fn regenerate<S: Store, P: Platform>(
    service: &Service<S, P>,
    body: &[u8],
    version: CdiVersion,
) -> Result<Reply, ApiError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Input<'a> {
        #[serde(default, borrow)]
        access_token: Text<'a>,
        #[serde(
            default,
            rename = "userDataInJWT",
            deserialize_with = "present",
            borrow
        )]
        payload: Option<&'a RawValue>,
    }
    let input: Input<'_> = parse(body)?;
    let token = input.access_token.required("accessToken")?;
    let payload = input.payload.map(payload).transpose()?;
    let answer = service
        .regenerate(Protocol::Cdi, &token, payload.as_ref())
        .await?;
    Ok(reply::regenerated(answer.as_ref(), version))
}

pub(super) async fn information<S: Store, P: Platform>(
    service: &Service<S, P>,
    query: &str,
    version: CdiVersion,
) -> Result<Reply, ApiError> {
    let handle = required_parameter(query, "sessionHandle")?;
    let record = service.record(Protocol::Cdi, &handle).await?;
    Ok(reply::information(&handle, record.as_ref(), version))
}

pub(super) async fn write_data<S: Store, P: Platform>(
    service: &Service<S, P>,
    body: &[u8],
) -> Result<Reply, ApiError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Input<'a> {
        #[serde(default, borrow)]
        session_handle: Text<'a>,
        #[serde(default, deserialize_with = "present", borrow)]
        user_data_in_database: Option<&'a RawValue>,
    }
    let input: Input<'_> = parse(body)?;
    let handle = input.session_handle.required("sessionHandle")?;
    let data = data(input.user_data_in_database)?;
    let written = service
        .write_data(Protocol::Cdi, &handle, Some(&data))
        .await?;
    Ok(reply::written(written))
}

pub(super) async fn write_payload<S: Store, P: Platform>(
    service: &Service<S, P>,
    body: &[u8],
) -> Result<Reply, ApiError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Input<'a> {
        #[serde(default, borrow)]
        session_handle: Text<'a>,
        #[serde(
            default,
            rename = "userDataInJWT",
            deserialize_with = "present",
            borrow
        )]
        payload: Option<&'a RawValue>,
    }
    let input: Input<'_> = parse(body)?;
    let handle = input.session_handle.required("sessionHandle")?;
    let payload = payload(required(input.payload, "userDataInJWT")?)?;
    let written = service
        .write_payload(Protocol::Cdi, &handle, Some(&payload))
        .await?;
    Ok(reply::written(written))
}

pub(super) async fn list<S: Store, P: Platform>(
    service: &Service<S, P>,
    query: &str,
) -> Result<Reply, ApiError> {
    let user_id = check_user_id(required_parameter(query, "userId")?)?;
    // There is one tenant, and no user is linked to another: they change nothing.
    for name in ["fetchAcrossAllTenants", "fetchSessionsForAllLinkedAccounts"] {
        if !matches!(
            parameter(query, name)?.as_deref(),
            None | Some("true" | "false")
        ) {
            return Err(ApiError::invalid(format!("{name} must be true or false")));
        }
    }
    let handles = service.list_all(Protocol::Cdi, &user_id).await?;
    Ok(reply::listed(&handles))
}

pub(super) async fn remove<S: Store, P: Platform>(
    service: &Service<S, P>,
    body: &[u8],
) -> Result<Reply, ApiError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Input<'a> {
        #[serde(default, deserialize_with = "present", borrow)]
        session_handles: Option<&'a RawValue>,
        #[serde(default, borrow)]
        user_id: Text<'a>,
        #[serde(default)]
        revoke_across_all_tenants: Flag,
        #[serde(default)]
        revoke_sessions_for_linked_accounts: Flag,
    }
    let input: Input<'_> = parse(body)?;
    let user_id = input.user_id.optional("userId")?;
    let flags = [
        input
            .revoke_across_all_tenants
            .optional("revokeAcrossAllTenants")?,
        input
            .revoke_sessions_for_linked_accounts
            .optional("revokeSessionsForLinkedAccounts")?,
    ];
    match (input.session_handles, user_id) {
        (Some(handles), None) if flags == [None; 2] => {
            let handles: Vec<String> = serde_json::from_str(handles.get())
                .map_err(|_| ApiError::invalid("sessionHandles must be a list of strings"))?;
            let revoked = within_deadline(&**service.platform(), async {
                Ok(service.revoke_many(Protocol::Cdi, handles).await?)
            });
            Ok(reply::removed(&revoked.await?))
        }
        (None, Some(user_id)) => {
            let user_id = check_user_id(user_id)?;
            let handles = within_deadline(&**service.platform(), async {
                Ok(service.list_all(Protocol::Cdi, &user_id).await?)
            });
            let handles = handles.await?;
            service.revoke_all(&user_id).await?;
            let handles: Vec<_> = handles.iter().map(|handle| handle.reveal()).collect();
            Ok(reply::removed(&handles))
        }
        _ => Err(ApiError::invalid(
            "either sessionHandles or userId must be given, and the other fields with userId only",
        )),
    }
}

fn options(version: CdiVersion, anti_csrf: bool, dynamic: Option<bool>) -> TokenOptions {
    TokenOptions {
        form: TokenFormat::Cdi(CdiFormat {
            version: version.access_token(),
            class: match dynamic {
                Some(false) => Class::Static,
                _ => Class::Dynamic,
            },
        }),
        anti_csrf,
        // Their front ends keep tabs from racing, and their tests call it theft at once.
        tolerates_races: false,
    }
}

/// SDKs may have users with an empty id.
fn check_user_id(text: impl Into<String>) -> Result<UserId, ApiError> {
    UserId::or_empty(text).map_err(|error| ApiError::invalid(format!("userId {error}")))
}

fn required<'a>(raw: Option<&'a RawValue>, field: &str) -> Result<&'a RawValue, ApiError> {
    raw.ok_or_else(|| ApiError::invalid(format!("{field} is missing")))
}

fn payload(raw: &RawValue) -> Result<Json, ApiError> {
    if raw.get().len() > JSON_MAX_BYTES {
        return Err(ApiError::FieldTooLarge("userDataInJWT"));
    }
    match Payload::check(raw) {
        Ok(payload) => Ok(payload.into_json()),
        Err(PayloadError::Protected) => Err(ApiError::ProtectedClaim),
        Err(error) => Err(ApiError::invalid(format!("userDataInJWT {error}"))),
    }
}

fn data(raw: Option<&RawValue>) -> Result<Json, ApiError> {
    const FIELD: &str = "userDataInDatabase";
    let raw = required(raw, FIELD)?;
    match json(Some(raw), FIELD)? {
        Some(data) if data.as_str().starts_with('{') => Ok(data),
        _ => Err(ApiError::invalid(format!("{FIELD} must be a JSON object"))),
    }
}
