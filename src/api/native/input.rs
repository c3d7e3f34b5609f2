//! The fields of each call's request, checked.

use std::borrow::Cow;
use std::time::Duration;

use http::Uri;
use serde::Deserialize;
use serde_json::value::RawValue;
use session_core::domain::authentication::Authentication;
use session_core::domain::feed::Cursor;
use session_core::domain::id::{HandleHash, UserId};
use session_core::domain::json::{Json, present};
use session_core::domain::lifetime::{LifetimePolicy, RequestedLifetime};
use session_core::domain::time::Timestamp;
use session_service::{DeviceProof, Login, NewBinding};

use super::device::{Device, Dpop, device, read_dpop};
use crate::error::ApiError;
use crate::field::{Text, client, json, object, parameter, parse, required_parameter, whole};

/// A session, and what is to be stored with it.
pub(super) struct Write<'a> {
    pub(super) handle: Cow<'a, str>,
    pub(super) value: Option<Json>,
}

/// The part of a user's sessions that is to be listed.
pub(super) struct List {
    pub(super) user_id: UserId,
    pub(super) after: Option<HandleHash>,
}

pub(super) fn create<'a>(
    body: &'a [u8],
    policy: &LifetimePolicy,
    now: Timestamp,
) -> Result<(Login, Device<'a>), ApiError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Fields<'a> {
        #[serde(default, borrow)]
        user_id: Text<'a>,
        #[serde(default, deserialize_with = "present", borrow)]
        jwt_payload: Option<&'a RawValue>,
        #[serde(default, deserialize_with = "present", borrow)]
        session_data: Option<&'a RawValue>,
        #[serde(default, deserialize_with = "present", borrow)]
        lifetime: Option<&'a RawValue>,
        #[serde(default, deserialize_with = "present", borrow)]
        client: Option<&'a RawValue>,
        #[serde(default, deserialize_with = "present", borrow)]
        authentication: Option<&'a RawValue>,
        #[serde(default, borrow)]
        device_binding: Text<'a>,
        #[serde(default, deserialize_with = "present", borrow)]
        dpop: Option<&'a RawValue>,
    }
    let fields: Fields<'_> = parse(body)?;
    let login = Login {
        user_id: check_user_id(fields.user_id.required("userId")?)?,
        payload: json(fields.jwt_payload, "jwtPayload")?,
        data: json(fields.session_data, "sessionData")?,
        lifetime: lifetime(fields.lifetime, policy)?,
        client: client(fields.client)?,
        authentication: authentication(fields.authentication, now)?,
        binding: NewBinding::None,
    };
    Ok((login, device(fields.device_binding, fields.dpop)?))
}

fn authentication(
    raw: Option<&RawValue>,
    now: Timestamp,
) -> Result<Option<Authentication>, ApiError> {
    #[derive(Deserialize)]
    struct Fields<'a> {
        #[serde(default, deserialize_with = "present", borrow)]
        time: Option<&'a RawValue>,
        #[serde(default, deserialize_with = "present", borrow)]
        methods: Option<&'a RawValue>,
        #[serde(default, borrow)]
        level: Text<'a>,
    }
    let Some(fields) = object::<Fields<'_>>(raw, "authentication")? else {
        return Ok(None);
    };
    let time = whole(fields.time, "authentication.time")?.map(Timestamp::from_millis);
    let methods = fields.methods.map(|raw| serde_json::from_str(raw.get()));
    let methods = methods
        .transpose()
        .map_err(|_| ApiError::invalid("authentication.methods must be a list of strings"))?;
    let level = fields.level.optional("authentication.level")?;
    let level = level.map(Cow::into_owned);
    Authentication::new(time, methods.unwrap_or_default(), level, now)
        .map(Some)
        .map_err(|error| ApiError::invalid(error.to_string()))
}

/// An access token whose user was authenticated once more; `None` if the user is logged out.
pub(super) fn reauthenticate(
    body: &[u8],
    now: Timestamp,
) -> Result<Option<(Cow<'_, str>, Authentication, Device<'_>)>, ApiError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Fields<'a> {
        #[serde(default, borrow)]
        access_token: Text<'a>,
        #[serde(default, borrow)]
        id_refresh_token: Text<'a>,
        #[serde(default, deserialize_with = "present", borrow)]
        authentication: Option<&'a RawValue>,
        #[serde(default, borrow)]
        device_binding: Text<'a>,
        #[serde(default, deserialize_with = "present", borrow)]
        dpop: Option<&'a RawValue>,
    }
    let fields: Fields<'_> = parse(body)?;
    let token = of_logged_in(fields.access_token, "accessToken", &fields.id_refresh_token)?;
    let Some(token) = token else { return Ok(None) };
    let authentication = authentication(fields.authentication, now)?;
    let authentication =
        authentication.ok_or_else(|| ApiError::invalid("authentication is missing"))?;
    let device = device(fields.device_binding, fields.dpop)?;
    Ok(Some((token, authentication, device)))
}

fn lifetime(
    raw: Option<&RawValue>,
    policy: &LifetimePolicy,
) -> Result<RequestedLifetime, ApiError> {
    #[derive(Default, Deserialize)]
    struct Fields<'a> {
        #[serde(default, deserialize_with = "present", borrow)]
        absolute: Option<&'a RawValue>,
        #[serde(default, deserialize_with = "present", borrow)]
        idle: Option<&'a RawValue>,
    }
    let fields: Fields<'_> = object(raw, "lifetime")?.unwrap_or_default();
    let seconds = |raw, field| Ok::<_, ApiError>(whole(raw, field)?.map(Duration::from_secs));
    let asked = RequestedLifetime {
        absolute: seconds(fields.absolute, "lifetime.absolute")?,
        idle: seconds(fields.idle, "lifetime.idle")?,
    };
    match policy.check(asked) {
        Ok(()) => Ok(asked),
        Err(error) => Err(ApiError::invalid(error.to_string())),
    }
}

/// A token, where its session is used, and what shows that it comes from the session's device.
pub(super) struct Present<'a> {
    pub(super) token: Cow<'a, str>,
    pub(super) client: Option<Json>,
    /// How long ago its user may have been authenticated.
    pub(super) max_authentication_age: Option<Duration>,
    device_proof: Option<Cow<'a, str>>,
    pub(super) dpop: Option<Dpop<'a>>,
}

impl Present<'_> {
    pub(super) fn proof(&self) -> Option<DeviceProof<'_>> {
        match (&self.dpop, &self.device_proof) {
            (Some(dpop), _) => Some(DeviceProof::Dpop(dpop.as_proof())),
            (None, proof) => proof.as_deref().map(DeviceProof::Browser),
        }
    }
}

/// The access token; `None` if the user is logged out.
pub(super) fn verify(body: &[u8]) -> Result<Option<Present<'_>>, ApiError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Fields<'a> {
        #[serde(default, borrow)]
        access_token: Text<'a>,
        #[serde(default, borrow)]
        id_refresh_token: Text<'a>,
        #[serde(default, deserialize_with = "present", borrow)]
        client: Option<&'a RawValue>,
        #[serde(default, deserialize_with = "present", borrow)]
        max_authentication_age: Option<&'a RawValue>,
        #[serde(default, deserialize_with = "present", borrow)]
        dpop: Option<&'a RawValue>,
    }
    let fields: Fields<'_> = parse(body)?;
    let token = of_logged_in(fields.access_token, "accessToken", &fields.id_refresh_token)?;
    let Some(token) = token else { return Ok(None) };
    let max_age = whole(fields.max_authentication_age, "maxAuthenticationAge")?;
    Ok(Some(Present {
        token,
        client: client(fields.client)?,
        max_authentication_age: max_age.map(Duration::from_secs),
        device_proof: None,
        dpop: read_dpop(fields.dpop)?,
    }))
}

/// The refresh token; `None` if the user is logged out.
pub(super) fn refresh(body: &[u8]) -> Result<Option<Present<'_>>, ApiError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Fields<'a> {
        #[serde(default, borrow)]
        refresh_token: Text<'a>,
        #[serde(default, borrow)]
        id_refresh_token: Text<'a>,
        #[serde(default, deserialize_with = "present", borrow)]
        client: Option<&'a RawValue>,
        #[serde(default, borrow)]
        device_proof: Text<'a>,
        #[serde(default, deserialize_with = "present", borrow)]
        dpop: Option<&'a RawValue>,
    }
    let fields: Fields<'_> = parse(body)?;
    let id = &fields.id_refresh_token;
    // Without a token the answer is known, whatever else was sent.
    let Some(token) = of_logged_in(fields.refresh_token, "refreshToken", id)? else {
        return Ok(None);
    };
    let input = Present {
        token,
        client: client(fields.client)?,
        max_authentication_age: None,
        device_proof: fields.device_proof.optional("deviceProof")?,
        dpop: read_dpop(fields.dpop)?,
    };
    match input.device_proof.is_some() && input.dpop.is_some() {
        true => Err(ApiError::invalid("deviceProof and dpop exclude each other")),
        false => Ok(Some(input)),
    }
}

/// What names the session that is to be revoked.
pub(super) enum Revoke<'a> {
    Session(Cow<'a, str>),
    ByAccessToken(Cow<'a, str>),
    ByRefreshToken(Cow<'a, str>),
}

pub(super) fn revoke(body: &[u8]) -> Result<Revoke<'_>, ApiError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Fields<'a> {
        #[serde(default, borrow)]
        session_handle: Text<'a>,
        #[serde(default, borrow)]
        access_token: Text<'a>,
        #[serde(default, borrow)]
        refresh_token: Text<'a>,
    }
    let fields: Fields<'_> = parse(body)?;
    let access = fields.access_token.optional("accessToken")?;
    let refresh = fields.refresh_token.optional("refreshToken")?;
    let handle = match (&access, &refresh) {
        (None, None) => Some(fields.session_handle.required("sessionHandle")?),
        _ => fields.session_handle.optional("sessionHandle")?,
    };
    match (handle, access, refresh) {
        (Some(handle), None, None) => Ok(Revoke::Session(handle)),
        (None, Some(token), None) => Ok(Revoke::ByAccessToken(token)),
        (None, None, Some(token)) => Ok(Revoke::ByRefreshToken(token)),
        _ => {
            let message = "sessionHandle, accessToken and refreshToken exclude each other";
            Err(ApiError::invalid(message))
        }
    }
}

/// Whose sessions are to be revoked, and the handle of the one that stays.
pub(super) struct RevokeAll<'a> {
    pub(super) user_id: UserId,
    pub(super) except: Option<Cow<'a, str>>,
}

pub(super) fn revoke_all(body: &[u8]) -> Result<RevokeAll<'_>, ApiError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Fields<'a> {
        #[serde(default, borrow)]
        user_id: Text<'a>,
        #[serde(default, borrow)]
        except_session_handle: Text<'a>,
    }
    let fields: Fields<'_> = parse(body)?;
    Ok(RevokeAll {
        user_id: check_user_id(fields.user_id.required("userId")?)?,
        except: fields
            .except_session_handle
            .optional("exceptSessionHandle")?,
    })
}

pub(super) fn list(uri: &Uri) -> Result<List, ApiError> {
    let query = uri.query().unwrap_or_default();
    let user_id = check_user_id(required_parameter(query, "userId")?)?;
    let after = parameter(query, "cursor")?.map(|cursor| {
        HandleHash::parse(&cursor).ok_or_else(|| ApiError::invalid("invalid cursor"))
    });
    Ok(List {
        user_id,
        after: after.transpose()?,
    })
}

/// The part of the revocations that is to be read.
pub(super) struct Revocations {
    pub(super) since: Option<Timestamp>,
    pub(super) after: Option<Cursor>,
}

pub(super) fn revocations(uri: &Uri) -> Result<Revocations, ApiError> {
    let query = uri.query().unwrap_or_default();
    let since = parameter(query, "since")?.map(|since| match since.parse() {
        Ok(millis) if since.bytes().all(|b| b.is_ascii_digit()) => {
            Ok(Timestamp::from_millis(millis))
        }
        _ => Err(ApiError::invalid(
            "since must be milliseconds since the Unix epoch",
        )),
    });
    let after = parameter(query, "after")?
        .map(|after| Cursor::parse(&after).ok_or_else(|| ApiError::invalid("invalid after")));
    Ok(Revocations {
        since: since.transpose()?,
        after: after.transpose()?,
    })
}

pub(super) fn read_data(uri: &Uri) -> Result<String, ApiError> {
    required_parameter(uri.query().unwrap_or_default(), "sessionHandle")
}

pub(super) fn write_data(body: &[u8]) -> Result<Write<'_>, ApiError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Fields<'a> {
        #[serde(default, borrow)]
        session_handle: Text<'a>,
        #[serde(default, deserialize_with = "present", borrow)]
        session_data: Option<&'a RawValue>,
    }
    let fields: Fields<'_> = parse(body)?;
    Ok(Write {
        handle: fields.session_handle.required("sessionHandle")?,
        value: json(fields.session_data, "sessionData")?,
    })
}

pub(super) fn write_payload(body: &[u8]) -> Result<Write<'_>, ApiError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Fields<'a> {
        #[serde(default, borrow)]
        session_handle: Text<'a>,
        #[serde(default, deserialize_with = "present", borrow)]
        jwt_payload: Option<&'a RawValue>,
    }
    let fields: Fields<'_> = parse(body)?;
    Ok(Write {
        handle: fields.session_handle.required("sessionHandle")?,
        value: json(fields.jwt_payload, "jwtPayload")?,
    })
}

/// A token; `None` without an id refresh token, whatever else was sent: that user is logged out.
pub(super) fn of_logged_in<'a>(
    token: Text<'a>,
    field: &str,
    id_refresh_token: &Text<'_>,
) -> Result<Option<Cow<'a, str>>, ApiError> {
    match id_refresh_token.is_string() {
        true => token.required(field).map(Some),
        false => Ok(None),
    }
}

fn check_user_id(text: impl Into<String>) -> Result<UserId, ApiError> {
    UserId::parse(text).map_err(|error| ApiError::invalid(format!("userId {error}")))
}
