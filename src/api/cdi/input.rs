//! The fields of each call's request, checked.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;
use session_core::domain::id::UserId;
use session_core::domain::json::{JSON_MAX_BYTES, Json, present};
use session_core::domain::token::header::{CdiFormat, TokenFormat};
use session_core::domain::token::key::Class;
use session_core::domain::token::shape::cdi::{Payload, PayloadError};
use session_service::{CheckLevel, TokenOptions};

use super::version::CdiVersion;
use crate::error::ApiError;
use crate::field::{Flag, Text, json, parameter, parse, required_parameter};

/// A login.
pub(super) struct Create {
    pub(super) user_id: UserId,
    pub(super) payload: Json,
    pub(super) data: Json,
    pub(super) options: TokenOptions,
}

/// An access token, and how it is to be checked.
pub(super) struct Verify<'a> {
    pub(super) token: Cow<'a, str>,
    pub(super) level: CheckLevel,
    /// The anti-CSRF token that came with it, if one is required.
    pub(super) anti_csrf: Option<Option<Cow<'a, str>>>,
}

/// A refresh token, and what is asked of its child.
pub(super) struct Refresh<'a> {
    pub(super) token: Cow<'a, str>,
    pub(super) anti_csrf: Option<Cow<'a, str>>,
    pub(super) options: TokenOptions,
}

/// An access token, and the payload that replaces its session's.
pub(super) struct Regenerate<'a> {
    pub(super) token: Cow<'a, str>,
    pub(super) payload: Option<Json>,
}

/// A session, and what is to be stored with it.
pub(super) struct Write<'a> {
    pub(super) handle: Cow<'a, str>,
    pub(super) value: Json,
}

/// The sessions that are to be removed.
pub(super) enum Remove {
    Handles(Vec<String>),
    User(UserId),
}

/// The parameter of `GET /user/id`.
pub(super) fn user_id(query: &str) -> Result<String, ApiError> {
    required_parameter(query, "userId")
}

pub(super) fn create(body: &[u8], version: CdiVersion) -> Result<Create, ApiError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Fields<'a> {
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
    let fields: Fields<'_> = parse(body)?;
    Ok(Create {
        user_id: check_user_id(fields.user_id.required("userId")?)?,
        payload: payload(required(fields.payload, "userDataInJWT")?)?,
        data: data(fields.user_data_in_database)?,
        options: options(
            version,
            fields.enable_anti_csrf.required("enableAntiCsrf")?,
            fields
                .use_dynamic_signing_key
                .optional("useDynamicSigningKey")?,
        ),
    })
}

pub(super) fn verify(body: &[u8]) -> Result<Verify<'_>, ApiError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Fields<'a> {
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
    let fields: Fields<'_> = parse(body)?;
    let token = fields.access_token.required("accessToken")?;
    let anti_csrf = fields.anti_csrf_token.optional("antiCsrfToken")?;
    let do_check = fields.do_anti_csrf_check.required("doAntiCsrfCheck")?;
    let is_enabled = fields.enable_anti_csrf.required("enableAntiCsrf")?;
    Ok(Verify {
        token,
        level: match fields.check_database.required("checkDatabase")? {
            true => CheckLevel::Payload,
            false => CheckLevel::Token,
        },
        anti_csrf: (do_check && is_enabled).then_some(anti_csrf),
    })
}

pub(super) fn refresh(body: &[u8], version: CdiVersion) -> Result<Refresh<'_>, ApiError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Fields<'a> {
        #[serde(default, borrow)]
        refresh_token: Text<'a>,
        #[serde(default, borrow)]
        anti_csrf_token: Text<'a>,
        #[serde(default)]
        enable_anti_csrf: Flag,
        #[serde(default)]
        use_dynamic_signing_key: Flag,
    }
    let fields: Fields<'_> = parse(body)?;
    let token = fields.refresh_token.required("refreshToken")?;
    let anti_csrf = fields.anti_csrf_token.optional("antiCsrfToken")?;
    let choice = fields.use_dynamic_signing_key;
    let dynamic = match version.needs_key_choice() {
        true => Some(choice.required("useDynamicSigningKey")?),
        false => choice.optional("useDynamicSigningKey")?,
    };
    let is_enabled = fields.enable_anti_csrf.required("enableAntiCsrf")?;
    Ok(Refresh {
        token,
        anti_csrf,
        options: options(version, is_enabled, dynamic),
    })
}

pub(super) fn regenerate(body: &[u8]) -> Result<Regenerate<'_>, ApiError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Fields<'a> {
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
    let fields: Fields<'_> = parse(body)?;
    Ok(Regenerate {
        token: fields.access_token.required("accessToken")?,
        payload: fields.payload.map(payload).transpose()?,
    })
}

pub(super) fn information(query: &str) -> Result<String, ApiError> {
    required_parameter(query, "sessionHandle")
}

pub(super) fn write_data(body: &[u8]) -> Result<Write<'_>, ApiError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Fields<'a> {
        #[serde(default, borrow)]
        session_handle: Text<'a>,
        #[serde(default, deserialize_with = "present", borrow)]
        user_data_in_database: Option<&'a RawValue>,
    }
    let fields: Fields<'_> = parse(body)?;
    Ok(Write {
        handle: fields.session_handle.required("sessionHandle")?,
        value: data(fields.user_data_in_database)?,
    })
}

pub(super) fn write_payload(body: &[u8]) -> Result<Write<'_>, ApiError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Fields<'a> {
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
    let fields: Fields<'_> = parse(body)?;
    Ok(Write {
        handle: fields.session_handle.required("sessionHandle")?,
        value: payload(required(fields.payload, "userDataInJWT")?)?,
    })
}

pub(super) fn list(query: &str) -> Result<UserId, ApiError> {
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
    Ok(user_id)
}

pub(super) fn remove(body: &[u8]) -> Result<Remove, ApiError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Fields<'a> {
        #[serde(default, deserialize_with = "present", borrow)]
        session_handles: Option<&'a RawValue>,
        #[serde(default, borrow)]
        user_id: Text<'a>,
        #[serde(default)]
        revoke_across_all_tenants: Flag,
        #[serde(default)]
        revoke_sessions_for_linked_accounts: Flag,
    }
    let fields: Fields<'_> = parse(body)?;
    let user_id = fields.user_id.optional("userId")?;
    let flags = [
        fields
            .revoke_across_all_tenants
            .optional("revokeAcrossAllTenants")?,
        fields
            .revoke_sessions_for_linked_accounts
            .optional("revokeSessionsForLinkedAccounts")?,
    ];
    match (fields.session_handles, user_id) {
        (Some(handles), None) if flags == [None; 2] => serde_json::from_str(handles.get())
            .map(Remove::Handles)
            .map_err(|_| ApiError::invalid("sessionHandles must be a list of strings")),
        (None, Some(user_id)) => check_user_id(user_id).map(Remove::User),
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
        return Err(ApiError::FieldTooLarge("userDataInJWT", JSON_MAX_BYTES));
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
